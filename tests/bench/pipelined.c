/* SPDX-License-Identifier: MIT
 *
 * What a broker does while many requests are under way: an asker sends AT-ONCE gets in one piece,
 * the host answers all of them in one piece when it has them all, and then the next ones follow.
 * Both are connections of this process, written on proto/ alone and not counted; from one run to the
 * next nothing differs for the broker but how often that happens.
 *
 * usage: pipelined SOCKET COUNT AT-ONCE
 * COUNT is a multiple of AT-ONCE. Some come before, so that the broker has its buffers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hostile/raw.h"

enum { MOST = 256, WARM_UP = 2048, REPORTED = 256, ANSWER_BYTES = 64, WAIT_MS = 60000 };

static struct raw asker, host;
static struct buffer get, answer;

static _Noreturn void die(const char *what) {
  fprintf(stderr, "pipelined: %s\n", what);
  exit(EXIT_FAILURE);
}

/* The next message of this kind to `r`, which passes over the others. */
static void hear(struct raw *r, enum message_kind kind) {
  do
    if (raw_next(r, WAIT_MS) != 1) die("a message does not come");
  while (r->m.kind != kind);
}

/* The asker gets an object of the host's. */
static struct pt hand_over(void) {
  struct pt object = raw_token(&host, 1), got;
  pack_text(raw_ask(&asker, OP_s2t, "host", NULL, 0, 1), "object");
  raw_end(&asker);
  if (!raw_push(&asker, WAIT_MS)) die("the asker's connection has ended");
  hear(&host, MESSAGE_REQUEST);
  pack_pt(raw_begin(&host, MESSAGE_REPLY, OP_s2t, host.m.id, 1), &object);
  raw_end(&host);
  if (!raw_push(&host, WAIT_MS)) die("the host's connection has ended");
  hear(&asker, MESSAGE_REPLY);
  if (!reader_pt(&asker.r, &got)) die("the host's object has not come");
  return got;
}

/* The messages that are sent again and again. */
static void prepare(const struct pt *object) {
  char text[ANSWER_BYTES];
  memset(text, 'x', sizeof text);
  pack_text(raw_ask(&asker, OP_get, NULL, object, 0, 1), "field");
  raw_end(&asker);
  raw_keep(&asker, &get);
  pack_string(raw_begin(&host, MESSAGE_REPLY, OP_get, 0, 1), text, sizeof text);
  raw_end(&host);
  raw_keep(&host, &answer);
}

/* Now and then, as workers do, the host tells what room there is again in the asker's window. */
static void take(uint32_t size) {
  static uint32_t taken, bytes;
  bytes += size;
  if (++taken < REPORTED) return;
  struct pack *p = raw_begin(&host, MESSAGE_NOTICE, OP_taken, 0, 4);
  pack_uint(p, asker.host);
  pack_uint(p, taken);
  pack_uint(p, bytes);
  pack_uint(p, 0);
  raw_end(&host);
  taken = bytes = 0;
}

static void burst(int n) {
  uint64_t ids[MOST];
  for (int i = 0; i < n; i++) raw_repeat(&asker, &get);
  if (!raw_push(&asker, WAIT_MS)) die("the asker's connection has ended");
  for (int i = 0; i < n; i++) {
    hear(&host, MESSAGE_REQUEST);
    ids[i] = host.m.id;
  }
  for (int i = 0; i < n; i++) { /* not before: who waits sends what is queued */
    message_set_id(answer.bytes, ids[i]);
    raw_bytes(&host, answer.bytes, answer.size);
    take(get.size);
  }
  if (!raw_push(&host, WAIT_MS)) die("the host's connection has ended");
  for (int i = 0; i < n; i++) hear(&asker, MESSAGE_REPLY);
}

int main(int argc, char **argv) {
  int at_once = argc == 4 ? atoi(argv[3]) : 0;
  if (at_once < 1 || at_once > MOST) {
    fprintf(stderr, "usage: pipelined SOCKET COUNT AT-ONCE (%d at most)\n", MOST);
    return EXIT_FAILURE;
  }
  if (!raw_join(&host, argv[1], "host", false) || !raw_join(&asker, argv[1], "asker", false))
    die("cannot join");
  struct pt object = hand_over();
  prepare(&object);
  for (long left = WARM_UP + atol(argv[2]); left > 0; left -= at_once) burst(at_once);
  buffer_deinit(&get);
  buffer_deinit(&answer);
  raw_close(&asker);
  raw_close(&host);
  return EXIT_SUCCESS;
}
