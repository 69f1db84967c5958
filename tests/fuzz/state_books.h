/* SPDX-License-Identifier: MIT
 *
 * The books of a state, apart from connections: what fuzz_state reads.
 */
#ifndef GAIJIN_TESTS_STATE_BOOKS_H
#define GAIJIN_TESTS_STATE_BOOKS_H

#include "broker/base/accounts_carried.h"
#include "broker/books/carried.h"
#include "tests/fuzz/fuzz.h"

struct books {
  struct accounts accounts;
  struct hosts hosts;
  struct names names;
  struct refs refs;
  struct loads loads;
  struct calls calls;
  struct waits collecting;
};

static void open_books(struct books *b) {
  memset(b, 0, sizeof *b);
  bool good = accounts_init(&b->accounts, 1) && hosts_init(&b->hosts, 2) &&
              names_init(&b->names, 3) && refs_init(&b->refs, NULL, 4) &&
              loads_init(&b->loads, 2, 100, 1, 5) && calls_init(&b->calls, 6) &&
              waits_init(&b->collecting, 7);
  FUZZ_REQUIRE(good, "no memory");
  names_charge(&b->names, &b->accounts); /* as a broker's, whose form they share */
  refs_charge(&b->refs, &b->accounts);
  loads_charge(&b->loads, &b->accounts, 200);
  calls_charge(&b->calls, &b->accounts);
}

static void close_books(struct books *b) {
  waits_deinit(&b->collecting);
  calls_deinit(&b->calls);
  loads_deinit(&b->loads);
  refs_deinit(&b->refs);
  names_deinit(&b->names);
  hosts_deinit(&b->hosts);
  accounts_deinit(&b->accounts);
}

/* The same order as in upgrade/state.c. */
static void carry(struct books *b, struct sheet *s) {
  accounts_carry(&b->accounts, s);
  hosts_carry(&b->hosts, &b->accounts, s);
  names_carry(&b->names, &b->hosts, s);
  refs_carry(&b->refs, &b->hosts, s);
  loads_carry(&b->loads, &b->hosts, s);
  calls_carry(&b->calls, &b->hosts, s);
  waits_carry(&b->collecting, &b->hosts, &b->hosts.all, 1, s);
}

static bool read_books(struct books *b, int fd) {
  struct sheet s;
  open_books(b);
  sheet_open_to_read(&s, fd);
  carry(b, &s);
  bool good = !s.fault;
  sheet_close(&s);
  return good;
}

#endif
