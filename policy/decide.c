/* SPDX-License-Identifier: MIT
 *
 * policy_ask is called for each request: it looks at four words, unless a rule names labels.
 */
#include <assert.h>
#include <stdio.h>

#include "policy/pattern.h"
#include "policy/rules.h"
#include "proto/base.h"

enum { WORDS = POLICY_RULES_MOST / 64 };

static bool any_fits(const struct policy *p, uint32_t item, const char *text, size_t size,
                     uint64_t *work) {
  for (; item != NO_ITEM; item = p->items[item].next)
    if (pattern_fits(p->items[item].pattern, p->items[item].size, text, size, work)) return true;
  return false;
}

static bool has_gid(const struct policy_subject *s, gid_t gid, uint64_t *work) {
  size_t from = 0, to = s->gid_count;
  for (; from < to; ++*work) {
    size_t middle = from + (to - from) / 2;
    if (s->gids[middle] == gid) return true;
    if (s->gids[middle] < gid)
      from = middle + 1;
    else
      to = middle;
  }
  return false;
}

static bool is_about(const struct rule *r, const struct item *i, const struct policy_subject *s,
                     uint64_t *work) {
  ++*work;
  switch (i->kind) {
    case ITEM_ALL: return true;
    case ITEM_UID: return i->id == s->uid;
    case ITEM_GID: return has_gid(s, i->id, work) || (s->gids_not_known && !r->allows);
    case ITEM_PATTERN: break;
  }
  return s->worker && pattern_fits(i->pattern, i->size, s->worker, s->worker_size, work);
}

uint64_t policy_about(const struct policy *p, const struct policy_subject *s,
                      struct policy_set *out) {
  uint64_t work = 0;
  *out = (struct policy_set){0};
  for (unsigned r = 0; r < p->rule_count; r++)
    for (uint32_t i = p->rules[r].first[LIST_WHO]; i != NO_ITEM; i = p->items[i].next)
      if (is_about(&p->rules[r], &p->items[i], s, &work)) {
        set_add(out, r);
        break;
      }
  return work;
}

uint64_t policy_of_host(const struct policy *p, const char *name, size_t size,
                        struct policy_set *out) {
  uint64_t work = 0;
  *out = (struct policy_set){0};
  for (unsigned r = 0; r < p->rule_count; r++)
    if (any_fits(p, p->rules[r].first[LIST_HOSTS], name, size, &work)) set_add(out, r);
  return work;
}

unsigned policy_rules(const struct policy *p) { return p->rule_count; }

/* ---- Decisions ---- */

static struct policy_verdict undecided(uint64_t work) {
  return (struct policy_verdict){.title = "", .work = work};
}

static struct policy_verdict verdict_of(const struct rule *r, uint64_t work) {
  return (struct policy_verdict){
      .allowed = r->allows, .line = r->line, .title = r->title, .work = work};
}

/* The first rule from `from` on that is in both sets; POLICY_RULES_MOST: there is none. */
static unsigned first_common(const struct policy_set *a, const struct policy_set *b,
                             unsigned from) {
  if (from >= POLICY_RULES_MOST) return POLICY_RULES_MOST;
  uint64_t common = a->words[from / 64] & b->words[from / 64] & (UINT64_MAX << from % 64);
  for (unsigned w = from / 64;;) {
    if (common) return w * 64 + (unsigned)__builtin_ctzll(common);
    if (++w == WORDS) return POLICY_RULES_MOST;
    common = a->words[w] & b->words[w];
  }
}

/* Whether a rule for s2t is about this label. One that nobody can compare is allowed by no pattern,
 * and none is too narrow to refuse it. */
static bool is_about_label(const struct policy *p, const struct rule *r,
                           const struct policy_label *label, uint64_t *work) {
  if (r->first[LIST_LABELS] == NO_ITEM) return true;
  if (!label || !label->text) return !r->allows;
  return any_fits(p, r->first[LIST_LABELS], label->text, label->size, work);
}

struct policy_verdict policy_ask(const struct policy *p, const struct policy_set *asker,
                                 const struct policy_set *host, enum op op,
                                 const struct policy_label *label) {
  struct policy_set both;
  uint64_t work = 0;
  assert(op < OP_COUNT);
  for (unsigned w = 0; w < WORDS; w++) both.words[w] = asker->words[w] & host->words[w];
  for (unsigned i = 0;; i++) {
    i = first_common(&both, &p->by_op[op], i);
    if (i == POLICY_RULES_MOST) return undecided(work);
    if (op != OP_s2t || is_about_label(p, &p->rules[i], label, &work))
      return verdict_of(&p->rules[i], work);
  }
}

struct policy_verdict policy_take(const struct policy *p, const struct policy_set *asker,
                                  const char *name, size_t size) {
  uint64_t work = 0;
  for (unsigned i = 0;; i++) {
    i = first_common(asker, &p->taking, i);
    if (i == POLICY_RULES_MOST) return undecided(work);
    if (any_fits(p, p->rules[i].first[LIST_NAMES], name, size, &work))
      return verdict_of(&p->rules[i], work);
  }
}

struct policy_verdict policy_may(const struct policy *p, const struct policy_set *asker,
                                 enum policy_right right, bool own_user) {
  unsigned i = first_common(asker, &p->by_right[right], 0);
  if (i != POLICY_RULES_MOST) return verdict_of(&p->rules[i], 0);
  return (struct policy_verdict){.allowed = own_user, .title = ""};
}

enum policy_right policy_right_for(enum op op) {
  if (op == OP_eval) return POLICY_EVAL;
  if (op == OP_paths || op == OP_describe) return POLICY_LEND; /* inside what others hold */
  return rules_reading_ops() >> op & 1 ? POLICY_INSPECT : POLICY_ACT;
}

bool policy_right_reaches(enum policy_right right) {
  return right == POLICY_LEND || right == POLICY_EVAL || right == POLICY_MONITOR;
}

const char *policy_right_name(enum policy_right right) {
  static const char *const names[POLICY_RIGHTS] = {
      [POLICY_INSPECT] = "inspect", [POLICY_ACT] = "act", [POLICY_LEND] = "lend",
      [POLICY_EVAL] = "eval",
      [POLICY_MONITOR] = "monitor"};
  assert(right < POLICY_RIGHTS);
  return names[right];
}

void policy_number_label(double v, char text[POLICY_NUMBER_BYTES], struct policy_label *label) {
  int n = snprintf(text, POLICY_NUMBER_BYTES, "%.14g", v);
  *label = (struct policy_label){text, (size_t)n};
}
