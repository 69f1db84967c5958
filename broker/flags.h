/* SPDX-License-Identifier: MIT
 *
 * The command line of gaijin-broker: the rows of proto/settings/settings.def that are its own.
 */
#ifndef GAIJIN_BROKER_FLAGS_H
#define GAIJIN_BROKER_FLAGS_H

#include "broker/broker.h"

struct flags {
  struct broker_config config;
  const char *check_upgrade; /* a stamp (upgrade/stamp.h) to judge, and then end; NULL: none */
  char default_socket[512]; /* what config.socket points to when no flag set it */
};

enum flags_outcome { FLAGS_RUN, FLAGS_SHOWN, FLAGS_BAD };

/* Reads flags and environment. SHOWN: --help or --version was written to stdout; BAD: `error` (n
 * bytes) says in one line what is wrong and what to do. The struct points into argv and into
 * itself: do not copy it. */
enum flags_outcome flags_parse(struct flags *f, int argc, char **argv, char *error, size_t n);

#endif
