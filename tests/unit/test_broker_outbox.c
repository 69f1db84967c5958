/* SPDX-License-Identifier: MIT
 *
 * The queue of bytes, written to one end of a socket pair.
 */
#include "broker/net/outbox.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/random.h"
#include "tests/unit/run.h"

static struct outbox outbox;
static struct outbox_spares spares;
static struct accounts accounts;
static struct account *own, *other;
static int ends[2];

static void setup(void) {
  ck_assert(accounts_init(&accounts, 1));
  own = accounts_open(&accounts, 1, 10, 0);
  other = accounts_open(&accounts, 2, 10, 0);
  outbox_init(&outbox, &accounts, own, &spares);
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
}
static void teardown(void) {
  outbox_deinit(&outbox);
  outbox_free_spares(&spares);
  accounts_deinit(&accounts);
  if (ends[0] >= 0) close(ends[0]);
  close(ends[1]);
}

/* What is in the outbox is charged to somebody, and no byte more. */
static void expect_right(void) {
  const char *fault = outbox_check(&outbox);
  ck_assert_msg(!fault, "%s", fault);
  ck_assert_uint_eq(own->used[ACCOUNT_BYTES], outbox.own);
  ck_assert_uint_ge(accounts.memory, outbox.bytes);
}

/* What a write takes at once, and fits into the small block, no account knows of; what it leaves is
 * charged, and so is more, and what one pays who leaves. */
START_TEST(little_is_charged_only_when_it_is_left) {
  static uint8_t bytes[4000];
  int error, full = 1;
  ck_assert(outbox_push(&outbox, other, bytes, 100));
  ck_assert(outbox_push(&outbox, own, bytes, 200));
  ck_assert_uint_eq(accounts.memory, 0);
  ck_assert_uint_eq(outbox.own, 200);
  ck_assert_int_eq(outbox_write(&outbox, ends[0], &error), OUTBOX_EMPTY);
  ck_assert_uint_eq(accounts.memory, 0);
  ck_assert_uint_eq(outbox.own, 0);
  ck_assert(outbox_push(&outbox, own, bytes, 2000));
  ck_assert_uint_eq(accounts.memory, 0);
  ck_assert(outbox_push(&outbox, other, bytes, 2001)); /* more than a small block */
  expect_right();
  ck_assert_uint_eq(other->used[ACCOUNT_BYTES], 2001);
  ck_assert_uint_eq(outbox_paid_by(&outbox, own), 2000);
  ck_assert_int_eq(outbox_write(&outbox, ends[0], &error), OUTBOX_EMPTY);
  ck_assert_uint_eq(accounts.memory, 0);
  while (full > 0) full = (int)send(ends[0], bytes, sizeof bytes, MSG_DONTWAIT);
  ck_assert(outbox_push(&outbox, own, bytes, 10));
  ck_assert_int_eq(outbox_write(&outbox, ends[0], &error), OUTBOX_LEFT);
  ck_assert_uint_eq(own->used[ACCOUNT_BYTES], 10);
  ck_assert(outbox_push(&outbox, other, bytes, 20)); /* it will be left, too */
  ck_assert_uint_eq(other->used[ACCOUNT_BYTES], 20);
  expect_right();
  outbox_deinit(&outbox);
  ck_assert_uint_eq(accounts.memory, 0);
  accounts_leave(&accounts, other);
  ck_assert(outbox_push(&outbox, own, bytes, 5));
  ck_assert_uint_eq(accounts.memory, 0);
  ck_assert(outbox_push(&outbox, other, bytes, 10));
  accounts_close(&accounts, other);
  ck_assert_uint_eq(other->used[ACCOUNT_BYTES], 10);
  expect_right();
  outbox_deinit(&outbox);
  ck_assert_uint_eq(accounts.memory, 0);
}
END_TEST

/* Who is silent costs no block; there are never more spare ones than are allowed, large ones never. */
START_TEST(an_empty_outbox_has_no_block) {
  enum { MANY = 2 * OUTBOX_SPARES_MOST };
  static uint8_t bytes[100000];
  static struct outbox all[MANY];
  int error;
  ck_assert(outbox_push(&outbox, own, bytes, 100));
  const struct outbox_block *block = outbox.first;
  ck_assert_int_eq(outbox_write(&outbox, ends[0], &error), OUTBOX_EMPTY);
  ck_assert_ptr_null(outbox.first);
  ck_assert_uint_eq(spares.count, 1);
  for (int i = 0; i < MANY; i++) {
    outbox_init(&all[i], &accounts, own, &spares);
    ck_assert(outbox_push(&all[i], other, bytes, 100));
  }
  ck_assert_ptr_eq(all[0].first, block);
  ck_assert_uint_eq(spares.count, 0);
  for (int i = 0; i < MANY; i++) outbox_deinit(&all[i]);
  ck_assert_uint_eq(spares.count, OUTBOX_SPARES_MOST);
  outbox_free_spares(&spares);
  ck_assert(outbox_push(&outbox, own, bytes, 100));
  ck_assert(outbox_push(&outbox, own, bytes, sizeof bytes));
  ck_assert(outbox_push(&outbox, own, bytes, 100));
  while (outbox_write(&outbox, ends[0], &error) == OUTBOX_LEFT) {
    expect_right();
    while (read(ends[1], bytes, sizeof bytes) > 0) continue;
  }
  expect_right();
  ck_assert_ptr_null(outbox.last);
  ck_assert_uint_eq(spares.count, 1);
  ck_assert_uint_eq(accounts.memory, 0);
}
END_TEST

START_TEST(bytes_arrive_in_order_whatever_their_sizes) {
  enum { TOTAL = 8 << 20, LARGEST = 150000 };
  static uint8_t message[LARGEST], got[LARGEST];
  uint64_t random = random_seed("outbox");
  struct account *payers[] = {own, other, accounts_open(&accounts, 1, 11, 0)};
  uint8_t next_in = 0, next_out = 0;
  size_t pushed = 0, read_bytes = 0;
  int error;
  while (read_bytes < TOTAL) {
    for (int i = 0; i < 4 && pushed < TOTAL; i++) {
      uint32_t n = 1 + (random_below(&random, 10) ? random_below(&random, 300)
                                                  : random_below(&random, LARGEST - 1));
      if (n > TOTAL - pushed) n = (uint32_t)(TOTAL - pushed);
      for (uint32_t k = 0; k < n; k++) message[k] = next_in++;
      ck_assert(outbox_push(&outbox, payers[random_below(&random, 3)], message, n));
      pushed += n;
    }
    ck_assert_int_ne(outbox_write(&outbox, ends[0], &error), OUTBOX_FAILED);
    expect_right();
    ssize_t n = read(ends[1], got, 1 + random_below(&random, LARGEST - 1));
    for (ssize_t k = 0; k < n; k++)
      if (got[k] != next_out++) ck_abort_msg("byte %zu is wrong", read_bytes + (size_t)k);
    if (n > 0) read_bytes += (size_t)n;
  }
  ck_assert_uint_eq(outbox.bytes, 0);
  ck_assert_uint_eq(accounts.memory, 0);
  ck_assert_int_eq(outbox_write(&outbox, ends[0], &error), OUTBOX_EMPTY);
}
END_TEST

/* A block takes its memory until it is through, so its payers pay so long. */
START_TEST(who_has_caused_a_message_pays_until_its_block_is_written) {
  enum { LARGE = 1 << 20 };
  static uint8_t large[LARGE];
  int error;
  ck_assert(outbox_push(&outbox, other, large, 100));
  ck_assert(outbox_push(&outbox, own, large, 50));
  ck_assert(outbox_push(&outbox, own, large, 25));
  ck_assert(outbox_push(&outbox, other, large, LARGE));
  ck_assert_uint_eq(outbox.own, 75);
  ck_assert_uint_eq(outbox_paid_by(&outbox, other), LARGE + 100);
  ck_assert_int_eq(outbox_write(&outbox, ends[0], &error), OUTBOX_LEFT);
  ck_assert_uint_lt(outbox.bytes, LARGE);
  ck_assert_uint_eq(own->used[ACCOUNT_BYTES], 0);
  ck_assert_uint_eq(other->used[ACCOUNT_BYTES], LARGE);
  ck_assert_uint_eq(outbox.own, 0);
  expect_right();
  accounts_close(&accounts, other); /* it may end before what it has sent is read */
  outbox_deinit(&outbox);
  ck_assert_uint_eq(accounts.memory, 0);
  ck_assert_uint_eq(accounts.slab.count, 3);
}
END_TEST

/* Whoever looks at the spans in pieces sees each of them once, whatever is written between. */
START_TEST(what_ended_ones_have_left_is_counted_in_pieces) {
  enum { MESSAGES = 20, SIZE = 60000 }; /* each has a block of its own */
  static uint8_t large[SIZE], got[2 * SIZE];
  uint64_t from = 0, ever = 0;
  uint32_t room = 5;
  int error, small = 4 * SIZE;
  ck_assert_int_eq(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  for (int i = 0; i < 3; i++) { /* these are written at once, and are numbers 0 to 2 */
    ck_assert(outbox_push(&outbox, i % 2 ? other : own, large, 10));
    ever++;
  }
  ck_assert_int_eq(outbox_write(&outbox, ends[0], &error), OUTBOX_EMPTY);
  ck_assert_uint_eq(outbox_spans_end(&outbox), ever);
  for (int i = 0; i < MESSAGES; i++)
    ck_assert(outbox_push(&outbox, i % 2 ? other : own, large, SIZE));
  ever += MESSAGES;
  accounts_close(&accounts, other);
  ck_assert_uint_eq(outbox_spans_end(&outbox), ever);
  ck_assert_uint_eq(outbox_left_by(&outbox, other->user, &from, &room), 2 * SIZE);
  ck_assert_uint_eq(room, 0);
  ck_assert_uint_eq(from, 3 + 5);
  ck_assert_uint_eq(outbox_left_by(&outbox, other->user, &from, &room), 0);
  while (outbox.span_count > MESSAGES - 7) {
    ck_assert_int_ne(outbox_write(&outbox, ends[0], &error), OUTBOX_FAILED);
    while (read(ends[1], got, sizeof got) > 0) continue;
  }
  ck_assert_uint_eq(outbox_spans_end(&outbox), ever);
  uint32_t left = outbox.span_count;
  ck_assert_uint_gt(left, 2);
  room = 1000;
  size_t bytes = outbox_left_by(&outbox, other->process, &from, &room);
  ck_assert_uint_eq(bytes, (left + 1) / 2 * SIZE);
  ck_assert_uint_eq(room, 1000 - left);
  ck_assert_uint_eq(from, ever);
  ck_assert_uint_eq(outbox_left_by(&outbox, own->process, &from, &room), 0);
  expect_right();
}
END_TEST

START_TEST(a_full_socket_leaves_the_rest) {
  static uint8_t large[4 << 20];
  int error;
  ck_assert(outbox_push(&outbox, own, large, sizeof large));
  ck_assert_int_eq(outbox_write(&outbox, ends[0], &error), OUTBOX_LEFT);
  ck_assert_uint_gt(outbox.bytes, 0);
  ck_assert_uint_lt(outbox.bytes, sizeof large);
  ck_assert_int_eq(outbox_write(&outbox, ends[0], &error), OUTBOX_LEFT);
}
END_TEST

START_TEST(a_closed_peer_is_a_failure_not_a_signal) {
  int error = 0;
  close(ends[1]);
  ends[1] = dup(ends[0]);
  ck_assert(outbox_push(&outbox, own, "x", 1));
  ck_assert_int_eq(outbox_write(&outbox, ends[0], &error), OUTBOX_FAILED);
  ck_assert_int_ne(error, 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker outbox");
  TCase *t = tcase_create("outbox");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, little_is_charged_only_when_it_is_left);
  tcase_add_test(t, an_empty_outbox_has_no_block);
  tcase_add_test(t, bytes_arrive_in_order_whatever_their_sizes);
  tcase_add_test(t, who_has_caused_a_message_pays_until_its_block_is_written);
  tcase_add_test(t, what_ended_ones_have_left_is_counted_in_pieces);
  tcase_add_test(t, a_full_socket_leaves_the_rest);
  tcase_add_test(t, a_closed_peer_is_a_failure_not_a_signal);
  return run_suite(s);
}
