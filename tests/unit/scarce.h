/* SPDX-License-Identifier: MIT
 *
 * Memory that runs out on purpose: between scarce_begin and scarce_end so many allocations of this
 * program work, and the next fails, or all that follow do. For the one source file of a test
 * program: it brings malloc, calloc, realloc, mmap, mremap and fallocate (where it takes memory).
 * Under a sanitizer, which replaces them too, nothing ever fails.
 *
 *   scarce_from(n, true);
 *   scarce_begin(); ...what must bear it... scarce_end();
 *   if (scarce.failed == 0) ...it needs no more than n
 */
#ifndef GAIJIN_TESTS_SCARCE_H
#define GAIJIN_TESTS_SCARCE_H

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/sanitizer.h"

#define SCARCE_REPLACES (!WITH_ASAN)

static struct {
  bool now, for_good; /* for_good: all that follow fail, not one alone */
  long until, failed; /* allocations that still work; that have failed */
} scarce;

/* The next shortage: `until` allocations work. */
static inline void scarce_from(long until, bool for_good) {
  assert(!scarce.now);
  scarce.until = until;
  scarce.failed = 0;
  scarce.for_good = for_good;
}
/* What lies between counts and may fail; as often as needed. */
static inline void scarce_begin(void) {
  assert(!scarce.now);
  scarce.now = true;
}
static inline void scarce_end(void) {
  assert(scarce.now);
  scarce.now = false;
}

#if SCARCE_REPLACES
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool scarce_fails(void) {
  if (!scarce.now || scarce.until-- > 0 || (scarce.failed && !scarce.for_good)) return false;
  scarce.failed++;
  errno = ENOMEM;
  return true;
}
void *malloc(size_t n) { return scarce_fails() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t size) { return scarce_fails() ? NULL : __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { return scarce_fails() ? NULL : __libc_realloc(p, n); }
void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset) {
  if (scarce_fails()) return MAP_FAILED;
  return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
}
void *mremap(void *at, size_t n, size_t to, int flags, ...) { /* no flag that has a fifth is used */
  if (scarce_fails()) return MAP_FAILED;
  return (void *)syscall(SYS_mremap, at, n, to, flags);
}
int fallocate(int fd, int mode, off_t at, off_t n) {
  if (mode == 0 && scarce_fails()) {
    errno = ENOSPC;
    return -1;
  }
  return (int)syscall(SYS_fallocate, fd, mode, at, n);
}
#else
#define __libc_malloc malloc
#define __libc_calloc calloc
#define __libc_realloc realloc
#define __libc_free free
#endif

#endif
