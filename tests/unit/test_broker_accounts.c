/* SPDX-License-Identifier: MIT
 *
 * Accounts: sums over processes and users, limits, and who is the largest.
 */
#include "broker/base/accounts.h"

#include <string.h>

#include "broker/base/lists.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

static struct accounts a;

static void setup(void) {
  ck_assert(accounts_init(&a, 7));
  a.bytes_of[ACCOUNT_HELD] = 100;
}
static void teardown(void) { accounts_deinit(&a); }

static void check(void) {
  const char *fault = accounts_check(&a);
  ck_assert_msg(!fault, "%s", fault);
}

START_TEST(connections_sum_up_in_processes_and_users) {
  struct account *k = accounts_open(&a, 1, 10, 0), *same = accounts_open(&a, 1, 10, 0);
  struct account *sibling = accounts_open(&a, 2, 10, 0), *other = accounts_open(&a, 1, 11, 0);
  ck_assert_ptr_eq(k->process, same->process);
  ck_assert_ptr_ne(k->process, sibling->process);
  ck_assert_ptr_eq(k->user, sibling->user);
  ck_assert_ptr_ne(k->process, other->process); /* the same number, of another user */
  account_charge(&a, k, ACCOUNT_BYTES, 1);
  account_charge(&a, same, ACCOUNT_BYTES, 10);
  account_charge(&a, sibling, ACCOUNT_BYTES, 100);
  account_charge(&a, other, ACCOUNT_BYTES, 1000);
  ck_assert_uint_eq(k->used[ACCOUNT_BYTES], 1);
  ck_assert_uint_eq(k->process->used[ACCOUNT_BYTES], 11);
  ck_assert_uint_eq(k->user->used[ACCOUNT_BYTES], 111);
  ck_assert_uint_eq(a.memory, 1111);
  ck_assert_uint_eq(k->user->used[ACCOUNT_CONNECTIONS], 3);
  check();
  account_discharge(&a, same, ACCOUNT_BYTES, 4);
  ck_assert_uint_eq(k->user->used[ACCOUNT_BYTES], 107);
  ck_assert_uint_eq(a.memory, 1107);
  check();
}
END_TEST

START_TEST(an_account_stays_while_anything_is_charged_to_it) {
  struct account *k = accounts_open(&a, 1, 10, 0), *other = accounts_open(&a, 1, 11, 0);
  ck_assert(accounts_bind(&a, 1000, k));
  account_charge(&a, k, ACCOUNT_BYTES, 5);
  accounts_hold(&a, k, k);
  accounts_close(&a, k);
  check();
  ck_assert_uint_eq(k->user->used[ACCOUNT_CONNECTIONS], 0);
  ck_assert_uint_eq(a.memory, 105);
  account_discharge(&a, k, ACCOUNT_BYTES, 5);
  ck_assert_uint_eq(accounts_of(&a, 1000)->used[ACCOUNT_HELD], 1);
  accounts_unhold(&a, k, k);
  check();
  ck_assert_uint_eq(a.slab.count, 6); /* it is still a host's */
  accounts_unbind(&a, 1000);
  check();
  ck_assert_uint_eq(a.slab.count, 3); /* of the other user */
  accounts_close(&a, other);
  ck_assert_uint_eq(a.slab.count, 0);
  ck_assert_uint_eq(a.by_key.count, 0);
}
END_TEST

/* A holding is paid by who has caused it, and goes with who has it. */
START_TEST(holdings_may_be_paid_by_another) {
  struct account *giver = accounts_open(&a, 1, 10, 0), *holder = accounts_open(&a, 1, 11, 0);
  ck_assert(accounts_bind(&a, 0, giver) && accounts_bind(&a, 1, holder));
  accounts_hold(&a, giver, holder);
  accounts_hold(&a, holder, holder);
  check();
  ck_assert_uint_eq(accounts_memory(&a, giver), 100);
  ck_assert_uint_eq(accounts_memory(&a, holder), 100);
  accounts_leave(&a, giver); /* what it has given stays */
  ck_assert_uint_eq(accounts_staying(&a), 200);
  accounts_leave(&a, holder);
  ck_assert_uint_eq(accounts_staying(&a), 0);
  ck_assert_uint_eq(holder->leaving, 100);
  ck_assert_uint_eq(giver->leaving, 0);
  check();
  accounts_unhold(&a, giver, holder);
  check();
  accounts_unhold(&a, holder, holder);
  check();
  ck_assert_uint_eq(accounts_memory(&a, giver), 0);
  ck_assert_uint_eq(a.leaving, 0);
}
END_TEST

START_TEST(limits_are_of_processes_and_a_multiple_of_users) {
  struct account *k = accounts_open(&a, 1, 10, 0), *second = accounts_open(&a, 1, 10, 0);
  struct account *sibling = accounts_open(&a, 2, 10, 0), *other = accounts_open(&a, 1, 11, 0);
  a.limits.most[ACCOUNT_HELD] = 10;
  a.limits.users = 2;
  ck_assert_ptr_null(accounts_full(&a, k, ACCOUNT_HELD, 10));
  ck_assert_ptr_eq(accounts_full(&a, k, ACCOUNT_HELD, 11), k->process);
  account_charge(&a, k, ACCOUNT_HELD, 4);
  account_charge(&a, second, ACCOUNT_HELD, 6);
  ck_assert_ptr_null(accounts_full(&a, k, ACCOUNT_HELD, 0));
  ck_assert_ptr_eq(accounts_full(&a, k, ACCOUNT_HELD, 1), k->process);
  ck_assert_ptr_eq(accounts_full(&a, k, ACCOUNT_HELD, UINT64_MAX), k->process);
  account_charge(&a, sibling, ACCOUNT_HELD, 9);
  ck_assert_ptr_null(accounts_full(&a, sibling, ACCOUNT_HELD, 1));
  struct account *third = accounts_open(&a, 3, 10, 0);
  account_charge(&a, third, ACCOUNT_HELD, 1);
  ck_assert_ptr_eq(accounts_full(&a, third, ACCOUNT_HELD, 1), k->user);
  ck_assert_ptr_null(accounts_full(&a, other, ACCOUNT_HELD, 10));
  ck_assert_ptr_null(accounts_full(&a, k, ACCOUNT_WAITS, UINT64_MAX / 2)); /* no limit was set */
  ck_assert_uint_eq(accounts_most(&a, k->user, ACCOUNT_HELD), 20);
  ck_assert_uint_eq(accounts_most(&a, k->user, ACCOUNT_WAITS), UINT64_MAX);
}
END_TEST

START_TEST(who_has_too_many_bytes_is_found_until_given_up) {
  struct account *k = accounts_open(&a, 1, 10, 0), *sibling = accounts_open(&a, 2, 10, 0);
  a.limits.most[ACCOUNT_BYTES] = 10;
  a.limits.users = 2;
  a.limits.memory = ACCOUNTS_SLACK * 100;
  account_charge_bytes(&a, k, 10);
  ck_assert(!a.is_over);
  account_charge_bytes(&a, sibling, 22); /* and the user 32 */
  ck_assert(a.is_over);
  ck_assert_ptr_eq(accounts_over(&a), sibling->process);
  account_discharge(&a, sibling, ACCOUNT_BYTES, 1); /* a half of that is not over 10 */
  ck_assert_ptr_null(accounts_over(&a));
  account_charge_bytes(&a, sibling, 1);
  accounts_give_up(&a, sibling->process);
  ck_assert_ptr_null(accounts_over(&a));
  a.is_over = false;
  accounts_search(&a);
  a.limits.users = 100;
  account_charge_bytes(&a, sibling, 100); /* little more */
  ck_assert_ptr_null(accounts_over(&a));
  ck_assert(!a.is_over);
  account_charge_bytes(&a, sibling, 1);
  ck_assert(a.is_over);
  ck_assert_ptr_eq(accounts_over(&a), sibling->process);
  accounts_give_up(&a, sibling->process);
  a.is_over = false;
  accounts_retry(&a);
  ck_assert(a.is_over);
  ck_assert_ptr_eq(accounts_over(&a), sibling->process);
}
END_TEST

static struct account *largest_of(const struct account *whole) {
  uint32_t k;
  return accounts_largest(&a, whole, &k, 1) ? accounts_at(&a, k) : NULL;
}

START_TEST(the_largest_is_one_of_the_largest_process_of_the_largest_user) {
  struct account *large = accounts_open(&a, 1, 10, 0); /* the largest connection, of a small user */
  struct account *single = accounts_open(&a, 1, 11, 0), *part[4];
  account_charge(&a, large, ACCOUNT_BYTES, 50);
  account_charge(&a, single, ACCOUNT_BYTES, 30); /* the larger connection of the large user, ... */
  for (int i = 0; i < 4; i++) {
    part[i] = accounts_open(&a, 2, 11, 0);
    account_charge(&a, part[i], ACCOUNT_BYTES, i == 2 ? 11 : 10); /* ... whose other process is larger */
  }
  ck_assert_ptr_eq(largest_of(NULL), part[2]);
  ck_assert_ptr_eq(largest_of(large->user), large);
  ck_assert_ptr_eq(largest_of(single->process), single);
  accounts_hold(&a, large, large); /* 100 bytes of memory */
  ck_assert_uint_eq(accounts_memory(&a, large->user), 150);
  ck_assert_ptr_eq(largest_of(NULL), large);
  accounts_close(&a, large); /* what it holds goes without anybody's end, ... */
  ck_assert_ptr_eq(largest_of(NULL), part[2]);
  ck_assert_uint_eq(accounts_staying(&a), a.memory - 100);
  ck_assert_ptr_eq(largest_of(large->user), large); /* ... but not what it has sent */
  accounts_pass(&a, large->user);
  ck_assert_ptr_null(largest_of(large->user));
  ck_assert_ptr_eq(largest_of(NULL), part[2]); /* its user has more than what is left: 50 */
  account_discharge(&a, part[2], ACCOUNT_BYTES, 11);
  account_discharge(&a, single, ACCOUNT_BYTES, 12);
  ck_assert_ptr_null(largest_of(NULL)); /* 48 */
  account_charge(&a, part[2], ACCOUNT_BYTES, 11);
  accounts_search(&a);
  ck_assert_ptr_eq(largest_of(large->user), large);
  accounts_leave(&a, part[2]); /* nobody is ended twice */
  ck_assert_ptr_eq(largest_of(NULL), part[0]);
  check();
}
END_TEST

/* A process that has the id of one that has ended, and has left something behind, is another; the
 * same goes for those whom the kernel does not name. */
START_TEST(a_process_is_its_id_and_its_start) {
  struct account *old = accounts_open(&a, 1, 10, 100), *same = accounts_open(&a, 1, 10, 100);
  account_charge(&a, old, ACCOUNT_BYTES, 5);
  accounts_close(&a, old);
  ck_assert_ptr_eq(old->process, same->process);
  struct account *new = accounts_open(&a, 1, 10, 101);
  ck_assert_ptr_ne(new->process, old->process);
  ck_assert_ptr_eq(new->user, old->user);
  check();
  struct account *far = accounts_open(&a, 0, 10, 0), *farther = accounts_open(&a, 0, 10, 0);
  ck_assert_ptr_ne(far->process, farther->process);
  ck_assert_ptr_eq(far->user, farther->user);
  check();
  accounts_close(&a, farther);
  accounts_close(&a, far);
  accounts_close(&a, new);
  accounts_close(&a, same);
  check();
  account_discharge(&a, old, ACCOUNT_BYTES, 5);
  ck_assert_uint_eq(a.slab.count, 0);
}
END_TEST

/* One connection of a process may have come when its start could not be read any more. */
START_TEST(a_process_whose_start_is_not_known_is_its_id) {
  struct account *old = accounts_open(&a, 1, 10, 100), *new = accounts_open(&a, 1, 10, 101);
  struct account *unknown = accounts_open(&a, 1, 10, 0), *only = accounts_open(&a, 2, 10, 0);
  ck_assert(unknown->process == old->process || unknown->process == new->process);
  ck_assert_ptr_eq(accounts_open(&a, 2, 10, 7)->process, only->process);
  ck_assert_ptr_eq(accounts_open(&a, 2, 10, 8)->process, only->process);
  ck_assert_ptr_ne(accounts_open(&a, 2, 11, 8)->process, only->process);
  check();
}
END_TEST

START_TEST(several_of_the_largest_come_in_order) {
  enum { ALL = 10 };
  struct account *k[ALL];
  uint32_t largest[ALL];
  static const uint64_t bytes[ALL] = {5, 9, 1, 7, 3, 8, 2, 10, 6, 4};
  for (int i = 0; i < ALL; i++) {
    k[i] = accounts_open(&a, 1, 10, 0);
    account_charge(&a, k[i], ACCOUNT_BYTES, bytes[i]);
  }
  account_charge(&a, accounts_open(&a, 2, 10, 0), ACCOUNT_BYTES, 50); /* of a smaller process */
  for (unsigned most = 1; most <= ALL + 1; most++) {
    ck_assert_uint_eq(accounts_largest(&a, NULL, largest, most), most < ALL ? most : ALL);
    for (unsigned i = 0; i < most && i < ALL; i++)
      ck_assert_uint_eq(accounts_at(&a, largest[i])->used[ACCOUNT_BYTES], ALL - i);
    if (most == ALL) break; /* there is no room for more here */
  }
}
END_TEST

/* A thousand processes of one user that stay small are more than another user's large one; and
 * within a user connections that have nothing are ended only if they are many. */
START_TEST(many_small_processes_of_a_user_are_one_account) {
  enum { MANY = 1000 };
  struct account *large = accounts_open(&a, 1, 10, 0), *last = NULL;
  a.bytes_of[ACCOUNT_CONNECTIONS] = 10;
  account_charge(&a, large, ACCOUNT_BYTES, 50000);
  for (int i = 0; i < MANY; i++) {
    last = accounts_open(&a, 2 + i, 11, 0);
    account_charge(&a, last, ACCOUNT_BYTES, 60);
  }
  ck_assert_ptr_eq(largest_of(NULL)->user, last->user);
  ck_assert_ptr_ne(largest_of(NULL)->process, large->process);
  a.limits.memory = 4 * MANY * 10;
  ck_assert_ptr_eq(largest_of(large->user), large);
  account_discharge(&a, large, ACCOUNT_BYTES, 50000);
  ck_assert_ptr_null(largest_of(large->user));
  a.limits.memory = 39;
  ck_assert_ptr_eq(largest_of(large->user), large);
}
END_TEST

START_TEST(lists_charge_their_owners) {
  struct item {
    struct links links;
  };
  struct slab s;
  struct owners o;
  struct account *k = accounts_open(&a, 1, 10, 0);
  slab_init(&s, sizeof(struct item));
  owners_init(&o, &s, 0);
  owners_charge(&o, &a, ACCOUNT_WAITS);
  ck_assert(accounts_bind(&a, 3, k));
  ck_assert(owners_reserve(&o, 3));
  uint32_t i = slab_add(&s), j = slab_add(&s);
  owners_add(&o, 3, i);
  owners_add(&o, 3, j);
  ck_assert_uint_eq(k->user->used[ACCOUNT_WAITS], 2);
  owners_remove(&o, 3, i);
  ck_assert_uint_eq(k->used[ACCOUNT_WAITS], 1);
  owners_deinit(&o);
  slab_deinit(&s);
}
END_TEST

/* So much more of a kind, or less; holdings are its own. */
static void change(struct account *k, uint32_t kind, uint64_t n, bool more) {
  if (kind != ACCOUNT_HELD && more) account_charge(&a, k, kind, n);
  if (kind != ACCOUNT_HELD && !more) account_discharge(&a, k, kind, n);
  for (uint64_t i = 0; kind == ACCOUNT_HELD && i < n; i++)
    if (more)
      accounts_hold(&a, k, k);
    else
      accounts_unhold(&a, k, k);
}

/* Whatever comes and goes, the sums are right and nothing stays. */
START_TEST(sums_stay_right_at_random) {
  enum { MOST = 64, STEPS = 4000 };
  struct account *k[MOST] = {0};
  uint64_t random = random_seed("accounts"), used[MOST][ACCOUNT_CONNECTIONS] = {{0}};
  for (int step = 0; step < STEPS; step++) {
    uint32_t i = random_below(&random, MOST), kind = random_below(&random, ACCOUNT_CONNECTIONS);
    if (!k[i]) {
      k[i] = accounts_open(&a, (pid_t)random_below(&random, 5), random_below(&random, 3), 0);
      if (random_below(&random, 2)) ck_assert(accounts_bind(&a, i, k[i]));
    } else if (used[i][kind]) {
      change(k[i], kind, used[i][kind], false);
      used[i][kind] = 0;
    } else if (random_below(&random, 20)) {
      used[i][kind] = 1 + random_below(&random, 1000);
      change(k[i], kind, used[i][kind], true);
    } else { /* it ends before what it has does */
      bool is_bound = k[i]->is_bound; /* else it may be gone with its end */
      accounts_close(&a, k[i]);
      if (is_bound) {
        for (uint32_t m = 0; m < ACCOUNT_CONNECTIONS; m++)
          change(k[i], m, used[i][m], false);
        accounts_unbind(&a, i);
      } else {
        for (uint32_t m = 0; m < ACCOUNT_CONNECTIONS; m++)
          if (used[i][m]) change(k[i], m, used[i][m], false);
      }
      memset(used[i], 0, sizeof used[i]);
      k[i] = NULL;
    }
    if (step % 16 == 0) check();
  }
  check();
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker accounts");
  TCase *t = tcase_create("accounts");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, connections_sum_up_in_processes_and_users);
  tcase_add_test(t, an_account_stays_while_anything_is_charged_to_it);
  tcase_add_test(t, holdings_may_be_paid_by_another);
  tcase_add_test(t, limits_are_of_processes_and_a_multiple_of_users);
  tcase_add_test(t, who_has_too_many_bytes_is_found_until_given_up);
  tcase_add_test(t, the_largest_is_one_of_the_largest_process_of_the_largest_user);
  tcase_add_test(t, a_process_is_its_id_and_its_start);
  tcase_add_test(t, a_process_whose_start_is_not_known_is_its_id);
  tcase_add_test(t, several_of_the_largest_come_in_order);
  tcase_add_test(t, many_small_processes_of_a_user_are_one_account);
  tcase_add_test(t, lists_charge_their_owners);
  tcase_add_test(t, sums_stay_right_at_random);
  return run_suite(s);
}
