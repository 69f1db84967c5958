/* SPDX-License-Identifier: MIT
 *
 * mmap() and munmap(), replaced: what is unmapped is kept for whoever maps as much next, zeroed. A
 * broker's books are a few mappings, made and given back in each run, and the kernel took longer
 * for them than the run. Until then nobody may touch it, which AddressSanitizer sees to.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/sanitizer.h"
#include "tests/fuzz/fuzz.h"

#if WITH_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, n) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(at, n) ((void)0)
#endif

enum { KEPT_MOST = 32, LARGEST = 1 << 20 };

static struct kept {
  void *at; /* NULL: none is here */
  size_t size;
} kept[KEPT_MOST];

static bool may_be_kept(void *at, size_t n, int protection, int flags) {
  return !at && n <= LARGEST && protection == (PROT_READ | PROT_WRITE) &&
         flags == (MAP_PRIVATE | MAP_ANONYMOUS);
}

void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset) {
  for (unsigned i = 0; may_be_kept(at, n, protection, flags) && i < KEPT_MOST; i++) {
    if (!kept[i].at || kept[i].size != n) continue;
    void *found = kept[i].at;
    kept[i].at = NULL;
    ASAN_UNPOISON_MEMORY_REGION(found, n);
    return memset(found, 0, n);
  }
  return (void *)syscall(SYS_mmap, at, n, protection, flags, fd, offset);
}

int munmap(void *at, size_t n) {
  for (unsigned i = 0; n <= LARGEST && i < KEPT_MOST; i++) {
    if (kept[i].at) continue;
    kept[i] = (struct kept){at, n};
    ASAN_POISON_MEMORY_REGION(at, n);
    return 0;
  }
  return (int)syscall(SYS_munmap, at, n);
}
