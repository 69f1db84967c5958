/* SPDX-License-Identifier: MIT
 *
 * Keys chosen by an attacker (client-lib/table.c, proto/base.h): who knows the hash but not the
 * seed cannot make long chains. What is counted is the length of chains, never time.
 */
#include <errno.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include "tests/unit/fake_broker.h"
#include "tests/unit/random.h"

enum { MANY = 20000, SEEDS = 8 };
/* A chain has at most 8 nodes on average when all keys end in the same three bits; a random one of
 * 50 is less probable than 1 in 10^20. */
enum { LONG_CHAIN = 50 };

static uint32_t longest_chain(const struct table *t) {
  uint32_t longest = 0;
  for (uint32_t i = 0; i <= t->mask; i++) {
    uint32_t length = 0;
    for (const struct table_node *n = t->slots[i]; n; n = n->next) length++;
    if (length > longest) longest = length;
  }
  return longest;
}

static uint64_t unshift(uint64_t x, unsigned by) {
  uint64_t all = x;
  for (unsigned n = by; n < 64; n += by) all ^= x >> n;
  return all;
}
/* The inverse of an odd number modulo 2^64, by Newton's iteration. */
static uint64_t inverse(uint64_t odd) {
  uint64_t x = odd;
  for (int i = 0; i < 6; i++) x *= 2 - odd * x;
  return x;
}
/* mix64(unmix64(h)) is h. */
static uint64_t unmix64(uint64_t h) {
  h = unshift(h, 31) * inverse(0x94d049bb133111ebu);
  h = unshift(h, 27) * inverse(0xbf58476d1ce4e5b9u);
  return unshift(h, 30);
}

/* The next key whose hash under `seed` ends in 20 zero bits; *state counts through them. */
static uint64_t colliding_key(uint64_t *state, uint64_t seed) {
  for (;;) {
    uint64_t x = unmix64(unmix64(++*state << 17) - seed) ^ seed;
    if (x >> 61 == 0) return x << 3;
  }
}
/* The same for a hash with the seed before one mix only, which is what an attacker would hope
 * for. */
static uint64_t half_colliding_key(uint64_t *state, uint64_t seed) {
  for (;;) {
    uint64_t x = unmix64(++*state << 17) ^ seed;
    if (x >> 61 == 0) return x << 3;
  }
}

static struct table_node nodes[MANY];

/* The longest chain of MANY keys under a seed. */
static uint32_t longest_under(uint64_t seed, uint64_t (*key)(uint64_t *state, uint64_t known),
                              uint64_t known) {
  struct table t;
  uint64_t state = 0;
  ck_assert(gj_table_init(&t, seed));
  for (int i = 0; i < MANY; i++) gj_table_insert(&t, &nodes[i], key(&state, known));
  uint32_t longest = longest_chain(&t);
  while (gj_table_take(&t)) continue;
  gj_table_deinit(&t);
  return longest;
}

/* ---- Sets of keys without any hash in mind: whatever the seed, they must not fall together
 * ---- */

static uint64_t multiple_of_8(uint64_t *state, uint64_t known) {
  (void)known;
  return (*state)++ << 3;
}
static uint64_t step_of_2_48(uint64_t *state, uint64_t known) {
  (void)known;
  uint64_t n = (*state)++;
  return n << 48 | n >> 16;
}
static uint64_t every_low_bits_alike(uint64_t *state, uint64_t known) {
  (void)known;
  return (*state)++ << 32 | 5;
}
/* Sums of differences that pass the first multiplication of mix64 with few changes. */
static uint64_t chosen_differences(uint64_t *state, uint64_t known) {
  uint64_t x = known, n = (*state)++;
  for (unsigned bit = 0; bit < 16; bit++)
    if (n >> bit & 1) x ^= unshift((uint64_t)1 << (60 - bit), 30) & ~((uint64_t)7 << 61);
  return x << 3;
}

/* One message of MANY tokens whose ids collide if the seed is 0. */
START_TEST(a_message_of_chosen_ids_makes_no_long_chain) {
  struct fake f;
  fake_open(&f);
  uint64_t id = fake_ask(&f, told_answer), state = 0;
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, id, MANY);
  for (int i = 0; i < MANY; i++) {
    uint64_t key = colliding_key(&state, 0);
    struct gaijin_pt pt = fake_pt(OTHER_HOST, key - mix64(OTHER_HOST));
    fake_put_pt(&f, &pt);
  }
  fake_end(&f);
  for (uint32_t sent = 0, n; sent < f.out.size; sent += n) {
    n = f.out.size - sent < 4096 ? f.out.size - sent : 4096;
    fake_bytes(&f, f.out.bytes + sent, n);
    ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  }
  ck_assert_uint_eq(f.told.answers, 1);
  ck_assert_uint_eq(gaijin_holding_count(f.g), MANY);
  ck_assert_uint_le(longest_chain(&f.g->holdings), LONG_CHAIN);
  gaijin_body_free(f.told.answer[0].body);
  fake_close(&f);
}
END_TEST

/* The keys of the attack do collide for who knows the seed; otherwise the other tests show
 * nothing. */
START_TEST(the_attack_works_with_a_known_seed) {
  uint64_t random = random_seed("client_collisions");
  for (int i = 0; i < SEEDS; i++) {
    uint64_t seed = i ? random_next(&random) : 0;
    ck_assert_uint_eq(longest_under(seed, colliding_key, seed), MANY);
  }
}
END_TEST

START_TEST(it_fails_with_an_unknown_seed) {
  uint64_t random = random_seed("client_collisions");
  for (int i = 0; i < SEEDS; i++) {
    uint64_t seed = random_next(&random), guess = i ? seed ^ (uint64_t)1 << (i * 8) : 0;
    ck_assert_uint_le(longest_under(seed, colliding_key, guess), LONG_CHAIN);
    ck_assert_uint_le(longest_under(seed, half_colliding_key, guess), LONG_CHAIN);
  }
}
END_TEST

START_TEST(regular_keys_make_no_long_chains) {
  uint64_t random = random_seed("client_collisions");
  for (int i = 0; i < SEEDS; i++) {
    uint64_t seed = random_next(&random);
    ck_assert_uint_le(longest_under(seed, multiple_of_8, 0), LONG_CHAIN);
    ck_assert_uint_le(longest_under(seed, step_of_2_48, 0), LONG_CHAIN);
    ck_assert_uint_le(longest_under(seed, every_low_bits_alike, 0), LONG_CHAIN);
    ck_assert_uint_le(longest_under(seed, chosen_differences, random_next(&random) >> 3),
                      LONG_CHAIN);
  }
}
END_TEST

/* Two hosts that act together choose ids whose sums with what is known of their hosts are equal. */
START_TEST(hosts_together_give_no_equal_keys) {
  struct fake f;
  fake_open(&f);
  struct gaijin_pt a = fake_pt(OTHER_HOST, 1), b = fake_pt(THIRD_HOST, 1);
  b.id = a.id + mix64(OTHER_HOST) - mix64(THIRD_HOST);
  gaijin_body *bodies[2];
  bodies[0] = f.told.answer[fake_give(&f, &a)].body;
  bodies[1] = f.told.answer[fake_give(&f, &b)].body;
  uint64_t key = gaijin_holding_find(f.g, &a)->node.key;
  ck_assert_uint_ne(key, gaijin_holding_find(f.g, &b)->node.key);
  for (int i = 0; i < 2; i++) gaijin_body_free(bodies[i]);
  fake_close(&f);
}
END_TEST

START_TEST(every_connection_has_a_seed_of_its_own) {
  struct fake f, other;
  fake_open(&f);
  fake_open(&other);
  ck_assert_uint_ne(f.g->seed, other.g->seed);
  const struct table *tables[] = {&f.g->tokens, &f.g->holdings, &f.g->hosts, &f.g->calls};
  for (size_t i = 0; i < ARRAY_SIZE(tables); i++) ck_assert_uint_eq(tables[i]->seed, f.g->seed);
  fake_close(&f);
  fake_close(&other);
}
END_TEST

/* The kernel's random numbers, by the test's hand: `broken_random` makes them fail. */
static bool broken_random, interrupted_once;
ssize_t getrandom(void *bytes, size_t n, unsigned flags) {
  if (broken_random) {
    errno = ENOSYS;
    return -1;
  }
  interrupted_once = !interrupted_once;
  if (interrupted_once) {
    errno = EINTR;
    return -1;
  }
  size_t piece = n > 3 ? n / 2 : n; /* never all at once */
  return syscall(SYS_getrandom, bytes, piece, flags);
}

START_TEST(without_random_numbers_there_is_no_connection) {
  struct gaijin_options o = {.socket = "/nonexistent/s"};
  char error[200] = "";
  gaijin *g;
  broken_random = true;
  ck_assert_int_eq(gaijin_connect(&g, &o, error, sizeof error), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_str_eq(error, "the system gives no random numbers: Function not implemented");
  ck_assert_ptr_null(g);
}
END_TEST

START_TEST(without_random_numbers_there_is_no_token) {
  struct fake f;
  fake_open(&f);
  broken_random = true;
  ck_assert_ptr_null(gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &f));
  ck_assert_uint_eq(gaijin_token_count(f.g), 0);
  broken_random = false;
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &f);
  ck_assert_ptr_nonnull(t);
  ck_assert_uint_ne(gaijin_token_pt(f.g, t).stamp, 0);
  gaijin_token_discard(f.g, t);
  fake_close(&f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_collisions");
  TCase *c = tcase_create("collisions");
  tcase_add_test(c, a_message_of_chosen_ids_makes_no_long_chain);
  tcase_add_test(c, the_attack_works_with_a_known_seed);
  tcase_add_test(c, it_fails_with_an_unknown_seed);
  tcase_add_test(c, regular_keys_make_no_long_chains);
  tcase_add_test(c, hosts_together_give_no_equal_keys);
  tcase_add_test(c, every_connection_has_a_seed_of_its_own);
  tcase_add_test(c, without_random_numbers_there_is_no_connection);
  tcase_add_test(c, without_random_numbers_there_is_no_token);
  suite_add_tcase(s, c);
  return run_suite(s);
}
