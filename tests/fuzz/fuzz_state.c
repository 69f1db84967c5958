/* SPDX-License-Identifier: MIT
 *
 * The books of a broker as the program that goes on in its place reads them. The input is a sheet of
 * them; the connections, whose descriptors are this process's, are not in it. Whatever is in it, it
 * is read or refused with a text, memory follows what is in it, and what was read can be looked
 * through, written, and read again.
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

static void open_books(struct books *b) {
  memset(b, 0, sizeof *b);
  bool good = accounts_init(&b->accounts, 1) && hosts_init(&b->hosts, 2) &&
              names_init(&b->names, 3) && refs_init(&b->refs, NULL, 4) &&
              loads_init(&b->loads, 2, 100, 1, 5) && calls_init(&b->calls, 6) &&
              waits_init(&b->collecting, 7);
  FUZZ_REQUIRE(good, "no memory");
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

static const char *check(const struct books *b) {
  const char *faults[] = {hosts_check(&b->hosts), names_check(&b->names), refs_check(&b->refs),
                          loads_check(&b->loads), calls_check(&b->calls),
                          waits_check(&b->collecting)};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    if (faults[i]) return faults[i];
  return NULL;
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

static void write_books(struct books *b, int fd) {
  struct sheet s;
  FUZZ_REQUIRE(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0, "no file");
  sheet_open_to_write(&s, fd);
  carry(b, &s);
  sheet_close(&s);
  FUZZ_REQUIRE(!s.fault, "%s", s.fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct books b, again;
  int fd = memfd_create("state", MFD_CLOEXEC);
  FUZZ_REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size, "no file");
  if (read_books(&b, fd) && !check(&b)) { /* else a broker refuses it (is_right) */
    write_books(&b, fd);
    FUZZ_REQUIRE(read_books(&again, fd), "what was written is not read");
    FUZZ_REQUIRE(!check(&again), "%s", check(&again));
    close_books(&again);
  }
  close_books(&b);
  close(fd);
  return 0;
}
