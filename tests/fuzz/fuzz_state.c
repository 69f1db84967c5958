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

#include "tests/fuzz/state_books.h"

static const char *check(const struct books *b) {
  const char *faults[] = {hosts_check(&b->hosts), names_check(&b->names), refs_check(&b->refs),
                          loads_check(&b->loads), calls_check(&b->calls),
                          waits_check(&b->collecting)};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    if (faults[i]) return faults[i];
  return NULL;
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
