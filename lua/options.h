/* SPDX-License-Identifier: MIT
 *
 * The command line of gaijin-worker, and what its settings and those of gaijin.connect, the same
 * rows of proto/settings/settings.def, mean for a worker.
 */
#ifndef GAIJIN_LUA_OPTIONS_H
#define GAIJIN_LUA_OPTIONS_H

#include <stddef.h>

#include "proto/limits.h"
#include "proto/settings/settings.h"

struct worker;

struct options {
  struct settings values;
  char name[NAME_MAX_BYTES + 1]; /* as given, or from the script's */
  bool name_changed; /* from the script's, some of whose bytes no name has */
  const char *script;            /* NULL: there is code */
  int script_index;              /* of the script in argv; its arguments follow */
};

enum options_outcome { OPTIONS_RUN, OPTIONS_SHOWN, OPTIONS_BAD };

/* Reads argv; `o` points into it. SHOWN: help or version was written to stdout. BAD: `error` (n
 * bytes) says in one line what is wrong and what to do. */
enum options_outcome options_parse(struct options *o, int argc, char **argv, char *error, size_t n);

/* Sets the limits and times of a worker. `s` is of SETTINGS_WORKER or SETTINGS_CONNECT. */
void options_configure(const struct settings *s, struct worker *w);

/* How long the connection tries to come back, in milliseconds; 0: not at all, as in
 * a sandbox. */
uint32_t options_reconnect_ms(const struct settings *s);

/* Limits of a worker program; 0: none. In a sandbox there are some by default. */
size_t options_memory_limit(const struct settings *s); /* bytes */
double options_cpu_limit(const struct settings *s);    /* seconds */

#endif
