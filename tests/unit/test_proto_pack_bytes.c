/* SPDX-License-Identifier: MIT
 *
 * The bytes that proto/pack.c writes are msgpack-c's, and what it takes for UTF-8 is what RFC 3629 does: for all
 * strings of up to two bytes, all of up to four at the ranges' ends, each at every place of a word, and at random.
 * Strings are read up to their end and no further: behind it is a page that nobody may read.
 */
#include <math.h>
#include <msgpack.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/limits.h"
#include "proto/pack.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

enum { PLACES = 17, RANDOM_STRINGS = 200000, RANDOM_NUMBERS = 200000 };

struct pair {
  struct buffer ours;
  struct pack p;
  uint32_t body; /* where ours begins, behind the header and the array's count */
  msgpack_sbuffer theirs;
  msgpack_packer k;
};

static void pair_begin(struct pair *a) {
  struct message m = {.kind = MESSAGE_REPLY, .op = OP_get, .id = 1};
  buffer_init(&a->ours, MAX_MESSAGE_MOST);
  pack_begin(&a->p, &a->ours, MAX_MESSAGE_DEFAULT, &m, 1);
  a->body = a->ours.size;
  msgpack_sbuffer_init(&a->theirs);
  msgpack_packer_init(&a->k, &a->theirs, msgpack_sbuffer_write);
}

/* Compares what has been written since the last time, and forgets it. */
static void pair_same(struct pair *a, const char *what, double number) {
  uint32_t size = a->ours.size - a->body;
  ck_assert_msg(size == a->theirs.size && memcmp(a->ours.bytes + a->body, a->theirs.data, size) == 0,
                "%s %.17g: not the bytes of msgpack-c", what, number);
  a->ours.size = a->body;
  a->p.wanted = a->body;
  msgpack_sbuffer_clear(&a->theirs);
}

static void pair_end(struct pair *a) {
  buffer_deinit(&a->ours);
  msgpack_sbuffer_destroy(&a->theirs);
}

static void same_number(struct pair *a, double v) {
  const double exact = 9007199254740992.0;
  pack_number(&a->p, v);
  if (v >= -exact && v <= exact && floor(v) == v && !(v == 0 && signbit(v)))
    msgpack_pack_int64(&a->k, (int64_t)v);
  else
    msgpack_pack_double(&a->k, v);
  pair_same(a, "number", v);
}

START_TEST(numbers_and_counts_are_msgpack) {
  static const double others[] = {0.5, -0.0, 1e308, 5e-324, (double)INFINITY, -(double)INFINITY, (double)NAN, -(double)NAN};
  uint64_t seed = random_seed("numbers");
  struct pair a;
  pair_begin(&a);
  for (size_t i = 0; i < ARRAY_SIZE(others); i++) same_number(&a, others[i]);
  for (int bit = 0; bit < 64; bit++) {
    for (int d = -2; d <= 2; d++) {
      double v = ldexp(1, bit) + d;
      same_number(&a, v);
      same_number(&a, -v);
      pack_uint(&a.p, ((uint64_t)1 << bit) + (uint64_t)(int64_t)d);
      msgpack_pack_uint64(&a.k, ((uint64_t)1 << bit) + (uint64_t)(int64_t)d);
      pair_same(&a, "integer", v);
      if (bit >= 32) continue;
      pack_array(&a.p, ((uint32_t)1 << bit) + (uint32_t)d);
      msgpack_pack_array(&a.k, ((uint32_t)1 << bit) + (uint32_t)d);
      pair_same(&a, "array", v);
    }
  }
  for (int i = 0; i < RANDOM_NUMBERS; i++) {
    uint64_t bits = random_next(&seed);
    double v;
    memcpy(&v, &bits, sizeof v);
    same_number(&a, v);
    same_number(&a, (double)(bits >> (1 + i % 63)) * (i % 2 ? 1 : -1));
  }
  pack_nil(&a.p);
  msgpack_pack_nil(&a.k);
  pack_bool(&a.p, true);
  msgpack_pack_true(&a.k);
  pack_bool(&a.p, false);
  msgpack_pack_false(&a.k);
  pair_same(&a, "nil and booleans", 0);
  pair_end(&a);
}
END_TEST

/* The bytes of the character that begins at s, by what it says; 0: none. */
static uint32_t character(const uint8_t *s, uint32_t n) {
  static const struct { uint32_t mask, mark, least, most; } forms[] = {
      {0x80, 0x00, 0, 0x7f}, {0xe0, 0xc0, 0x80, 0x7ff}, {0xf0, 0xe0, 0x800, 0xffff}, {0xf8, 0xf0, 0x10000, 0x10ffff}};
  for (uint32_t size = 1; size <= 4; size++) {
    if ((s[0] & forms[size - 1].mask) != forms[size - 1].mark) continue;
    uint32_t code = s[0] & ~forms[size - 1].mask & 0xff;
    if (size > n) return 0;
    for (uint32_t i = 1; i < size; i++) {
      if (s[i] >> 6 != 2) return 0;
      code = code << 6 | (s[i] & 0x3f);
    }
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    return code >= forms[size - 1].least && code <= forms[size - 1].most && !is_surrogate ? size : 0;
  }
  return 0;
}

static bool is_utf8(const uint8_t *s, uint32_t n) {
  for (uint32_t size; n; s += size, n -= size)
    if (!(size = character(s, n))) return false;
  return true;
}

static void same_string(struct pair *a, const uint8_t *s, uint32_t n) {
  pack_string(&a->p, (const char *)s, n);
  if (is_utf8(s, n)) {
    msgpack_pack_str(&a->k, n);
    msgpack_pack_str_body(&a->k, s, n);
  } else {
    msgpack_pack_bin(&a->k, n);
    msgpack_pack_bin_body(&a->k, s, n);
  }
  pair_same(a, "string", n);
}

/* Alone, and at each place of a text. */
static void same_everywhere(struct pair *a, const uint8_t *s, uint32_t n) {
  uint8_t text[PLACES + 4 + 9];
  same_string(a, s, n);
  for (uint32_t before = 0; before < PLACES; before++) {
    memset(text, 'a', sizeof text);
    memcpy(text + before, s, n);
    same_string(a, text, before + n);
    same_string(a, text, (uint32_t)sizeof text - (before & 7));
  }
}

START_TEST(all_short_strings) {
  struct pair a;
  uint8_t s[2];
  pair_begin(&a);
  same_string(&a, s, 0);
  for (int first = 0; first < 256; first++) {
    s[0] = (uint8_t)first;
    same_everywhere(&a, s, 1);
    for (int second = 0; second < 256; second++) {
      s[1] = (uint8_t)second;
      same_string(&a, s, 2);
    }
  }
  pair_end(&a);
}
END_TEST

START_TEST(all_ends_of_ranges) {
  static const uint8_t leads[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
  static const uint8_t others[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
  enum { OTHERS = ARRAY_SIZE(others) };
  struct pair a;
  pair_begin(&a);
  for (size_t i = 0; i < ARRAY_SIZE(leads) * OTHERS * OTHERS * OTHERS; i++) {
    size_t k = i / OTHERS;
    const uint8_t s[] = {leads[k / OTHERS / OTHERS], others[k / OTHERS % OTHERS], others[k % OTHERS], others[i % OTHERS]};
    same_everywhere(&a, s, 4);
  }
  pair_end(&a);
}
END_TEST

START_TEST(strings_at_random) {
  static const char *const pieces[] = {"a", "0123456", "plain ascii text", "\xc3\xaf", "\xe2\x82\xac", "\xf0\x9f\x99\x82", "\xff", "\xed\xa0\x80", "\xc2"};
  uint64_t seed = random_seed("strings");
  struct pair a;
  pair_begin(&a);
  for (int i = 0; i < RANDOM_STRINGS; i++) {
    uint8_t s[128];
    uint32_t n = 0, usual = random_below(&seed, 3) ? 6 : ARRAY_SIZE(pieces);
    for (uint32_t k = random_below(&seed, 8); k > 0; k--) {
      const char *piece = pieces[random_below(&seed, usual)];
      memcpy(s + n, piece, strlen(piece));
      n += (uint32_t)strlen(piece);
    }
    same_string(&a, s, n);
  }
  pair_end(&a);
}
END_TEST

START_TEST(nothing_behind_the_end_is_read) {
  static const char *const ends[] = {"", "a", "\xc3\xaf", "\xc3", "\xe2\x82\xac", "\xe2\x82", "\xf0\x9f\x99\x82", "\xf0\x9f\x99", "\xff"};
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ck_assert_ptr_ne(pages, MAP_FAILED);
  ck_assert_int_eq(mprotect(pages + page, page, PROT_NONE), 0);
  struct pair a;
  pair_begin(&a);
  for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
    memset(pages, 'a', page);
    memcpy(pages + page - strlen(ends[i]), ends[i], strlen(ends[i]));
    for (uint32_t n = (uint32_t)strlen(ends[i]); n < 80; n++) same_string(&a, pages + page - n, n);
  }
  pair_end(&a);
  munmap(pages, 2 * page);
}
END_TEST

int main(void) {
  Suite *s = suite_create("proto_pack_bytes");
  TCase *c = tcase_create("bytes");
  tcase_add_test(c, numbers_and_counts_are_msgpack);
  tcase_add_test(c, all_short_strings);
  tcase_add_test(c, all_ends_of_ranges);
  tcase_add_test(c, strings_at_random);
  tcase_add_test(c, nothing_behind_the_end_is_read);
  suite_add_tcase(s, c);
  return run_suite(s);
}
