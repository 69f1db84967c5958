/* SPDX-License-Identifier: MIT
 *
 * How accounts go into a sheet and come out of it (base/sheet.h), at their own indices. Only who
 * they are is carried, and what is counted nowhere else. What they use is charged again by those
 * who have what is charged, when that is read: so the sums are right whatever a record takes in the
 * program that reads. The search for the largest (accounts_search) begins anew.
 */
#ifndef GAIJIN_BROKER_ACCOUNTS_CARRIED_H
#define GAIJIN_BROKER_ACCOUNTS_CARRIED_H

#include "broker/base/accounts.h"
#include "broker/base/sheet.h"

/* First of all: what is read later refers to them. Connections have no owner yet. */
void accounts_carry(struct accounts *a, struct sheet *s);
/* Everything has been read and charged: those whose connections have ended are leaving, as they
 * were. */
void accounts_carried(struct accounts *a);

/* An account, by its index; `or_none`: or NULL. */
void sheet_any_account(struct sheet *s, const struct accounts *a, struct account **k,
                       bool or_none);
#define sheet_account(s, a, k, or_none) \
  (sheet_tell((s), #k), sheet_any_account((s), (a), (k), (or_none)))

#endif
