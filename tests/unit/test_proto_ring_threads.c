/* SPDX-License-Identifier: MIT
 *
 * Both ends of a pair of rings at once, in two threads, which ThreadSanitizer sees (`make tsan`). A wake-up that is lost
 * ends the program after the limit of a wait. (Of the orders of memory that the sleeping leans on, processors break the
 * wrong ones too seldom for a test to see it; tests/model has them.)
 */
#include <pthread.h>

#include "tests/unit/random.h"
#include "tests/unit/ring_pair.h"
#include "tests/unit/run.h"

enum { STREAM = 16 << 20, PIECE = RING_BYTES + RING_BYTES / 2, PONGS = 30000 };

struct side {
  struct rings *r;
  int fd;
  uint64_t seed, sent, taken;
  unsigned long waits;
  bool is_first;
};

static void knock(struct side *s, bool is_due) {
  if (is_due) ring_knock(s->fd);
}

static bool send_some(struct side *s, uint8_t *buffer) {
  uint32_t left = (uint32_t)(STREAM - s->sent), n = 1 + random_below(&s->seed, s->seed & 64 ? 40 : PIECE);
  if (n > left) n = left;
  ring_fill(buffer, n, s->sent);
  n = ring_put(s->r, buffer, n);
  s->sent += n;
  knock(s, ring_publish(s->r));
  return n > 0;
}

static bool take_some(struct side *s, uint8_t *buffer) {
  bool is_due = false;
  uint32_t n = ring_take(s->r, buffer, 1 + random_below(&s->seed, PIECE), &is_due);
  knock(s, is_due);
  ring_must(ring_is_right(buffer, n, s->taken));
  s->taken += n;
  return n > 0;
}

static void sleep_unless(struct side *s, bool wants_room) {
  if (wants_room && !ring_await_room(s->r)) return;
  if (!ring_sleep(s->r)) return;
  s->waits++;
  ring_await_knock(s->fd);
  ring_wake(s->r);
}

/* Random pieces, some larger than the ring; often it takes nothing for a while. */
static void *stream(void *argument) {
  struct side *s = argument;
  uint8_t *buffer = malloc(PIECE);
  while (s->sent < STREAM || s->taken < STREAM) {
    bool did = s->sent < STREAM && send_some(s, buffer);
    if (random_below(&s->seed, 3) > 0) did |= take_some(s, buffer);
    ring_must(!s->r->is_broken);
    if (!did) sleep_unless(s, s->sent < STREAM);
  }
  free(buffer);
  return NULL;
}

/* One byte to and fro; both sleep at once. */
static void *pong(void *argument) {
  struct side *s = argument;
  uint8_t byte;
  bool is_due = false;
  for (uint32_t i = 0; i < PONGS; i++) {
    byte = (uint8_t)i;
    if (s->is_first) {
      ring_must(ring_put(s->r, &byte, 1) == 1);
      knock(s, ring_publish(s->r));
    }
    while (ring_take(s->r, &byte, 1, &is_due) == 0) sleep_unless(s, false);
    ring_must(byte == (uint8_t)i && !is_due);
    if (s->is_first) continue;
    ring_must(ring_put(s->r, &byte, 1) == 1);
    knock(s, ring_publish(s->r));
  }
  return NULL;
}

static void run_both(void *(*f)(void *), uint32_t at) {
  struct ring_pair p;
  pthread_t thread;
  uint64_t seed = random_seed("test_proto_ring_threads");
  ring_pair_open(&p, at);
  struct side worker = {.r = &p.worker, .fd = p.knocks[0], .seed = seed, .is_first = true};
  struct side broker = {.r = &p.broker, .fd = p.knocks[1], .seed = ~seed};
  ck_assert_int_eq(pthread_create(&thread, NULL, f, &broker), 0);
  f(&worker);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  ck_assert_uint_gt(worker.waits + broker.waits, 0);
  ck_assert_ptr_null(rings_check(&p.worker));
  ck_assert_ptr_null(rings_check(&p.broker));
  ring_pair_close(&p);
}

START_TEST(streams_at_once) { run_both(stream, _i ? UINT32_MAX - 70000 : 0); }
END_TEST

START_TEST(no_wake_up_is_lost) { run_both(pong, 0); }
END_TEST

int main(void) {
  Suite *s = suite_create("proto/ring, two threads");
  TCase *c = tcase_create("threads");
  run_long(c);
  tcase_add_loop_test(c, streams_at_once, 0, 2);
  tcase_add_test(c, no_wake_up_is_lost);
  suite_add_tcase(s, c);
  return run_suite(s);
}
