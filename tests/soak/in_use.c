/* SPDX-License-Identifier: MIT
 *
 * Preloaded into a program, it counts the bytes that are allocated and not freed, as malloc rounds
 * them. What a process has of the system tells little of small leaks: a heap gives back late, and
 * in large pieces. This number is exact.
 *
 * It stands in a memory file that stays open, so that another process finds it among the
 * descriptors of this one, by its name: IN_USE_NAME in soak.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/soak/soak.h"

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t alignment, size_t n);
void __libc_free(void *p);

static atomic_llong own, *in_use = &own; /* own: until the file is there, or for want of one */

__attribute__((constructor)) static void begin(void) {
  int fd = memfd_create(IN_USE_NAME, MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, sizeof *in_use) != 0) return;
  atomic_llong *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared == MAP_FAILED) return;
  atomic_store(shared, atomic_load(&own));
  in_use = shared;
}

static void *counted(void *p) {
  if (p) atomic_fetch_add(in_use, (long long)malloc_usable_size(p));
  return p;
}

static void uncounted(void *p) {
  if (p) atomic_fetch_sub(in_use, (long long)malloc_usable_size(p));
}

#pragma GCC visibility push(default)
void *malloc(size_t n) { return counted(__libc_malloc(n)); }
void *calloc(size_t n, size_t size) { return counted(__libc_calloc(n, size)); }
void *memalign(size_t alignment, size_t n) { return counted(__libc_memalign(alignment, n)); }
void *aligned_alloc(size_t alignment, size_t n) { return counted(__libc_memalign(alignment, n)); }

int posix_memalign(void **p, size_t alignment, size_t n) {
  *p = counted(__libc_memalign(alignment, n));
  return *p ? 0 : ENOMEM;
}

void *realloc(void *p, size_t n) {
  long long before = p ? (long long)malloc_usable_size(p) : 0;
  void *now = __libc_realloc(p, n);
  if (now || n == 0) atomic_fetch_sub(in_use, before);
  return counted(now);
}

void free(void *p) {
  uncounted(p);
  __libc_free(p);
}
#pragma GCC visibility pop
