/* SPDX-License-Identifier: MIT
 *
 * What tests of a broker that is killed and started again share: one bed at a time.
 */
#ifndef GAIJIN_TESTS_FLOW_RESTART_H
#define GAIJIN_TESTS_FLOW_RESTART_H

#include <stdlib.h>
#include <string.h>

#include "tests/bed/bed.h"
#include "tests/unit/run.h"

static struct bed *b;

static inline void kill_broker(void) { bed_kill(b, bed_broker(b)); }

static inline struct child *start(const char *name, const char *code) {
  return bed_start(b, &(struct bed_worker){.name = name, .code = code});
}

/* One that runs its script without the test waiting for its end. */
static inline struct child *start_running(const char *name, const char *code) {
  return bed_start(b, &(struct bed_worker){.name = name, .code = code, .once = true, .no_wait = true});
}

static inline bool said(const struct child *c, const char *text) {
  char *output = child_output(c);
  bool found = output && strstr(output, text);
  free(output);
  return found;
}

#endif
