/* SPDX-License-Identifier: MIT
 *
 * Values read in the short way (client-lib/values.c), and numbers many at a time (client-lib/numbers.c): what one value
 * after the other gives is given whatever way it is read, over bodies at random of all forms that values have, and in
 * all states of a body. And bodies that are used again, numbers written many at a time, and arrays whose number of
 * values is not known before (client-lib/put.c).
 */
#include <math.h>

#include "proto/sanitizer.h"
#include "tests/unit/fake_broker.h"
#include "tests/unit/random.h"

enum { BODIES = 3000, VALUES_MOST = 40, BLOCK_MOST = 9 };

static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE};

/* Appends a value at random; how many more are to be announced with an array. */
static uint32_t put_any(struct fake *f, uint64_t *seed) {
  static const uint8_t wide[] = {0xd0, 5, 0xd1, 0, 200, 0xd2, 0, 1, 0, 0, 0xd3, 0, 0, 0, 0, 0, 0, 0, 9, 0xca, 0x3f, 0x80, 0, 0};
  static const uint32_t wide_at[] = {0, 2, 5, 10, 19, 24};
  static char text[300];
  uint64_t bits = random_next(seed);
  uint32_t k;
  double d;
  switch (random_below(seed, 14)) {
    case 0: pack_nil(&f->p); return 0;
    case 1: pack_bool(&f->p, bits & 1); return 0;
    case 2: case 3: pack_uint(&f->p, bits >> (bits & 63)); return 0;
    case 4: pack_number(&f->p, -(double)(bits >> (12 + bits % 52))); return 0;
    case 5:
      memcpy(&d, &bits, sizeof d);
      pack_number(&f->p, d);
      return 0;
    case 6: /* forms that others choose for what has a shorter one */
      k = random_below(seed, ARRAY_SIZE(wide_at) - 1);
      pack_raw(&f->p, wide + wide_at[k], wide_at[k + 1] - wide_at[k]);
      return 0;
    case 7:
      memset(text, bits & 1 ? 'a' : 0xff, sizeof text);
      pack_string(&f->p, text, random_below(seed, sizeof text));
      return 0;
    case 8: fake_put_pt(f, &A); return 0;
    case 9: pack_null(&f->p); return 0;
    case 10:
      k = random_below(seed, 4);
      pack_array(&f->p, k);
      return k;
    default: pack_uint(&f->p, random_below(seed, 1000)); return 0;
  }
}

static void answer_any(struct fake *f, uint64_t *seed) {
  uint32_t count = random_below(seed, VALUES_MOST);
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_PING, fake_ask(f, told_answer), count);
  /* Arrays are flat: their values are appended before what follows them. One inside another is left out. */
  for (uint32_t i = 0; i < count; i++)
    for (uint32_t left = put_any(f, seed); left > 0; left--) pack_uint(&f->p, left * 300);
  fake_deliver(f);
}

static bool same(const struct gaijin_value *a, const struct gaijin_value *b) {
  return a->type == b->type && a->boolean == b->boolean && a->is_uint == b->is_uint && a->integer == b->integer &&
         memcmp(&a->number, &b->number, sizeof a->number) == 0 && a->bytes == b->bytes && a->size == b->size &&
         a->count == b->count;
}

/* Reads the rest of a body in a way chosen at random, beside looks from the begin, which know no arrays' ends. */
static void read_any(gaijin_body *b, uint64_t *seed) {
  struct gaijin_value seen[4 * VALUES_MOST], v;
  size_t n = 0, at = 0, look_at = 0, looked = 0;
  double block[BLOCK_MOST];
  while (gaijin_body_look(b, &at, &seen[n])) n++;
  while (looked < n) {
    size_t most = random_below(seed, BLOCK_MOST + 1), got = gaijin_body_look_numbers(b, &look_at, block, most);
    ck_assert_uint_le(got, most);
    for (size_t i = 0; i < got; i++, looked++)
      ck_assert(seen[looked].type == GAIJIN_NUMBER && memcmp(&block[i], &seen[looked].number, sizeof block[i]) == 0);
    if (got == most || looked == n) continue;
    ck_assert_int_ne(seen[looked].type, GAIJIN_NUMBER);
    ck_assert(gaijin_body_look(b, &look_at, &v) && same(&v, &seen[looked]));
    looked++;
  }
  ck_assert_uint_eq(gaijin_body_look_numbers(b, &look_at, block, BLOCK_MOST), 0);
  for (size_t i = 0; i < n;) {
    size_t got = gaijin_body_numbers(b, block, random_below(seed, BLOCK_MOST + 1));
    for (size_t k = 0; k < got; k++, i++)
      ck_assert(seen[i].type == GAIJIN_NUMBER && memcmp(&block[k], &seen[i].number, sizeof block[k]) == 0);
    if (i == n || random_below(seed, 2)) continue;
    bool is_shown = seen[i].type != GAIJIN_ARRAY && seen[i].type != GAIJIN_FOREIGN;
    ck_assert_int_eq(gaijin_body_peek(b, &v), is_shown);
    ck_assert(!is_shown || same(&v, &seen[i]));
    ck_assert(gaijin_body_next(b, &v));
    ck_assert(v.type == GAIJIN_FOREIGN ? seen[i].type == GAIJIN_FOREIGN && v.holding : same(&v, &seen[i]));
    i++;
  }
  ck_assert_uint_eq(gaijin_body_numbers(b, block, BLOCK_MOST), 0);
  ck_assert_uint_eq(gaijin_body_count(b), 0);
  ck_assert(!gaijin_body_next(b, &v) && !gaijin_body_peek(b, &v));
}

START_TEST(whatever_way_it_is_read_it_is_the_same) {
  uint64_t seed = random_seed("bodies");
  struct fake f;
  fake_open(&f);
  for (int i = 0; i < BODIES; i++) {
    answer_any(&f, &seed);
    gaijin_body *b = f.told.answer[f.told.answers - 1].body;
    read_any(b, &seed);
    gaijin_body_free(b);
    f.told.answers = 0;
  }
  fake_close(&f);
}
END_TEST

enum { ENTRIES_MOST = 60 };

/* Answers with an array of entries most of which are in their places from `first` on, and two numbers that could be one
 * more; how many entries there are. */
static uint32_t answer_entries(struct fake *f, uint64_t *seed, uint32_t first) {
  uint32_t n = random_below(seed, ENTRIES_MOST);
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_PING, fake_ask(f, told_answer), 3);
  pack_array(&f->p, 2 * n);
  for (uint32_t i = 0; i < n; i++) {
    pack_uint(&f->p, random_below(seed, 16) ? first + i : random_below(seed, 70000));
    uint64_t bits = random_next(seed);
    switch (random_below(seed, 16)) {
      case 0: pack_bool(&f->p, bits & 1); break;
      case 1: pack_number(&f->p, -(double)(bits & 0x1ff)); break;
      case 2: pack_number(&f->p, (double)bits / 3); break;
      case 3: pack_raw(&f->p, "\xd1\x00\xc8", 3); break;
      default: pack_uint(&f->p, bits >> (32 + (bits & 31))); break;
    }
  }
  pack_uint(&f->p, first + n);
  pack_uint(&f->p, 7);
  fake_deliver(f);
  return n;
}

/* What is looked at is what is read, but for the array's end. */
static uint32_t read_entries(gaijin_body *b, uint64_t *seed, uint32_t first, uint32_t n) {
  struct gaijin_value seen[2 * ENTRIES_MOST + 3], v;
  double block[BLOCK_MOST];
  uint32_t n_seen = 0, in_places = 0;
  size_t at = 0;
  while (gaijin_body_look(b, &at, &seen[n_seen])) n_seen++;
  ck_assert_uint_eq(n_seen, 2 * n + 3);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_ARRAY);
  for (uint32_t i = 0; i < n;) {
    size_t most = random_below(seed, BLOCK_MOST + 1), look_at = 0;
    size_t ahead = gaijin_body_look_places(b, &look_at, first + i, most);
    size_t got = gaijin_body_places(b, first + i, block, most);
    ck_assert_uint_le(ahead, most);
    ck_assert_uint_eq(got, ahead < n - i ? ahead : n - i);
    for (size_t k = 0; k < got; k++, i++) {
      ck_assert(seen[2 * i + 1].type == GAIJIN_NUMBER && seen[2 * i + 1].number == first + i);
      ck_assert(seen[2 * i + 2].type == GAIJIN_NUMBER && block[k] == seen[2 * i + 2].number);
    }
    in_places += (uint32_t)got;
    if (got == most || i == n) continue;
    ck_assert(gaijin_body_next(b, &v) && same(&v, &seen[2 * i + 1]));
    ck_assert(gaijin_body_next(b, &v) && same(&v, &seen[2 * i + 2]));
    i++;
  }
  ck_assert_uint_eq(gaijin_body_places(b, first + n, block, BLOCK_MOST), 0);
  ck_assert_uint_eq(gaijin_body_numbers(b, block, BLOCK_MOST), 2); /* behind the array */
  ck_assert_uint_eq(gaijin_body_places(b, 1, block, BLOCK_MOST), 0);
  at = 0;
  ck_assert_uint_eq(gaijin_body_look_places(b, &at, 1, BLOCK_MOST), 0);
  return in_places;
}

START_TEST(entries_in_their_places_are_read_many_at_a_time) {
  static const uint32_t firsts[] = {1, 100, 230, 65500, 16000000};
  uint64_t seed = random_seed("entries");
  uint32_t all = 0, in_places = 0;
  struct fake f;
  fake_open(&f);
  for (int i = 0; i < BODIES; i++) {
    uint32_t first = firsts[random_below(&seed, ARRAY_SIZE(firsts))], n = answer_entries(&f, &seed, first);
    gaijin_body *b = f.told.answer[f.told.answers - 1].body;
    in_places += read_entries(b, &seed, first, n);
    all += n;
    gaijin_body_free(b);
    f.told.answers = 0;
  }
  ck_assert_uint_gt(in_places, all / 4);
  fake_close(&f);
}
END_TEST

START_TEST(numbers_end_with_their_array) {
  struct fake f;
  struct gaijin_value v;
  double n[8];
  fake_open(&f);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, fake_ask(&f, told_answer), 4);
  pack_array(&f.p, 2);
  pack_uint(&f.p, 1);
  pack_uint(&f.p, 2000);
  pack_uint(&f.p, 3);
  fake_put_pt(&f, &A);
  pack_number(&f.p, 0.25);
  fake_deliver(&f);
  gaijin_body *b = f.told.answer[0].body;
  ck_assert_uint_eq(gaijin_body_numbers(b, n, 8), 0);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_ARRAY);
  ck_assert_uint_eq(gaijin_body_numbers(b, n, 0), 0);
  ck_assert_uint_eq(gaijin_body_numbers(b, n, 8), 2); /* the 3 behind them is not of this array */
  ck_assert(n[0] == 1 && n[1] == 2000);
  ck_assert_uint_eq(gaijin_body_numbers(b, n, 8), 1);
  ck_assert_uint_eq(gaijin_body_numbers(b, n, 8), 0);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_FOREIGN);
  ck_assert_uint_eq(gaijin_releases(f.g), 0);
  ck_assert_uint_eq(gaijin_body_numbers(b, n, 8), 1); /* gives the object back */
  ck_assert(n[0] == 0.25);
  ck_assert_uint_eq(gaijin_releases(f.g), 1);
  gaijin_body_free(b);
  fake_close(&f);
}
END_TEST

/* ---- Bodies that are used again ---- */

enum { HELD = 100, KEPT = WITH_ASAN ? 0 : 64 };

static struct {
  gaijin_body *all[HELD];
  unsigned count;
} held;

static void hold(void *user, const struct gaijin_answer *a) {
  (void)user;
  ck_assert_uint_lt(held.count, HELD);
  held.all[held.count++] = a->body;
}

static void answer_number(struct fake *f, double n) {
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_PING, fake_ask(f, hold), 1);
  pack_number(&f->p, n);
  fake_deliver(f);
}

/* Each has the values of its own message, however many there are at once, and so many are kept. */
START_TEST(small_ones_are_used_again) {
  struct fake f;
  double n;
  fake_open(&f);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < HELD; i++) answer_number(&f, round * HELD + i);
    ck_assert_uint_eq(f.g->n_spare_bodies, 0);
    for (int i = 0; i < HELD; i++) {
      ck_assert_uint_eq(gaijin_body_numbers(held.all[i], &n, 1), 1);
      ck_assert(n == round * HELD + i);
    }
    while (held.count) gaijin_body_free(held.all[--held.count]);
    ck_assert_uint_eq(f.g->n_spare_bodies, KEPT);
    ck_assert_ptr_null(gj_check(f.g));
  }
  fake_close(&f);
}
END_TEST

START_TEST(a_large_one_is_not_kept) {
  static const char text[200] = "x";
  struct fake f;
  struct gaijin_value v;
  fake_open(&f);
  answer_number(&f, 1);
  gaijin_body_free(held.all[--held.count]);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, fake_ask(&f, hold), 1);
  pack_string(&f.p, text, sizeof text);
  fake_deliver(&f);
  ck_assert_uint_eq(f.g->n_spare_bodies, KEPT ? 1 : 0); /* which has no room for it */
  ck_assert(gaijin_body_next(held.all[0], &v) && v.size == sizeof text && memcmp(v.bytes, text, v.size) == 0);
  gaijin_body_free(held.all[--held.count]);
  ck_assert_uint_eq(f.g->n_spare_bodies, KEPT ? 1 : 0);
  fake_close(&f);
}
END_TEST

/* ---- Written ---- */

static const struct gaijin_send to_x = {.op = GAIJIN_OP_S2T, .name = "x"};

static void refused(struct fake *f, int status, const char *text) {
  ck_assert_int_eq(gaijin_end_request(f->g, told_answer, f, NULL), status);
  ck_assert_msg(strstr(gaijin_error(f->g), text), "%s", gaijin_error(f->g));
  ck_assert_uint_eq(gaijin_queued_bytes(f->g), 0);
}

START_TEST(an_array_may_be_as_long_as_it_becomes) {
  enum { MANY = 300 };
  struct fake f;
  fake_open(&f);
  double numbers[MANY];
  for (int i = 0; i < MANY; i++) numbers[i] = i * 0.5;
  for (uint32_t n = 0; n <= MANY; n += MANY) {
    gaijin_begin_request(f.g, &to_x, 2);
    gaijin_put_array(f.g, 1);
    gaijin_put_array_begin(f.g);
    gaijin_put_numbers(f.g, numbers, n);
    gaijin_put_text(f.g, "end");
    gaijin_put_array_end(f.g);
    gaijin_put_array_end(f.g); /* of nothing */
    gaijin_put_bool(f.g, true);
    ck_assert_int_eq(gaijin_end_request(f.g, NULL, NULL, NULL), 0);
    gaijin_flush(f.g, false);
    ck_assert_int_eq(fake_next(&f)->op, GAIJIN_OP_S2T);
    struct reader r = fake_values(&f.m);
    struct value v;
    ck_assert(reader_next(&r, &v) && v.type == VALUE_ARRAY && v.count == 1);
    ck_assert(reader_next(&r, &v) && v.type == VALUE_ARRAY && v.count == n + 1);
    for (uint32_t i = 0; i < n; i++) ck_assert(reader_next(&r, &v) && v.type == VALUE_NUMBER && v.number == numbers[i]);
    ck_assert(reader_next(&r, &v) && v.type == VALUE_STRING && reader_next(&r, &v) && v.boolean && r.at == r.end);
  }
  fake_close(&f);
}
END_TEST

START_TEST(such_an_array_is_ended_and_holds_no_other) {
  struct fake f;
  fake_open(&f);
  gaijin_begin_request(f.g, &to_x, 1);
  gaijin_put_array_begin(f.g);
  refused(&f, GAIJIN_STATUS_PROTOCOL, "message 's2t' has an array that is not ended");
  for (int i = 0; i < 2; i++) {
    gaijin_begin_request(f.g, &to_x, 2);
    gaijin_put_array_begin(f.g);
    if (i == 0) gaijin_put_array(f.g, 0);
    if (i == 1) gaijin_put_array_begin(f.g);
    gaijin_put_array_end(f.g);
    gaijin_put_nil(f.g);
    refused(&f, GAIJIN_STATUS_UNSUPPORTED, "'s2t' has an array inside one that is not ended");
  }
  for (int i = 0; i < 2; i++) { /* behind more values than were announced without it */
    gaijin_begin_request(f.g, &to_x, 1);
    gaijin_put_array_begin(f.g);
    gaijin_put_bool(f.g, true);
    if (i == 0) gaijin_put_array(f.g, 0);
    if (i == 1) gaijin_put_array_begin(f.g);
    gaijin_put_array_end(f.g);
    refused(&f, GAIJIN_STATUS_UNSUPPORTED, "'s2t' has an array inside one that is not ended");
  }
  gaijin_begin_request(f.g, &to_x, 1);
  gaijin_put_nil(f.g);
  gaijin_put_array_begin(f.g); /* the value announced is there already */
  gaijin_put_array_end(f.g);
  refused(&f, GAIJIN_STATUS_PROTOCOL, "'s2t' was announced with 1 values but got 2");
  gaijin_put_numbers(f.g, (double[]){1}, 1); /* nothing is being written */
  gaijin_put_array_begin(f.g);
  gaijin_put_array_end(f.g);
  ck_assert(fake_idle(&f));
  fake_close(&f);
}
END_TEST

/* Whatever is over the limit, the array's header or its values. */
START_TEST(such_an_array_keeps_to_the_limit) {
  struct fake f;
  fake_open(&f);
  char *text = calloc(1, f.g->max_message);
  ck_assert_ptr_nonnull(text);
  uint32_t less = 0;
  for (int status = 1; status != 0; less++) {
    gaijin_begin_request(f.g, &to_x, 2);
    gaijin_put_string(f.g, text, f.g->max_message - less);
    gaijin_put_array_begin(f.g);
    for (int i = 0; i < 20; i++) gaijin_put_number(f.g, 1);
    gaijin_put_array_end(f.g);
    status = gaijin_end_request(f.g, NULL, NULL, NULL);
    if (status) ck_assert_int_eq(status, GAIJIN_STATUS_TOO_LARGE);
    ck_assert_uint_eq(gaijin_queued_bytes(f.g), status ? 0 : f.g->max_message + MESSAGE_PREFIX_BYTES);
  }
  free(text);
  fake_close(&f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_numbers");
  TCase *c = tcase_create("numbers");
  tcase_add_test(c, whatever_way_it_is_read_it_is_the_same);
  tcase_add_test(c, entries_in_their_places_are_read_many_at_a_time);
  tcase_add_test(c, numbers_end_with_their_array);
  tcase_add_test(c, small_ones_are_used_again);
  tcase_add_test(c, a_large_one_is_not_kept);
  tcase_add_test(c, an_array_may_be_as_long_as_it_becomes);
  tcase_add_test(c, such_an_array_is_ended_and_holds_no_other);
  tcase_add_test(c, such_an_array_keeps_to_the_limit);
  suite_add_tcase(s, c);
  return run_suite(s);
}
