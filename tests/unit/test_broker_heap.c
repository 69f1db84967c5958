/* SPDX-License-Identifier: MIT
 *
 * When the broker has the C library give back what is free. How much that does to the process is
 * seen in a soak (docs/soak.md).
 */
#include "broker/core/heap.h"

#include "tests/unit/broker_wire.h"

enum { PARTS = 8, PART = 900 << 10 };

static struct wire w;
static struct end parts[PARTS];
static char bytes[PART];

static void setup(void) {
  memset(parts, 0, sizeof parts);
  wire_open(&w, NULL);
}
static void teardown(void) { wire_close(&w); }

static const struct heap *heap(void) { return &w.broker.heap; }
static uint64_t memory_used(void) { return w.broker.connections.accounts.memory; }

/* So many clients send most of a message of 1 MiB each, from the first on. */
static void send_parts(int n) {
  const uint8_t prefix[] = {0xce, 0, 0x0f, 0xff, 0xff};
  for (int i = 0; i < n; i++) {
    wire_join(&w, &parts[i], NULL);
    wire_bytes(&w, &parts[i], prefix, sizeof prefix);
    wire_bytes(&w, &parts[i], bytes, PART);
  }
  for (int i = 0; memory_used() < (uint64_t)n * PART; i++) {
    ck_assert_int_lt(i, WIRE_TURNS);
    wire_turn(&w);
  }
}

/* Those from `from` to before `to` leave. */
static void leave(int from, int to) {
  uint64_t left = memory_used() - (uint64_t)(to - from) * PART;
  for (int i = from; i < to; i++) wire_leave(&parts[i]);
  for (int i = 0; memory_used() > left; i++) {
    ck_assert_int_lt(i, WIRE_TURNS);
    wire_turn(&w);
  }
  wire_turn(&w);
}

static bool is_timed(void) { return uv_is_active((const uv_handle_t *)&heap()->low); }

/* Nothing else wakes the broker then. */
static void wait_for_trim(void) {
  uint64_t before = heap()->trims;
  while (heap()->trims == before) {
    ck_assert(is_timed());
    uv_run(&w.loop, UV_RUN_ONCE);
    broker_end_turn(&w.broker);
  }
}

START_TEST(much_that_falls_to_little_and_stays_there_is_given_back) {
  send_parts(PARTS);
  ck_assert(!is_timed());
  leave(0, PARTS);
  ck_assert_uint_eq(heap()->trims, 0);
  wait_for_trim();
  ck_assert_uint_eq(heap()->trims, 1);
  ck_assert_uint_lt(heap()->watch.most, PART);
  ck_assert(!is_timed());
}
END_TEST

START_TEST(what_falls_by_little_or_to_much_is_not) {
  send_parts(3);
  leave(0, 3);
  ck_assert(!is_timed());
  send_parts(PARTS);
  leave(0, PARTS - 3);
  ck_assert(!is_timed());
  leave(PARTS - 3, PARTS);
  wait_for_trim();
}
END_TEST

/* So a sender of large messages, one after the other, does not have it mapped anew for each. */
START_TEST(what_is_needed_again_is_kept) {
  for (int i = 0; i < 3; i++) {
    send_parts(PARTS);
    ck_assert(!is_timed());
    leave(0, PARTS);
    ck_assert(is_timed() || heap()->trims > 0); /* the machine may be slow */
  }
  wait_for_trim();
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker_heap");
  TCase *t = tcase_create("heap");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, much_that_falls_to_little_and_stays_there_is_given_back);
  tcase_add_test(t, what_falls_by_little_or_to_much_is_not);
  tcase_add_test(t, what_is_needed_again_is_kept);
  suite_add_tcase(s, t);
  return run_suite(s);
}
