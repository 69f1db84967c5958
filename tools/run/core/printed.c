/* SPDX-License-Identifier: MIT
 *
 * Lines that were lost are told before the next one that is written. A worker may write none any
 * more: so it is tried again and again meanwhile.
 */
#include "tools/run/core/printed.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/settings/manager.h"
#include "tools/base/terminal.h"
#include "tools/base/text.h"
#include "tools/run/output/relay.h"

static const char *const names[RUN_STREAMS] = {"stdout", "stderr"};
static const int descriptors[RUN_STREAMS] = {STDOUT_FILENO, STDERR_FILENO};

enum { LOST_MS = 500 };

static FILE *file_of(int k) { return k ? stderr : stdout; }

static void on_lost_time(uv_timer_t *t) {
  struct run *r = t->data;
  unsigned long left = 0;
  for (int k = 0; k < RUN_STREAMS; k++) {
    struct printed *p = &r->printed[k];
    if (p->lost) output_tell_lost(file_of(k), p->mark, &p->lost);
    left += p->lost;
  }
  if (!left) uv_timer_stop(t);
}

void printed_begin(struct run *r) {
  uv_timer_init(&r->loop, &r->lost_timer);
  r->lost_timer.data = r;
  for (int k = 0; k < RUN_STREAMS; k++) {
    struct printed *p = &r->printed[k];
    p->is_terminal = isatty(descriptors[k]);
    p->colours = terminal_look(file_of(k)).colours;
    p->is_journal = manager_is_journal(descriptors[k]);
    enum log_format form = p->is_journal ? LOG_JOURNAL : LOG_TEXT;
    logline_more(p->mark, form, LOG_WARN);
    logline_more(p->level, form, k ? LOG_WARN : LOG_INFO);
    if (!r->plan->stays) continue;
    fflush(file_of(k));
    if (k && relay_share(r->printed[0].relay, descriptors[k])) continue;
    p->relay = relay_begin(descriptors[k]);
    if (!p->relay)
      tool_error("run: %s is written to directly, so who does not read it holds up all: %s",
                 names[k], strerror(errno));
  }
}

void printed_check(struct run *r) {
  bool some_lost = false;
  for (int k = 0; k < RUN_STREAMS; k++) {
    struct printed *p = &r->printed[k];
    int fault = relay_fault(p->relay);
    if (fault && !p->fault)
      tool_error("run: cannot write %s: %s; what is written there is lost", names[k],
                 strerror(fault));
    p->fault = fault;
    some_lost = some_lost || p->lost;
  }
  if (some_lost && !uv_is_active((uv_handle_t *)&r->lost_timer))
    uv_timer_start(&r->lost_timer, on_lost_time, LOST_MS, LOST_MS);
}

/* Of who does not read to the end, nobody waits. */
static void tell_at_end(struct printed *p, int k) {
  struct pollfd there = {.fd = descriptors[k], .events = POLLOUT};
  if (p->lost && poll(&there, 1, 0) == 1 && there.revents == POLLOUT)
    output_tell_lost(file_of(k), p->mark, &p->lost);
}

void printed_end(struct run *r) {
  fflush(stdout);
  for (int k = 0; k < RUN_STREAMS; k++) {
    relay_end(r->printed[k].relay);
    r->printed[k].relay = NULL;
  }
  for (int k = 0; k < RUN_STREAMS; k++) tell_at_end(&r->printed[k], k);
}
