/* SPDX-License-Identifier: MIT
 *
 * The bed's view of the broker: connections, and the tokens it knows.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bed/bed.h"
#include "tests/bed/inside.h"

gaijin *bed_connect(struct bed *b, const char *name, bool observer, const struct gaijin_events *events, void *user) {
  gaijin *g = NULL;
  char error[256];
  struct gaijin_options options = {.socket = b->socket,
                                   .name = name,
                                   .observer = observer,
                                   .wait_seconds = bed_limit(b),
                                   .reconnect_ms = observer ? 0 : b->options.reconnect_ms,
                                   .events = events,
                                   .user = user};
  if (gaijin_connect(&g, &options, error, sizeof error) != 0) bed_fail(b, "connecting to the broker: %s", error);
  return g;
}

int bed_raw(struct bed *b) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memcpy(address.sun_path, b->socket, strlen(b->socket) + 1);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    bed_fail(b, "connecting to the broker: %s", strerror(errno));
  }
  return fd;
}

gaijin *bed_observer(struct bed *b) {
  if (!b->observer) b->observer = bed_connect(b, NULL, true, NULL, NULL);
  return b->observer;
}

_Noreturn void bed_lost(struct bed *b, const char *what) {
  char text[512];
  snprintf(text, sizeof text, "%s", gaijin_error(b->observer));
  /* A broker that is dying closes its sockets before it can be reaped. */
  for (double end = bed_now() + 1; !child_ended(&b->broker->child) && bed_now() < end;) bed_pause();
  bed_fail(b, "%s: %s", what, text);
}

/* Sends the request begun on the observer and waits for its answer; true if it is a reply, whose body the caller frees. */
static bool ask(struct bed *b, struct gaijin_answer *answer) {
  gaijin *g = bed_observer(b);
  uint64_t id = 0;
  *answer = (struct gaijin_answer){.body = NULL};
  if (gaijin_end_request(g, NULL, NULL, &id) != 0 || gaijin_await(g, id, bed_limit(b), answer) != 0) {
    bed_lost(b, "asking the broker");
  }
  if (answer->ok) return true;
  gaijin_body_free(answer->body);
  return false;
}

/* ---- Tokens ---- */

static void next(struct bed *b, gaijin_body *body, struct gaijin_value *v) {
  if (!gaijin_body_next(body, v)) bed_fail(b, "inspect tokens: the reply is too short");
}

/* Skips values, with what is in them. */
static void skip(struct bed *b, gaijin_body *body, uint64_t count) {
  struct gaijin_value v;
  for (; count; count--) {
    next(b, body, &v);
    if (v.type == GAIJIN_ARRAY) count += v.count;
  }
}

/* Writes the row of so many values that follows as " [shop 7 table: bank 2]". Rows grow with versions. */
static void print_row(struct bed *b, gaijin_body *body, uint32_t values, FILE *out) {
  const uint32_t known = 6;
  struct gaijin_value v;
  if (values < known) bed_fail(b, "inspect tokens: a row of %u values", values);
  next(b, body, &v);
  fprintf(out, " [%.*s", (int)v.size, v.type == GAIJIN_STRING ? v.bytes : "");
  next(b, body, &v);
  fprintf(out, " %llu", (unsigned long long)v.integer);
  next(b, body, &v);
  fprintf(out, " %.*s", (int)v.size, v.type == GAIJIN_STRING ? v.bytes : "");
  next(b, body, &v); /* age */
  next(b, body, &v);
  fprintf(out, "%s:", v.boolean ? " dead" : "");
  next(b, body, &v);
  if (v.type != GAIJIN_ARRAY) bed_fail(b, "inspect tokens: no array of holders");
  for (uint32_t i = v.count; i > 1; i -= 2) {
    next(b, body, &v);
    fprintf(out, " %.*s", (int)v.size, v.type == GAIJIN_STRING ? v.bytes : "");
    next(b, body, &v);
    fprintf(out, " %llu", (unsigned long long)v.integer);
  }
  skip(b, body, values - known);
  fprintf(out, "]");
}

/* Counts the tokens; their rows go to `out` if it is not NULL. */
static size_t tokens(struct bed *b, FILE *out) {
  size_t count = 0;
  FILE *sink = out ? out : fopen("/dev/null", "we");
  if (!sink) bed_fail(b, "/dev/null: %s", strerror(errno));
  bool more = true;
  uint64_t cursor = 0;
  for (bool first = true; more; first = false) {
    gaijin *g = bed_observer(b);
    struct gaijin_answer answer;
    gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_INSPECT}, first ? 1 : 2);
    gaijin_put_text(g, "tokens");
    if (!first) gaijin_put_number(g, (double)cursor);
    if (!ask(b, &answer)) bed_fail(b, "inspect tokens: %s", answer.text);
    struct gaijin_value v;
    next(b, answer.body, &v);
    more = v.type != GAIJIN_NIL;
    cursor = v.integer;
    for (; gaijin_body_next(answer.body, &v); count++) print_row(b, answer.body, v.count, sink);
    gaijin_body_free(answer.body);
  }
  if (!out) fclose(sink);
  return count;
}

size_t bed_tokens(struct bed *b) {
  return tokens(b, NULL);
}

/* Has each worker that still runs collect: an idle VM would keep garbage that refers to others. */
static void collect_all(struct bed *b) {
  for (struct bed_process *p = b->processes; p; p = p->next) {
    if (!p->worker || child_ended(&p->child)) continue;
    struct gaijin_answer answer;
    gaijin_begin_request(bed_observer(b), &(struct gaijin_send){.op = GAIJIN_OP_GC, .name = p->child.name}, 0);
    if (ask(b, &answer)) gaijin_body_free(answer.body); /* it may end meanwhile: an error says nothing */
  }
}

void bed_no_tokens(struct bed *b) {
  double end = bed_now() + bed_limit(b);
  while (bed_tokens(b) != 0) {
    if (bed_now() > end) {
      char rows[3000] = "";
      FILE *f = fmemopen(rows, sizeof rows, "w"); /* cuts what is too long */
      size_t count = tokens(b, f);
      if (f) fclose(f);
      rows[sizeof rows - 1] = '\0';
      bed_fail(b, "the broker still has %zu tokens:%s", count, rows);
    }
    collect_all(b);
    bed_pause();
  }
}
