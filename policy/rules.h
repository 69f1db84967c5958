/* SPDX-License-Identifier: MIT
 *
 * A policy as data, for the files of this folder.
 *
 * A rule's lists are chains of items, in the order of the file. Patterns point into one copy of
 * the file's words, which never moves.
 */
#ifndef GAIJIN_POLICY_RULES_H
#define GAIJIN_POLICY_RULES_H

#include "policy/policy.h"

#define NO_ITEM UINT32_MAX

enum item_kind { ITEM_ALL, ITEM_UID, ITEM_GID, ITEM_PATTERN };
struct item {
  enum item_kind kind; /* in lists other than LIST_WHO always PATTERN */
  uint32_t next;
  unsigned id; /* UID, GID */
  const char *pattern;
  uint32_t size;
};

enum list { LIST_WHO, LIST_NAMES, LIST_HOSTS, LIST_LABELS, LISTS };

struct rule {
  unsigned line; /* where its section begins */
  bool allows;
  const char *title;
  uint32_t first[LISTS], last[LISTS]; /* NO_ITEM: the list is not there */
  uint64_t ops;    /* a bit for each; 0: not given, all of them */
  unsigned rights; /* a bit for each enum policy_right */
};

struct policy {
  struct rule rules[POLICY_RULES_MOST];
  unsigned rule_count;
  struct item *items;
  uint32_t item_count, item_room;
  char *words; /* what patterns and titles point into */
  size_t words_size, words_room;
  /* The rules that have to do with each. */
  struct policy_set by_op[OP_COUNT], by_right[POLICY_RIGHTS], taking;
};

_Static_assert(OP_COUNT <= 64, "rule.ops has a bit for each");

/* The ops that only read: what is called `read` in the file. */
uint64_t rules_reading_ops(void);

static inline void set_add(struct policy_set *s, unsigned rule) {
  s->words[rule / 64] |= UINT64_C(1) << rule % 64;
}

#endif
