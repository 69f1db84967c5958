/* SPDX-License-Identifier: MIT
 *
 * The model of printed.h.
 */
#include "tools/run/core/printed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/settings/manager.h"
#include "tools/base/terminal.h"
#include "tools/base/text.h"
#include "tools/run/output/relay.h"

static const char *const names[RUN_STREAMS] = {"stdout", "stderr"};
static const int descriptors[RUN_STREAMS] = {STDOUT_FILENO, STDERR_FILENO};

void printed_begin(struct run *r) {
  for (int k = 0; k < RUN_STREAMS; k++) {
    struct printed *p = &r->printed[k];
    p->is_terminal = isatty(descriptors[k]);
    p->colours = terminal_look(k ? stderr : stdout).colours;
    p->is_journal = manager_is_journal(descriptors[k]);
    enum log_format form = p->is_journal ? LOG_JOURNAL : LOG_TEXT;
    logline_more(p->mark, form, LOG_WARN);
    logline_more(p->level, form, k ? LOG_WARN : LOG_INFO);
    if (!r->plan->stays) continue;
    fflush(k ? stderr : stdout);
    if (k && relay_share(r->printed[0].relay, descriptors[k])) continue;
    p->relay = relay_begin(descriptors[k]);
    if (!p->relay)
      tool_error("run: %s is written to directly, so who does not read it holds up all: %s",
                 names[k], strerror(errno));
  }
}

void printed_check(struct run *r) {
  for (int k = 0; k < RUN_STREAMS; k++) {
    struct printed *p = &r->printed[k];
    int fault = relay_fault(p->relay);
    if (fault && !p->fault)
      tool_error("run: cannot write %s: %s; what is written there is lost", names[k],
                 strerror(fault));
    p->fault = fault;
  }
}

void printed_end(struct run *r) {
  fflush(stdout);
  for (int k = 0; k < RUN_STREAMS; k++) {
    relay_end(r->printed[k].relay);
    r->printed[k].relay = NULL;
  }
}
