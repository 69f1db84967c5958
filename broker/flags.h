/* SPDX-License-Identifier: MIT
 *
 * The command line of gaijin-broker.
 */
#ifndef GAIJIN_BROKER_FLAGS_H
#define GAIJIN_BROKER_FLAGS_H

#include <stddef.h>
#include <stdint.h>

#include "broker/base/log.h"

struct flags {
  const char *socket;   /* path */
  uint32_t load_min;    /* tokens of one host a client may hold before it is first asked to collect */
  double load_gain;     /* growth over what it really used before it is asked again; at least 1 */
  uint32_t max_message; /* bytes after the length prefix */
  enum log_level log_level;
  char default_socket[512]; /* what `socket` points to when no flag set it */
};

enum flags_outcome { FLAGS_RUN, FLAGS_SHOWN, FLAGS_BAD };

/* Reads flags and environment. SHOWN: --help or --version was printed; BAD: `error` (n bytes) says in one line what is
 * wrong and what to do. The struct points into argv and into itself: do not copy it. */
enum flags_outcome flags_parse(struct flags *o, int argc, char **argv, char *error, size_t n);

/* "64K", "16M", "1G" or plain bytes, within the limits of --max-message: 0 and *bytes, or -1. */
int flags_parse_size(const char *text, uint32_t *bytes);

#endif
