/* SPDX-License-Identifier: MIT
 *
 * Two walks: an account may be part of one with a higher index.
 */
#include "broker/base/accounts_carried.h"

void sheet_any_account(struct sheet *s, const struct accounts *a, struct account **k,
                       bool or_none) {
  uint32_t index = s->writes && *k ? (*k)->index : SLAB_NONE;
  *k = sheet_any_index(s, &a->slab, &index, or_none) ? accounts_at(a, index) : NULL;
}

static void carry_one(struct accounts *a, struct sheet *s, struct account *k) {
  SHEET(s, k->level);
  SHEET(s, k->pid);
  SHEET(s, k->born);
  SHEET(s, k->uid);
  SHEET(s, k->serial);
  SHEET(s, k->refused);
  SHEET(s, k->left);
  SHEET(s, k->left_ms);
  SHEET(s, k->is_closed);
  if (k->level > ACCOUNT_USER) sheet_fail(s, "an account of no level");
  if (!s->writes && !s->fault && account_is_named(k)) chain_add(&a->by_key, k->index);
}

/* It is part of a process and that of a user, whose numbers of parts count it. */
static void join(struct accounts *a, struct sheet *s, struct account *k) {
  struct account *process = k->process, *user = k->user;
  sheet_record(s);
  sheet_account(s, a, &process, false);
  sheet_account(s, a, &user, false);
  if (s->writes || s->fault) return;
  if (process->level != ACCOUNT_PROCESS || user->level != ACCOUNT_USER ||
      (process->user && process->user != user)) {
    sheet_fail(s, "an account is part of another that it cannot be part of");
    return;
  }
  if (!process->user) user->parts++;
  process->parts++;
  process->user = k->user = user;
  k->process = process;
  if (!k->is_closed) account_charge(a, k, ACCOUNT_CONNECTIONS, 1);
  account_charge(a, k, ACCOUNT_OTHER, a->record_bytes);
}

void accounts_carry(struct accounts *a, struct sheet *s) {
  sheet_mark(s, 'A');
  SHEET(s, a->added);
  SHEET(s, a->refused);
  for (uint32_t i = SLAB_NONE; sheet_item(s, &a->slab, &i);) {
    accounts_at(a, i)->index = i;
    carry_one(a, s, accounts_at(a, i));
  }
  for (uint32_t i = slab_next(&a->slab, 0); i != SLAB_NONE && !s->fault;
       i = slab_next(&a->slab, i + 1))
    if (accounts_at(a, i)->level == ACCOUNT_CONNECTION) join(a, s, accounts_at(a, i));
}

void accounts_carried(struct accounts *a) {
  for (uint32_t i = slab_next(&a->slab, 0); i != SLAB_NONE; i = slab_next(&a->slab, i + 1))
    if (accounts_at(a, i)->is_closed) accounts_leave(a, accounts_at(a, i));
  a->is_over = true; /* whether some have too much is looked at again */
}
