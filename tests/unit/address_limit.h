/* SPDX-License-Identifier: MIT
 *
 * A process that gets no more addresses: mmap fails, malloc goes on with what it has.
 */
#ifndef GAIJIN_TESTS_ADDRESS_LIMIT_H
#define GAIJIN_TESTS_ADDRESS_LIMIT_H

#include <sys/mman.h>
#include <sys/resource.h>

#include "proto/sanitizer.h"
#include "tests/unit/run.h"

static inline void address_limit_begin(struct rlimit *old) {
  ck_assert_int_eq(getrlimit(RLIMIT_AS, old), 0);
  const struct rlimit tight = {.rlim_cur = 1 << 20, .rlim_max = old->rlim_max};
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &tight), 0);
}

static inline void address_limit_end(const struct rlimit *old) {
  ck_assert_int_eq(setrlimit(RLIMIT_AS, old), 0);
}

/* Emulators of processors keep address space for themselves, and take the limit for advice;
 * AddressSanitizer has reserved terabytes. */
static inline bool address_limit_holds(void) {
  struct rlimit old;
  if (WITH_ASAN) return false;
  address_limit_begin(&old);
  void *p = mmap(NULL, 4 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  address_limit_end(&old);
  if (p == MAP_FAILED) return true;
  munmap(p, 4 << 20);
  return false;
}

#endif
