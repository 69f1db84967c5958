/* SPDX-License-Identifier: MIT
 *
 * The command line of gaijin-broker: the rows of proto/settings/settings.def that are its own, and
 * what they come to with the file of settings that they may name.
 */
#ifndef GAIJIN_BROKER_FLAGS_H
#define GAIJIN_BROKER_FLAGS_H

#include "broker/broker.h"
#include "broker/config.h"

struct flags {
  struct broker_config config; /* what they come to */
  struct config settings;
  struct policy_errors faults; /* of the file of settings */
  const char *check_upgrade; /* a stamp (upgrade/stamp.h) to judge, and then end; NULL: none */
  char default_socket[512]; /* what config.socket points to when no flag set it */
  char origins[3][CONFIG_ORIGIN]; /* of socket, mode and group */
};

/* RUN: go on, or do what --check-config, --print-config or --check-upgrade say. SHOWN: --help or
 * --version was written to stdout. BAD: `error` says what is wrong with the command line and what
 * to do. FAULTY: the same of the file of settings, in `faults`. */
enum flags_outcome { FLAGS_RUN, FLAGS_SHOWN, FLAGS_BAD, FLAGS_FAULTY };

/* Reads flags, their file and environment; `error` (n bytes) is one line. The struct points into
 * argv and into itself: do not copy it. flags_deinit ends it whatever came of it. */
enum flags_outcome flags_parse(struct flags *f, int argc, char **argv, char *error, size_t n);
void flags_deinit(struct flags *f);

#endif
