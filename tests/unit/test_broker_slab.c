/* SPDX-License-Identifier: MIT
 *
 * The slab, and the hash table and lists that link its items by index.
 */
#include "broker/base/slab.h"

#include <string.h>

#include "broker/base/chain.h"
#include "broker/base/lists.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

struct item {
  uint64_t key;
  uint32_t link;
  struct links links;
};

/* _i of each test: whether it is about a slab in a pool. */
static struct pool pool = {-1};
static void begin(struct slab *s, int pooled) {
  if (pooled) ck_assert(pool_open(&pool));
  slab_init_in(s, sizeof(struct item), pooled ? &pool : NULL, 1);
  ck_assert(!s->pieces.pool == !pooled);
}
static void end(struct slab *s) {
  ck_assert_ptr_null(slab_check(s));
  slab_deinit(s);
  pool_close(&pool);
}

static uint64_t hash_of_item(const void *item, uint64_t seed) {
  return mix64(((const struct item *)item)->key ^ seed);
}

static uint32_t find(const struct chain *t, const struct slab *s, uint64_t key) {
  for (uint32_t i = chain_first(t, mix64(key ^ t->seed)); i != SLAB_NONE; i = chain_next(t, i))
    if (((const struct item *)slab_at(s, i))->key == key) return i;
  return SLAB_NONE;
}

START_TEST(indices_are_distinct_and_zeroed) {
  struct slab s;
  begin(&s, _i);
  for (uint32_t i = 0; i < 3 * SLAB_CHUNK; i++) {
    uint32_t index = slab_add(&s);
    struct item *k = slab_at(&s, index);
    ck_assert_uint_eq(k->key, 0);
    k->key = i + 1;
    ck_assert(slab_live(&s, index));
  }
  uint64_t sum = 0;
  uint32_t n = 0;
  for (uint32_t i = slab_next(&s, 0); i != SLAB_NONE; i = slab_next(&s, i + 1), n++)
    sum += ((struct item *)slab_at(&s, i))->key;
  ck_assert_uint_eq(n, 3 * SLAB_CHUNK);
  ck_assert_uint_eq(sum, (uint64_t)n * (n + 1) / 2);
  ck_assert_uint_eq(slab_next(&s, SLAB_NONE - 1), SLAB_NONE);
  ck_assert(!slab_live(&s, SLAB_NONE - 1));
  end(&s);
}
END_TEST

START_TEST(empty_chunks_are_freed_and_their_numbers_used_again) {
  struct slab s;
  begin(&s, _i);
  for (uint32_t i = 0; i < 4 * SLAB_CHUNK; i++) slab_add(&s);
  for (uint32_t i = 0; i < 4 * SLAB_CHUNK; i++) slab_remove(&s, i);
  uint32_t chunks = 0;
  for (uint32_t i = 0; i < s.entry_count; i++) chunks += s.entries[i].chunk != NULL;
  ck_assert_uint_eq(s.count, 0);
  ck_assert_uint_eq(chunks, 1);
  ck_assert_uint_eq(s.chunks, 1);
  for (uint32_t i = 0; i < 4 * SLAB_CHUNK; i++) ck_assert_uint_lt(slab_add(&s), 4 * SLAB_CHUNK);
  ck_assert_uint_eq(s.entry_count, 4);
  end(&s);
}
END_TEST

START_TEST(items_come_back_at_their_indices) {
  static const uint32_t kept[] = {3, 4, 1023, 5 * SLAB_CHUNK + 7, 5 * SLAB_CHUNK + 8, 9 * SLAB_CHUNK};
  struct slab s;
  begin(&s, _i);
  for (unsigned i = 0; i < 6; i++) {
    ck_assert(!slab_live(&s, kept[i]));
    ck_assert(slab_add_at(&s, kept[i]));
    ck_assert_uint_eq(((struct item *)slab_at(&s, kept[i]))->key, 0);
  }
  uint32_t n = 0;
  for (uint32_t i = slab_next(&s, 0); i != SLAB_NONE; i = slab_next(&s, i + 1))
    ck_assert_uint_eq(i, kept[n++]);
  ck_assert_uint_eq(n, 6);
  ck_assert_uint_eq(s.count, 6);
  /* The numbers that were passed over are used, each once, by it as well as by slab_add. */
  ck_assert(slab_add_at(&s, 2 * SLAB_CHUNK));
  ck_assert(slab_add_at(&s, 7 * SLAB_CHUNK + 1));
  enum { MORE = 12 * SLAB_CHUNK };
  static uint8_t seen[30 * SLAB_CHUNK];
  for (unsigned i = 0; i < 6; i++) seen[kept[i]] = 1;
  seen[2 * SLAB_CHUNK] = seen[7 * SLAB_CHUNK + 1] = 1;
  for (unsigned i = 0; i < MORE; i++) {
    uint32_t index = slab_add(&s);
    ck_assert_uint_lt(index, sizeof seen);
    ck_assert_msg(!seen[index]++, "item %u was given twice", index);
  }
  ck_assert_uint_eq(s.chunks, 13); /* none is left half empty for nothing */
  for (uint32_t i = 0; i < sizeof seen; i++)
    if (seen[i]) slab_remove(&s, i);
  ck_assert_uint_eq(s.count, 0);
  end(&s);
}
END_TEST

START_TEST(table_finds_what_is_in_it_while_it_grows_and_shrinks) {
  enum { KEYS = 5000, STEPS = 200000 };
  static uint32_t where[KEYS]; /* index + 1 */
  uint64_t random = random_seed("slab");
  struct slab s;
  struct chain t;
  begin(&s, _i);
  chain_prepare(&t, &s, offsetof(struct item, link), hash_of_item, random);
  ck_assert(chain_open(&t, &pool, 2));
  ck_assert(!t.array.pool == !_i);
  memset(where, 0, sizeof where);
  for (uint32_t step = 0; step < STEPS; step++) {
    /* The first half mostly adds, the second mostly removes. */
    uint64_t key = random_below(&random, KEYS);
    bool add = random_below(&random, 4) < (step < STEPS / 2 ? 3u : 1u);
    ck_assert_uint_eq(find(&t, &s, key), where[key] ? where[key] - 1 : SLAB_NONE);
    if (add && !where[key]) {
      uint32_t index = slab_add(&s);
      ((struct item *)slab_at(&s, index))->key = key;
      chain_add(&t, index);
      where[key] = index + 1;
    } else if (!add && where[key]) {
      chain_remove(&t, where[key] - 1);
      slab_remove(&s, where[key] - 1);
      where[key] = 0;
    }
    ck_assert_uint_eq(t.count, s.count);
  }
  for (uint64_t key = 0; key < KEYS; key++) {
    if (!where[key]) continue;
    chain_remove(&t, where[key] - 1);
    slab_remove(&s, where[key] - 1);
  }
  ck_assert_uint_eq(t.size, 16);
  chain_deinit(&t);
  end(&s);
}
END_TEST

START_TEST(owners_have_lists_of_their_own) {
  struct slab s;
  struct owners o;
  begin(&s, _i);
  owners_init(&o, &s, offsetof(struct item, links));
  ck_assert_uint_eq(owners_first(&o, 7), SLAB_NONE);
  ck_assert_uint_eq(owners_count(&o, 7), 0);
  ck_assert(owners_reserve(&o, 70));
  uint32_t a = slab_add(&s), b = slab_add(&s), c = slab_add(&s), d = slab_add(&s);
  owners_add(&o, 70, a);
  owners_add(&o, 70, b);
  owners_add(&o, 3, c);
  owners_add(&o, 70, d);
  ck_assert_uint_eq(owners_count(&o, 70), 3);
  owners_remove(&o, 70, b);
  ck_assert_uint_eq(owners_first(&o, 70), d);
  ck_assert_uint_eq(owners_next(&o, d), a);
  ck_assert_uint_eq(owners_next(&o, a), SLAB_NONE);
  owners_remove(&o, 70, d);
  owners_remove(&o, 70, a);
  ck_assert_uint_eq(owners_first(&o, 70), SLAB_NONE);
  ck_assert_uint_eq(owners_first(&o, 3), c);
  owners_deinit(&o);
  end(&s);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker slab");
  TCase *t = tcase_create("slab");
  suite_add_tcase(s, t);
  tcase_add_loop_test(t, indices_are_distinct_and_zeroed, 0, 2);
  tcase_add_loop_test(t, empty_chunks_are_freed_and_their_numbers_used_again, 0, 2);
  tcase_add_loop_test(t, items_come_back_at_their_indices, 0, 2);
  tcase_add_loop_test(t, table_finds_what_is_in_it_while_it_grows_and_shrinks, 0, 2);
  tcase_add_loop_test(t, owners_have_lists_of_their_own, 0, 2);
  return run_suite(s);
}
