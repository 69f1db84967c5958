/* SPDX-License-Identifier: MIT
 *
 * Bytes in and out (client-lib/io.c): pieces of any size, bursts, a peer that is gone.
 */
#include "tests/unit/fake_broker.h"

START_TEST(messages_arrive_in_any_pieces) {
  struct fake f;
  fake_open(&f);
  fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_FREE, 1, 0);
  fake_end(&f);
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&f.p, OTHER_HOST);
  pack_text(&f.p, "bank");
  fake_end(&f);
  for (uint32_t i = 0; i < f.out.size; i++) {
    fake_bytes(&f, f.out.bytes + i, 1);
    ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  }
  ck_assert_uint_eq(f.told.frees, 1);
  ck_assert_str_eq(gaijin_host_name(f.g, OTHER_HOST), "bank");
  fake_close(&f);
}
END_TEST

/* All that is there is handled by the next turns, and nothing blocks when there is nothing. */
START_TEST(a_burst_is_handled_completely) {
  struct fake f;
  fake_open(&f);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  for (int i = 1; i <= 1000; i++) {
    fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_FREE, (uint64_t)i, 0);
    fake_end(&f);
  }
  fake_bytes(&f, f.out.bytes, f.out.size);
  struct pollfd p = {.fd = gaijin_fd(f.g), .events = POLLIN};
  while (poll(&p, 1, 0) == 1) ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.frees, 1000);
  fake_close(&f);
}
END_TEST

/* Flushes and reads until the client's next message is here: a reply to `id` with `bytes` as its value. */
static void read_reply(struct fake *f, uint64_t id, const char *bytes, uint32_t n) {
  uint8_t *m;
  uint32_t size, room;
  while (frame_next(&f->in, &m, &size) == FRAME_MORE) {
    gaijin_flush(f->g, false);
    uint8_t *to = frame_room(&f->in, 100000, &room);
    ssize_t got = recv(f->fd, to, room, MSG_DONTWAIT);
    ck_assert_int_gt(got, 0);
    frame_filled(&f->in, (uint32_t)got);
  }
  ck_assert_ptr_null(message_parse(m, size, &f->m));
  ck_assert_uint_eq(f->m.id, id);
  struct reader r = fake_values(&f->m);
  const char *got;
  ck_assert(reader_string(&r, &got, &size) && size == n);
  ck_assert_int_eq(memcmp(got, bytes, n), 0);
}

/* A body of many megabytes goes out in as many flushes as it takes, byte for byte; the memory is given back. */
START_TEST(a_slow_reader_gets_everything_in_order) {
  struct fake f;
  fake_open(&f);
  enum { BYTES = 3 << 20, ROUNDS = 4 };
  char *bytes = malloc(BYTES);
  for (int i = 0; i < BYTES; i++) bytes[i] = (char)(i % 127);
  for (uint64_t id = 1; id <= ROUNDS; id++) {
    gaijin_begin_reply(f.g, id, GAIJIN_OP_GET, 1);
    gaijin_put_string(f.g, bytes, BYTES);
    ck_assert_int_eq(gaijin_end_answer(f.g), 0);
  }
  for (uint64_t id = 1; id <= ROUNDS; id++) read_reply(&f, id, bytes, BYTES);
  gaijin_flush(f.g, false);
  ck_assert_uint_eq(gaijin_queued_bytes(f.g), 0);
  ck_assert_uint_eq(f.g->out.capacity, 0);
  free(bytes);
  fake_close(&f);
}
END_TEST

/* A text of 100,000 bytes that tells messages apart. */
enum { TEXT_BYTES = 100000 };
static const char *text_of(uint64_t id) {
  static char bytes[TEXT_BYTES];
  memset(bytes, (char)('a' + id % 26), sizeof bytes);
  return bytes;
}

static int reply_with_text(struct fake *f, uint64_t id) {
  gaijin_begin_reply(f->g, id, GAIJIN_OP_GET, 1);
  gaijin_put_string(f->g, text_of(id), TEXT_BYTES);
  return gaijin_end_answer(f->g);
}

/* A queue that is never empty keeps the size of what waits in it, however much passes through. */
START_TEST(a_queue_that_never_empties_stays_small) {
  struct fake f;
  enum { WAITING = 20, ROUNDS = 500 };
  fake_open(&f);
  for (uint64_t id = 1; id <= ROUNDS; id++) {
    ck_assert_int_eq(reply_with_text(&f, id), 0);
    ck_assert_int_eq(gaijin_flush(f.g, false), 0);
    if (id <= WAITING) continue;
    ck_assert(gaijin_wants_write(f.g));
    read_reply(&f, id - WAITING, text_of(id - WAITING), TEXT_BYTES);
    ck_assert_uint_le(f.g->out.capacity, 3 * WAITING * TEXT_BYTES);
  }
  fake_close(&f);
}
END_TEST

/* Over its bound the queue takes no more, whole messages only, until the broker reads again. */
START_TEST(a_full_queue_refuses_and_recovers) {
  struct fake f;
  fake_open(&f);
  ck_assert_uint_eq(f.g->out.max, (uint32_t)2 << 30);
  f.g->out.max = 1 << 20;
  uint64_t sent = 0;
  int status = 0;
  while (status == 0) {
    status = reply_with_text(&f, sent + 1);
    if (status == 0) sent++;
    ck_assert_uint_le(gaijin_queued_bytes(f.g), 1 << 20);
  }
  ck_assert_int_eq(status, GAIJIN_STATUS_BUSY);
  ck_assert_ptr_nonnull(strstr(gaijin_error(f.g), "bytes wait for the broker to read them"));
  ck_assert_uint_eq(sent, 10); /* as many as fit in a mebibyte */
  for (uint64_t id = 1; id <= sent; id++) read_reply(&f, id, text_of(id), TEXT_BYTES);
  ck_assert_int_eq(gaijin_flush(f.g, false), 0);
  ck_assert_uint_eq(gaijin_queued_bytes(f.g), 0);
  ck_assert_int_eq(gaijin_notice(f.g, GAIJIN_OP_READY), 0);
  /* The memory of a large queue was given back; its bound is still the one it began with. */
  ck_assert_uint_eq(f.g->out.max, (uint32_t)2 << 30);
  fake_close(&f);
}
END_TEST

/* The peer wrote and went, with input unread: the write fails, what it wrote is handled all the same. */
START_TEST(a_failed_write_does_not_lose_what_arrived) {
  struct fake f;
  fake_open(&f);
  for (int i = 1; i <= 500; i++) {
    fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_FREE, (uint64_t)i, 0);
    fake_end(&f);
  }
  ck_assert_int_eq(gaijin_notice(f.g, GAIJIN_OP_READY), 0);
  gaijin_flush(f.g, false); /* the peer does not read it */
  fake_bytes(&f, f.out.bytes, f.out.size);
  close(f.fd);
  f.fd = -1;
  ck_assert_int_eq(gaijin_notice(f.g, GAIJIN_OP_READY), 0);
  ck_assert_int_eq(gaijin_flush(f.g, false), 0);
  ck_assert(!gaijin_wants_write(f.g));
  ck_assert_uint_eq(gaijin_queued_bytes(f.g), 0);
  while (gaijin_dispatch(f.g) == 0) continue;
  ck_assert_uint_eq(f.told.frees, 500);
  fake_close(&f);
}
END_TEST

START_TEST(half_a_message_before_the_end_is_a_loss_like_any) {
  struct fake f;
  fake_open(&f);
  fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_FREE, 1, 0);
  fake_end(&f);
  fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_FREE, 2, 0);
  fake_end(&f);
  fake_bytes(&f, f.out.bytes, f.out.size - 3);
  close(f.fd);
  f.fd = -1;
  while (gaijin_dispatch(f.g) == 0) continue;
  ck_assert_uint_eq(f.told.frees, 1);
  ck_assert_ptr_nonnull(strstr(gaijin_error(f.g), "the broker closed it"));
  fake_close(&f);
}
END_TEST

START_TEST(announced_sizes_over_the_limit_end_it) {
  struct fake f;
  fake_connect(&f, &fake_events, MAX_MESSAGE_LEAST);
  fake_bytes(&f, "\xce\x00\x00\x10\x01", 5);
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(f.g), "4097 bytes, over the limit of 4096"));
  fake_close(&f);
  fake_open(&f);
  fake_bytes(&f, "GET /", 5);
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(f.g), "no message"));
  fake_close(&f);
}
END_TEST

static void dispatch_inside(void *user, uint64_t id) {
  struct fake *f = user;
  struct gaijin_answer a;
  (void)id;
  ck_assert_int_eq(gaijin_dispatch(f->g), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_int_eq(gaijin_await(f->g, 1, 1, &a), GAIJIN_STATUS_UNSUPPORTED);
  f->told.frees++;
}

START_TEST(a_call_back_cannot_dispatch) {
  struct fake f;
  static const struct gaijin_events events = {.free = dispatch_inside};
  fake_connect(&f, &events, MAX_MESSAGE_DEFAULT);
  fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_FREE, 1, 0);
  fake_deliver(&f);
  ck_assert_uint_eq(f.told.frees, 1);
  fake_close(&f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_io");
  TCase *c = tcase_create("io");
  tcase_add_test(c, messages_arrive_in_any_pieces);
  tcase_add_test(c, a_burst_is_handled_completely);
  tcase_add_test(c, a_slow_reader_gets_everything_in_order);
  tcase_add_test(c, a_queue_that_never_empties_stays_small);
  tcase_add_test(c, a_full_queue_refuses_and_recovers);
  tcase_add_test(c, a_failed_write_does_not_lose_what_arrived);
  tcase_add_test(c, half_a_message_before_the_end_is_a_loss_like_any);
  tcase_add_test(c, announced_sizes_over_the_limit_end_it);
  tcase_add_test(c, a_call_back_cannot_dispatch);
  suite_add_tcase(s, c);
  return run_suite(s);
}
