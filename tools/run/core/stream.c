/* SPDX-License-Identifier: MIT
 *
 * The handle is closed with its descriptor, and is of no use until the loop has said goodbye to it:
 * so each stream that is opened has one of its own.
 */
#include "tools/run/core/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"
#include "tools/run/core/log.h"
#include "tools/run/core/printed.h"

static void on_output(uv_poll_t *p, int status, int events) {
  (void)status;
  (void)events;
  stream_read(p->data, 1 << 16);
}

static void on_out(void *user, const char *line, size_t size) {
  run_log_line(user, LOG_INFO, line, size);
}

static void on_err(void *user, const char *line, size_t size) {
  run_log_line(user, LOG_WARN, line, size);
}

/* Where the lines of stream k go, beside the log. */
static FILE *target(const struct worker *w, int k) {
  return w->plan->logs ? NULL : k ? stderr : stdout;
}

void stream_turn(struct worker *w, struct process *p) {
  for (int k = 0; k < RUN_STREAMS; k++) p->streams[k].output.to = target(w, k);
}

int stream_open(struct worker *w, struct process *p, int k, int *write_end) {
  struct stream *s = &p->streams[k];
  struct run *r = w->run;
  stream_close(s);
  s->worker = w;
  s->output = (struct output){.fd = -1,
                              .to = target(w, k),
                              .head = w->heads[k],
                              .mark = r->printed[k].mark,
                              .level = r->printed[k].level,
                              .stamped = r->plan->timestamps,
                              .lost = r->plan->stays ? &r->printed[k].lost : NULL,
                              .is_plain = r->plan->stays && r->printed[k].is_terminal,
                              .seen = k ? on_err : on_out,
                              .user = w};
  int e = output_open(&s->output, write_end);
  if (e) return e;
  s->poll = tool_alloc(1, sizeof *s->poll);
  uv_poll_init(&r->loop, s->poll, s->output.fd);
  s->poll->data = s;
  uv_poll_start(s->poll, UV_READABLE | UV_DISCONNECT, on_output);
  return 0;
}

static void free_handle(uv_handle_t *h) { free(h); }

void stream_close(struct stream *s) {
  if (s->output.fd < 0) return;
  uv_poll_stop(s->poll);
  uv_close((uv_handle_t *)s->poll, free_handle);
  s->poll = NULL;
  if (!output_close(&s->output) && s->worker->run->status == 0)
    run_fail(s->worker->run);
}

void stream_read(struct stream *s, size_t most) {
  if (s->output.fd < 0) return;
  struct run *r = s->worker->run;
  enum output_end end = output_read(&s->output, most);
  if (end == OUTPUT_MORE) {
    printed_check(r);
    return;
  }
  if (end == OUTPUT_BROKEN && !r->stopping) {
    tool_error("run: cannot write the workers' output: %s; stopping all", strerror(errno));
    run_fail(r);
  }
  stream_close(s);
  printed_check(r);
}
