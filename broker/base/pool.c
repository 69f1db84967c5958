/* SPDX-License-Identifier: MIT
 *
 * fallocate gives a part of the file its pages, and takes them away again.
 */
#define _GNU_SOURCE /* memfd_create, fallocate, mremap */
#include "broker/base/pool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A region may have so many bytes: more than a slab of 2^32 items. */
#define REGION_BYTES ((off_t)1 << 40)

static size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static size_t whole_pages(size_t bytes) {
  size_t page = page_bytes();
  return (bytes + page - 1) / page * page;
}

/* ---- The file ---- */

bool pool_open(struct pool *p) {
  p->fd = memfd_create("gaijin-books", MFD_CLOEXEC);
  if (p->fd < 0) return false;
  if (ftruncate(p->fd, POOL_REGIONS * REGION_BYTES) == 0) return true;
  int why = errno;
  pool_close(p);
  errno = why;
  return false;
}

bool pool_take_over(struct pool *p, int fd) {
  struct stat st;
  p->fd = -1;
  if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != POOL_REGIONS * REGION_BYTES)
    return false;
  p->fd = fd;
  return true;
}

void pool_close(struct pool *p) {
  if (p->fd >= 0) close(p->fd);
  p->fd = -1;
}

static off_t place_of(unsigned region, size_t offset) {
  assert(region < POOL_REGIONS);
  return (off_t)region * REGION_BYTES + (off_t)offset;
}

/* Addresses for a part of the file. NULL: there are none. */
static void *map(const struct pool *p, unsigned region, size_t offset, size_t bytes) {
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, place_of(region, offset));
  if (at == MAP_FAILED) return NULL;
  madvise(at, bytes, MADV_DONTFORK);
  return at;
}

static bool take_memory(const struct pool *p, unsigned region, size_t offset, size_t bytes) {
  int r;
  do
    r = fallocate(p->fd, 0, place_of(region, offset), (off_t)bytes);
  while (r < 0 && errno == EINTR);
  return r == 0;
}

/* `at`: where it is mapped; NULL: nowhere, and it is zeroed. */
static void give_memory(const struct pool *p, unsigned region, size_t offset, void *at,
                        size_t bytes) {
  const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  int r;
  do
    r = fallocate(p->fd, mode, place_of(region, offset), (off_t)bytes);
  while (r < 0 && errno == EINTR);
  if (r < 0 && at) memset(at, 0, bytes); /* as what is taken the next time is to be */
}

/* ---- Pieces ---- */

void pool_pieces_init(struct pool_pieces *g, const struct pool *p, unsigned region, size_t size) {
  *g = (struct pool_pieces){.pool = p, .region = region, .size = whole_pages(size)};
}

void pool_pieces_deinit(struct pool_pieces *g) {
  for (uint32_t i = 0; i < g->window_count; i++)
    if (g->windows[i]) munmap(g->windows[i], POOL_WINDOW * g->size);
  free(g->windows);
  *g = (struct pool_pieces){0};
}

/* Entries of windows up to that of `window`. */
static bool reserve_windows(struct pool_pieces *g, uint32_t window) {
  if (window < g->window_count) return true;
  uint32_t count = g->window_count ? g->window_count : 4;
  while (count <= window) count *= 2;
  uint8_t **windows = realloc(g->windows, count * sizeof *windows);
  if (!windows) return false;
  memset(windows + g->window_count, 0, (count - g->window_count) * sizeof *windows);
  g->windows = windows;
  g->window_count = count;
  return true;
}

void *pool_pieces_take(struct pool_pieces *g, uint32_t number) {
  uint32_t window = number / POOL_WINDOW;
  if (!reserve_windows(g, window)) return NULL;
  if (!g->windows[window])
    g->windows[window] =
        map(g->pool, g->region, (size_t)window * POOL_WINDOW * g->size, POOL_WINDOW * g->size);
  if (!g->windows[window]) return NULL;
  if (!take_memory(g->pool, g->region, (size_t)number * g->size, g->size)) return NULL;
  return pool_piece(g, number);
}

void pool_pieces_give(struct pool_pieces *g, uint32_t number) {
  give_memory(g->pool, g->region, (size_t)number * g->size, pool_piece(g, number), g->size);
}

bool pool_pieces_take_over(struct pool_pieces *g, uint32_t count) {
  uint32_t windows = (count + POOL_WINDOW - 1) / POOL_WINDOW;
  assert(g->window_count == 0);
  if (windows == 0) return true;
  if (!reserve_windows(g, windows - 1)) return false;
  uint8_t *at = map(g->pool, g->region, 0, (size_t)windows * POOL_WINDOW * g->size);
  if (!at) return false;
  for (uint32_t i = 0; i < windows; i++) g->windows[i] = at + (size_t)i * POOL_WINDOW * g->size;
  return true;
}

bool pool_pieces_let_rest(struct pool_pieces *g, uint32_t part) {
  if (part >= g->window_count) return false;
  if (g->windows[part]) madvise(g->windows[part], POOL_WINDOW * g->size, MADV_DONTNEED);
  return true;
}

/* ---- Arrays ---- */

enum { PART_BYTES = 512 << 10 }; /* of an array, whole pages */

void pool_array_init(struct pool_array *a, const struct pool *p, unsigned region) {
  *a = (struct pool_array){.pool = p, .region = region};
}

void pool_array_deinit(struct pool_array *a) {
  if (a->at) munmap(a->at, a->mapped);
  *a = (struct pool_array){0};
}

static bool map_array(struct pool_array *a, size_t bytes) {
  void *at = a->at ? mremap(a->at, a->mapped, bytes, MREMAP_MAYMOVE)
                   : map(a->pool, a->region, 0, bytes);
  if (!at || at == MAP_FAILED) return false;
  a->at = at;
  a->mapped = bytes;
  return true;
}

bool pool_array_resize(struct pool_array *a, size_t bytes) {
  bytes = whole_pages(bytes);
  if (bytes > a->bytes) {
    /* Memory first: an array that has moved cannot be one for which nothing has changed. */
    if (!take_memory(a->pool, a->region, a->bytes, bytes - a->bytes)) return false;
    /* Twice the addresses, so that they are not moved with every page. */
    if (bytes > a->mapped && !map_array(a, bytes > 2 * a->mapped ? bytes : 2 * a->mapped)) {
      give_memory(a->pool, a->region, a->bytes, NULL, bytes - a->bytes);
      return false;
    }
  } else if (bytes < a->bytes) {
    give_memory(a->pool, a->region, bytes, a->at + bytes, a->bytes - bytes);
    if (bytes <= a->mapped / 4) map_array(a, 2 * bytes);
  }
  a->bytes = bytes;
  return true;
}

bool pool_array_take_over(struct pool_array *a, size_t bytes) {
  assert(!a->at);
  if (!map_array(a, whole_pages(bytes))) return false;
  a->bytes = a->mapped;
  return true;
}

uint32_t pool_array_parts(const struct pool_array *a) {
  return (uint32_t)((a->bytes + PART_BYTES - 1) / PART_BYTES);
}

bool pool_array_let_rest(struct pool_array *a, uint32_t part) {
  size_t from = (size_t)part * PART_BYTES;
  if (from >= a->bytes) return false;
  size_t left = a->bytes - from;
  madvise(a->at + from, left < PART_BYTES ? left : PART_BYTES, MADV_DONTNEED);
  return true;
}
