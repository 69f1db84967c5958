/* SPDX-License-Identifier: MIT
 *
 * Linux only, as are memory files.
 */
#define _GNU_SOURCE /* memfd_create, seals */
#include "proto/ring/map.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Kernels before 6.3 do not know it, and make files that could be executed. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#endif

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

/* A file that grows over this limit would not fail but end the process. */
static bool may_be_so_large(void) {
  struct rlimit l;
  return getrlimit(RLIMIT_FSIZE, &l) < 0 || l.rlim_cur == RLIM_INFINITY ||
         l.rlim_cur >= RING_MAP_BYTES;
}

static int map_file(int fd, struct ring_page **page) {
  void *at = mmap(NULL, RING_MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return -errno;
  if (madvise(at, RING_MAP_BYTES, MADV_DONTFORK) < 0 ||
      madvise(at, RING_MAP_BYTES, MADV_DONTDUMP) < 0) {
    int error = errno;
    munmap(at, RING_MAP_BYTES);
    return -error;
  }
  *page = at;
  return 0;
}

static int prepare(int fd) {
  struct ring_page *page;
  if (ftruncate(fd, RING_MAP_BYTES) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0) return -errno;
  int r = map_file(fd, &page);
  if (r < 0) return r;
  atomic_store_explicit(&page->layout, RING_LAYOUT, memory_order_release);
  ring_unmap(page);
  return 0;
}

int ring_file(void) {
  static const char name[] = "gaijin-ring";
  if (!may_be_so_large()) return -EFBIG;
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -errno;
  int r = prepare(fd);
  if (r == 0) return fd;
  close(fd);
  return r;
}

static bool is_fit(int fd) {
  struct stat s;
  int seals = fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & SEALS) == SEALS && fstat(fd, &s) == 0 &&
         s.st_size == RING_MAP_BYTES;
}

int ring_map(int fd, void **map) {
  struct ring_page *page;
  if (!is_fit(fd)) return -EPROTO;
  int r = map_file(fd, &page);
  if (r < 0) return r;
  if (atomic_load_explicit(&page->layout, memory_order_acquire) != RING_LAYOUT) {
    ring_unmap(page);
    return -EPROTONOSUPPORT;
  }
  *map = page;
  return 0;
}

void ring_unmap(void *map) {
  int r = munmap(map, RING_MAP_BYTES);
  assert(r == 0);
  (void)r;
}
