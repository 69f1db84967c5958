/* SPDX-License-Identifier: MIT
 *
 * The command line of gaijin-worker.
 */
#ifndef GAIJIN_LUA_OPTIONS_H
#define GAIJIN_LUA_OPTIONS_H

#include <stdbool.h>

struct options {
  char name[256];
  const char *socket; /* NULL: the default */
  const char *script; /* NULL: code */
  const char *code;
  int script_index; /* of the script in argv; its arguments follow */
  bool once;
  double wait;
  double grace;
  double call_timeout; /* seconds; 0: none */
  double atc_time;
  unsigned collector_waits;
  unsigned max_depth;
  unsigned max_fibers;
};

enum options_outcome { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_BAD };

/* Reads argv. OPTIONS_DONE: help or version was printed. OPTIONS_BAD: one line was printed on stderr. */
enum options_outcome options_parse(struct options *o, int argc, char **argv);

#endif
