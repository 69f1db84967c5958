/* SPDX-License-Identifier: MIT
 *
 * Framing (proto/frame.c): every split point, sizes at the limit, memory.
 */
#include <string.h>

#include "proto/base.h"
#include "proto/frame.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

static void feed(struct frame *f, const uint8_t *bytes, uint32_t n) {
  uint32_t room;
  while (n) {
    uint8_t *to = frame_room(f, 16, &room);
    if (!to) ck_abort_msg("no room");
    uint32_t k = n < room ? n : room;
    memcpy(to, bytes, k);
    frame_filled(f, k);
    bytes += k;
    n -= k;
  }
}

/* Writes a message of `length` bytes after its prefix, filled with `mark`. Returns its size. */
static uint32_t make(uint8_t *out, uint32_t length, uint8_t mark) {
  out[0] = 0xce;
  store_be32(out + 1, length);
  memset(out + 5, mark, length);
  return length + 5;
}

static const uint32_t lengths[] = {3, 0, 41, 1, 300};
enum { MESSAGES = 5, STREAM = 400 };

/* Takes what is whole and checks it against the stream; returns the number of messages seen so far. */
static unsigned take(struct frame *f, unsigned seen) {
  uint8_t *bytes;
  uint32_t size;
  while (frame_next(f, &bytes, &size) == FRAME_MESSAGE) {
    if (seen >= MESSAGES || size != lengths[seen] + 5) ck_abort_msg("message %u has %u bytes", seen, size);
    seen++;
    for (uint32_t i = 5; i < size; i++)
      if (bytes[i] != seen) ck_abort_msg("byte %u of message %u is not its own", i, seen);
  }
  return seen;
}

static uint32_t make_stream(uint8_t *out) {
  uint32_t n = 0;
  for (unsigned i = 0; i < MESSAGES; i++) n += make(out + n, lengths[i], (uint8_t)(i + 1));
  return n;
}

START_TEST(every_two_split_points) {
  uint8_t stream[STREAM];
  uint32_t n = make_stream(stream);
  ck_assert_uint_le(n, STREAM);
  for (uint32_t a = 0; a <= n; a++) {
    for (uint32_t b = a; b <= n; b++) {
      struct frame f;
      frame_init(&f, 1000);
      feed(&f, stream, a);
      unsigned seen = take(&f, 0);
      feed(&f, stream + a, b - a);
      seen = take(&f, seen);
      feed(&f, stream + b, n - b);
      ck_assert_uint_eq(take(&f, seen), MESSAGES);
      frame_deinit(&f);
    }
  }
}
END_TEST

START_TEST(byte_by_byte) {
  uint8_t stream[STREAM];
  uint32_t n = make_stream(stream);
  struct frame f;
  unsigned seen = 0;
  frame_init(&f, 1000);
  for (uint32_t i = 0; i < n; i++) {
    feed(&f, stream + i, 1);
    seen = take(&f, seen);
  }
  ck_assert_uint_eq(seen, MESSAGES);
  frame_deinit(&f);
}
END_TEST

START_TEST(the_limit_is_exact) {
  uint8_t bytes[2000], *got;
  uint32_t size;
  struct frame f;
  frame_init(&f, 1000);
  feed(&f, bytes, make(bytes, 1000, 1));
  ck_assert_int_eq(frame_next(&f, &got, &size), FRAME_MESSAGE);
  feed(&f, bytes, make(bytes, 1001, 1));
  ck_assert_int_eq(frame_next(&f, &got, &size), FRAME_TOO_LARGE);
  ck_assert_uint_eq(size, 1001);
  ck_assert_int_eq(frame_next(&f, &got, &size), FRAME_TOO_LARGE); /* for good */
  frame_deinit(&f);
  frame_init(&f, 1000);
  feed(&f, (const uint8_t *)"\xce\xff\xff\xff\xff", 5);
  ck_assert_int_eq(frame_next(&f, &got, &size), FRAME_TOO_LARGE);
  ck_assert_uint_eq(size, UINT32_MAX);
  frame_deinit(&f);
}
END_TEST

START_TEST(other_prefixes_are_bad_at_their_first_byte) {
  for (unsigned first = 0; first < 256; first++) {
    struct frame f;
    uint8_t byte = (uint8_t)first, *got;
    uint32_t size;
    frame_init(&f, 1000);
    ck_assert_int_eq(frame_next(&f, &got, &size), FRAME_MORE);
    feed(&f, &byte, 1);
    ck_assert_int_eq(frame_next(&f, &got, &size), first == 0xce ? FRAME_MORE : FRAME_BAD_PREFIX);
    frame_deinit(&f);
  }
}
END_TEST

/* Memory follows the bytes that came, not the length that was announced; an empty large buffer is given back. */
START_TEST(memory_follows_bytes) {
  enum { BIG = 8 << 20 };
  struct frame f;
  uint8_t head[5] = {0xce}, *got;
  uint32_t size, room;
  store_be32(head + 1, BIG);
  frame_init(&f, BIG);
  feed(&f, head, sizeof head);
  ck_assert_int_eq(frame_next(&f, &got, &size), FRAME_MORE);
  frame_room(&f, 4096, &room);
  ck_assert_uint_le(f.in.capacity, 16384);
  static uint8_t bytes[BIG];
  feed(&f, bytes, BIG);
  ck_assert_int_eq(frame_next(&f, &got, &size), FRAME_MESSAGE);
  ck_assert_uint_eq(size, BIG + 5);
  frame_room(&f, 4096, &room);
  ck_assert_uint_le(f.in.capacity, 16384);
  frame_deinit(&f);
}
END_TEST

/* A large message is read into no more memory than it has bytes, ... */
START_TEST(a_large_message_ends_its_buffer) {
  enum { BIG = (1 << 20) + 1000, STEP = 64 << 10 };
  static uint8_t bytes[BIG];
  struct frame f;
  uint8_t *got;
  uint32_t size, room, done = 0;
  bytes[0] = 0xce;
  store_be32(bytes + 1, BIG - 5);
  frame_init(&f, BIG);
  while (done < BIG) {
    uint8_t *to = frame_room(&f, STEP, &room);
    ck_assert_ptr_nonnull(to);
    ck_assert_uint_le(f.in.capacity, done + STEP > BIG / 2 ? BIG : 2 * (done + STEP));
    uint32_t n = room < STEP ? room : STEP;
    if (n > BIG - done) n = BIG - done;
    memcpy(to, bytes + done, n);
    frame_filled(&f, n);
    done += n;
  }
  ck_assert_uint_eq(f.in.capacity, BIG);
  ck_assert_int_eq(frame_next(&f, &got, &size), FRAME_MESSAGE);
  ck_assert_uint_eq(size, BIG);
  ck_assert(frame_may_give(&f, size));
  uint8_t *given = frame_give(&f);
  ck_assert_ptr_eq(given, got);
  ck_assert_int_eq(frame_next(&f, &got, &size), FRAME_MORE);
  feed(&f, bytes, 100); /* goes on elsewhere */
  ck_assert_int_eq(memcmp(given, bytes, BIG), 0);
  free(given);
  frame_deinit(&f);
}
END_TEST

/* ... and what follows it does not keep that. Of large messages that follow one another it is kept. */
START_TEST(one_byte_does_not_keep_a_large_buffer) {
  enum { BIG = 8 << 20 };
  static uint8_t bytes[BIG + 5];
  struct frame f;
  uint8_t *got;
  uint32_t size, room;
  bytes[0] = 0xce;
  store_be32(bytes + 1, BIG);
  frame_init(&f, BIG);
  ck_assert_ptr_nonnull(frame_room(&f, BIG + 6, &room));
  memcpy(f.in.bytes, bytes, BIG + 5);
  f.in.bytes[BIG + 5] = 0xce;
  frame_filled(&f, BIG + 6);
  ck_assert_int_eq(frame_next(&f, &got, &size), FRAME_MESSAGE);
  ck_assert(!frame_may_give(&f, size)); /* nor is that given away, */
  ck_assert_int_eq(frame_next(&f, &got, &size), FRAME_MORE);
  frame_trim(&f, 4096);
  ck_assert_uint_eq(f.in.capacity, 1);
  ck_assert_uint_eq(f.in.bytes[f.start], 0xce);
  frame_deinit(&f);
  frame_init(&f, BIG);
  ck_assert_ptr_nonnull(frame_room(&f, BIG, &room));
  memcpy(f.in.bytes, bytes, BIG / 4);
  frame_filled(&f, BIG / 4);
  size = f.in.capacity;
  frame_trim(&f, 4096);
  ck_assert_uint_eq(f.in.capacity, size);
  store_be32(f.in.bytes + 1, BIG / 4 - 5);
  ck_assert_int_eq(frame_next(&f, &got, &size), FRAME_MESSAGE);
  ck_assert(!frame_may_give(&f, size)); /* nor much more than the message */
  frame_deinit(&f);
}
END_TEST

START_TEST(random_bytes_do_no_harm) {
  uint64_t state = random_seed("random_bytes_do_no_harm");
  for (int round = 0; round < 2000; round++) {
    struct frame f;
    frame_init(&f, 200);
    uint8_t bytes[64], *got;
    uint32_t size;
    enum frame_outcome o = FRAME_MORE;
    for (int piece = 0; piece < 10 && (o == FRAME_MORE || o == FRAME_MESSAGE); piece++) {
      uint32_t n = random_below(&state, sizeof bytes);
      for (uint32_t i = 0; i < n; i++) bytes[i] = (uint8_t)random_next(&state);
      if (n > 5 && random_below(&state, 4)) make(bytes, random_below(&state, 50), 0xce);
      feed(&f, bytes, n);
      while ((o = frame_next(&f, &got, &size)) == FRAME_MESSAGE) ck_assert_uint_le(size, 205);
    }
    frame_deinit(&f);
  }
}
END_TEST

/* The broker asks size - start whether a frame holds the beginning of a message, also after it gave its buffer back. */
START_TEST(nothing_is_left_after_deinit) {
  struct frame f;
  uint8_t message[16], *bytes;
  uint32_t size;
  frame_init(&f, 1000);
  feed(&f, message, make(message, 4, 1));
  ck_assert_int_eq(frame_next(&f, &bytes, &size), FRAME_MESSAGE);
  frame_deinit(&f);
  ck_assert_uint_eq(f.in.size - f.start, 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("proto_frame");
  TCase *c = tcase_create("frame");
  tcase_add_test(c, every_two_split_points);
  tcase_add_test(c, byte_by_byte);
  tcase_add_test(c, the_limit_is_exact);
  tcase_add_test(c, other_prefixes_are_bad_at_their_first_byte);
  tcase_add_test(c, memory_follows_bytes);
  tcase_add_test(c, a_large_message_ends_its_buffer);
  tcase_add_test(c, one_byte_does_not_keep_a_large_buffer);
  tcase_add_test(c, random_bytes_do_no_harm);
  tcase_add_test(c, nothing_is_left_after_deinit);
  suite_add_tcase(s, c);
  return run_suite(s);
}
