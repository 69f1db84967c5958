/* SPDX-License-Identifier: MIT
 *
 * The books as a program reads them that goes on in a broker's place. The input is the sheet, from
 * its accounts to its waits; connections, whose descriptors are the process's own, are left out. It
 * comes from no stranger: but whatever is in it, it is read in bounds, ends with a fault or with
 * records that refer to each other, and all of it can be freed.
 */
#define _GNU_SOURCE /* memfd_create */
#include <sys/mman.h>
#include <unistd.h>

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

static void carry(struct books *b, struct sheet *s) {
  accounts_carry(&b->accounts, s);
  hosts_carry(&b->hosts, &b->accounts, s);
  names_carry(&b->names, &b->hosts, s);
  refs_carry(&b->refs, &b->hosts, s);
  loads_carry(&b->loads, &b->hosts, s);
  calls_carry(&b->calls, &b->hosts, s);
  waits_carry(&b->collecting, &b->hosts, &b->hosts.all, 1, s);
}

static void open_books(struct books *b) {
  memset(b, 0, sizeof *b);
  FUZZ_REQUIRE(accounts_init(&b->accounts, 1) && hosts_init(&b->hosts, 2) && names_init(&b->names, 3) &&
                   refs_init(&b->refs, 4) && loads_init(&b->loads, 1.4, 100, 1000, 5) &&
                   calls_init(&b->calls, 6) && waits_init(&b->collecting, 7),
               "no memory");
  b->accounts.limits.users = 1;
  b->accounts.record_bytes = 100;
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

/* A file in memory with these bytes. */
static int file_of(const void *bytes, size_t size) {
  static int fd = -1;
  if (fd < 0) fd = memfd_create("fuzz", MFD_CLOEXEC);
  FUZZ_REQUIRE(fd >= 0 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0, "no file in memory");
  FUZZ_REQUIRE(write(fd, bytes, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0, "not written");
  return fd;
}

/* What was read without a fault is written, and read again as well. */
static void carry_on(struct books *b) {
  static uint8_t bytes[1 << 16];
  struct books again;
  struct sheet s;
  int fd = file_of("", 0);
  sheet_open_to_write(&s, fd);
  carry(b, &s);
  sheet_close(&s);
  FUZZ_REQUIRE(!s.fault, "%s", s.fault);
  ssize_t size = pread(fd, bytes, sizeof bytes, 0);
  FUZZ_REQUIRE(size > 0 && (size_t)size < sizeof bytes, "a large sheet of a small one");
  open_books(&again);
  sheet_open_to_read(&s, file_of(bytes, (size_t)size));
  carry(&again, &s);
  FUZZ_REQUIRE(!s.fault && sheet_left(&s) == 0, "read again: %s", s.fault ? s.fault : "more is there");
  sheet_close(&s);
  FUZZ_REQUIRE(again.hosts.all.count == b->hosts.all.count && again.refs.holds.count == b->refs.holds.count &&
                   again.calls.all.count == b->calls.all.count && again.accounts.memory == b->accounts.memory,
               "other books");
  close_books(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct books b;
  struct sheet s;
  steady_begin();
  open_books(&b);
  sheet_open_to_read(&s, file_of(data, size));
  carry(&b, &s);
  bool good = !s.fault;
  sheet_close(&s);
  if (good) carry_on(&b);
  close_books(&b);
  return 0;
}
