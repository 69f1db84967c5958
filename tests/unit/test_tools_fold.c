/* SPDX-License-Identifier: MIT
 *
 * Objects become nodes, of which there are never too many (tools/graph/fold.h).
 */
#include "tools/graph/fold.h"

#include <stdio.h>
#include <string.h>

#include "proto/base.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

static struct fold f;

static void finish(void) { fold_deinit(&f); }

static uint32_t worker(const char *name) { return fold_worker(&f, name, strlen(name), false); }

static const char table[] = "table", function[] = "function";

/* Puts an object with up to two holders (NULL: none), and a label or NULL. */
static void put(const char *host, uint64_t id, const char *kind, const char *a, const char *b,
                const char *label) {
  struct fold_hold holds[2];
  struct text labels = {0};
  uint32_t n = 0;
  if (a) holds[n++] = (struct fold_hold){.worker = worker(a), .objects = 1, .count = 2};
  if (b) holds[n++] = (struct fold_hold){.worker = worker(b), .objects = 1, .count = 1};
  if (label) text_add(&labels, label, strlen(label) + 1);
  fold_put(&f, &(struct fold_object){.host = worker(host), .kind = kind, .id = id, .age_s = id,
                                     .labels = &labels, .holds = holds, .n_holds = n});
  text_deinit(&labels);
}

/* The node with so many objects. */
static const struct fold_node *node_of(uint64_t objects) {
  for (uint32_t i = 0; i < f.n_nodes; i++)
    if (f.nodes[i].objects == objects) return &f.nodes[i];
  ck_abort_msg("no node of %u objects", (unsigned)objects);
}

START_TEST(few_are_nodes_of_their_own) {
  fold_init(&f, 10);
  for (uint64_t id = 1; id <= 10; id++) put("shop", id, table, "till", NULL, NULL);
  ck_assert_uint_eq(f.n_nodes, 10);
  fold_sort(&f);
  for (uint64_t id = 1; id <= 10; id++) ck_assert_uint_eq(f.nodes[id - 1].id, id);
  ck_assert_str_eq(f.workers[0].name, "shop");
  ck_assert_uint_eq(f.workers[1].holds, 10);
}
END_TEST

START_TEST(many_are_folded_by_kind_and_holders) {
  fold_init(&f, 10);
  put("shop", 1, function, "till", NULL, "price");
  for (uint64_t id = 2; id <= 101; id++) put("shop", id, table, "till", NULL, NULL);
  for (uint64_t id = 102; id <= 151; id++) put("shop", id, table, "office", "till", NULL);
  put("till", 1, table, "shop", NULL, NULL);
  ck_assert_uint_eq(f.n_nodes, 4);
  ck_assert_uint_eq(f.objects, 152);
  const struct fold_node *n = node_of(100);
  ck_assert_uint_eq(n->n_holds, 1);
  ck_assert_uint_eq(n->holds[0].objects, 100);
  ck_assert_uint_eq(n->holds[0].count, 200);
  ck_assert_uint_eq(n->oldest_s, 101);
  ck_assert_uint_eq(node_of(50)->n_holds, 2);
}
END_TEST

START_TEST(only_where_most_nodes_are) {
  fold_init(&f, 20);
  for (uint64_t id = 1; id <= 5; id++) put("small", id, table, "till", NULL, NULL);
  for (uint64_t id = 1; id <= 1000; id++) put("large", id, table, "till", NULL, NULL);
  ck_assert_uint_eq(f.n_nodes, 6);
  node_of(1000);
}
END_TEST

START_TEST(many_sets_of_holders_are_folded_further) {
  char name[16], other[16];
  fold_init(&f, 50);
  for (uint32_t i = 0; i < 2000; i++) {
    snprintf(name, sizeof name, "w%u", i % 100);
    snprintf(other, sizeof other, "v%u", i / 100);
    put("shop", i + 1, i % 2 ? table : function, name, other, i % 50 ? NULL : "label");
    ck_assert_uint_le(f.n_nodes, 50);
  }
  ck_assert_uint_eq(f.n_nodes, 2);
  ck_assert_uint_eq(node_of(1000)->n_holds, 50 + 20);
  uint64_t labelled = f.nodes[0].labelled + f.nodes[1].labelled;
  ck_assert_uint_eq(labelled, 40);
}
END_TEST

START_TEST(workers_beyond_are_one_node) {
  char name[16];
  fold_init(&f, 10);
  for (uint32_t i = 0; i < 3000; i++) {
    snprintf(name, sizeof name, "w%u", i % 1000);
    put(name, i + 1, table, "till", NULL, NULL);
    ck_assert_uint_le(f.n_nodes, 10);
  }
  uint64_t sum = 0, beyond = 0;
  for (uint32_t i = 0; i < f.n_nodes; i++) {
    sum += f.nodes[i].objects;
    if (f.nodes[i].host == FOLD_NOBODY) beyond += f.nodes[i].objects;
  }
  ck_assert_uint_eq(sum, 3000);
  ck_assert_uint_gt(beyond, 2900);
  fold_sort(&f);
  ck_assert_uint_eq(f.nodes[f.n_nodes - 1].host, FOLD_NOBODY);
}
END_TEST

START_TEST(what_is_asked_for_stays) {
  fold_init(&f, 2);
  struct fold_object o = {.host = worker("shop"), .kind = table, .id = 7, .is_kept = true};
  fold_put(&f, &o);
  for (uint64_t id = 8; id <= 1000; id++) put("shop", id, table, "till", NULL, NULL);
  for (uint64_t id = 8; id <= 1000; id++) put("till", id, function, "shop", NULL, NULL);
  bool found = false;
  for (uint32_t i = 0; i < f.n_nodes; i++) found = found || (f.nodes[i].id == 7 && f.nodes[i].objects == 1);
  ck_assert(found);
  ck_assert_uint_le(f.n_nodes, 2 + FOLD_BEYOND);
}
END_TEST

/* Of one name, whichever came first; what was put before stays theirs. */
START_TEST(the_living_stand_before_the_ended) {
  for (int dead_first = 0; dead_first < 2; dead_first++) {
    fold_init(&f, 10);
    for (int i = 0; i < 2; i++) {
      struct text labels = {0};
      bool dead = i != dead_first;
      fold_put(&f, &(struct fold_object){.host = fold_worker(&f, "w2", 2, dead), .kind = table, .id = 1 + dead, .labels = &labels});
    }
    put("w10", 3, table, NULL, NULL, NULL);
    fold_sort(&f);
    for (uint32_t i = 0; i < 3; i++) {
      ck_assert_str_eq(f.workers[i].name, i == 2 ? "w10" : "w2");
      ck_assert(f.workers[i].is_dead == (i == 1) && f.nodes[i].is_dead == (i == 1));
      ck_assert(f.nodes[i].host == i && f.nodes[i].id == 1 + i);
    }
    fold_deinit(&f);
  }
}
END_TEST

/* Whatever comes: nothing is lost, and no two nodes that could be one. */
START_TEST(nothing_is_lost) {
  uint64_t r = random_seed("fold");
  for (int round = 0; round < 50; round++) {
    uint32_t most = 1 + random_below(&r, 40), all = random_below(&r, 2000);
    uint64_t objects = 0, counts = 0;
    char host[16], a[16], b[16];
    fold_init(&f, most);
    for (uint32_t i = 0; i < all; i++) {
      snprintf(host, sizeof host, "h%u", random_below(&r, 1 + most));
      snprintf(a, sizeof a, "a%u", random_below(&r, 5));
      snprintf(b, sizeof b, "b%u", random_below(&r, 3));
      put(host, i + 1, random_below(&r, 2) ? table : function, a, random_below(&r, 2) ? b : NULL,
          random_below(&r, 9) ? NULL : "x");
      ck_assert_uint_le(f.n_nodes, most + FOLD_BEYOND);
    }
    for (uint32_t i = 0; i < f.n_nodes; i++) {
      objects += f.nodes[i].objects;
      for (uint32_t k = 0; k < f.nodes[i].n_holds; k++) counts += f.nodes[i].holds[k].objects;
    }
    ck_assert_uint_eq(objects, all);
    uint64_t holds = 0;
    for (uint32_t i = 0; i < f.n_workers; i++) holds += f.workers[i].holds;
    ck_assert_uint_eq(counts, holds);
    fold_sort(&f);
    fold_deinit(&f);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("tools fold");
  TCase *t = tcase_create("fold");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, NULL, finish);
  tcase_add_test(t, few_are_nodes_of_their_own);
  tcase_add_test(t, many_are_folded_by_kind_and_holders);
  tcase_add_test(t, only_where_most_nodes_are);
  tcase_add_test(t, many_sets_of_holders_are_folded_further);
  tcase_add_test(t, workers_beyond_are_one_node);
  tcase_add_test(t, what_is_asked_for_stays);
  tcase_add_test(t, the_living_stand_before_the_ended);
  tcase_add_test(t, nothing_is_lost);
  return run_suite(s);
}
