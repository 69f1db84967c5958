/* SPDX-License-Identifier: MIT
 *
 * Both ends of a pair of rings in one program, and the socket that they knock by. Before and behind the memory there is
 * some that nobody may touch.
 */
#ifndef GAIJIN_TESTS_RING_PAIR_H
#define GAIJIN_TESTS_RING_PAIR_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/ring/map.h"
#include "proto/ring/ring.h"

enum { CANARY = 64 << 10, KNOCK_LIMIT_MS = 60000 };

struct ring_pair {
  uint8_t *around; /* CANARY, the map, CANARY */
  struct ring_page *page;
  struct rings worker, broker;
  int knocks[2]; /* the worker's end, the broker's */
};

/* Also true in threads, where a failed assertion of Check's must not be. */
#define ring_must(what) ring_must_be(what, #what, __FILE__, __LINE__)
static inline void ring_must_be(bool is, const char *what, const char *file, int line) {
  if (is) return;
  fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
  abort();
}

/* `at`: where all counters begin. A forked child has the memory, too. */
static inline void ring_pair_open(struct ring_pair *p, uint32_t at) {
  int fd = ring_file();
  ring_must(fd >= 0);
  p->around = mmap(NULL, 2 * CANARY + RING_MAP_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ring_must(p->around != MAP_FAILED);
  void *map = mmap(p->around + CANARY, RING_MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
  ring_must(map != MAP_FAILED && close(fd) == 0);
  p->page = map;
  struct ring_counters *all[] = {&p->page->up, &p->page->down};
  for (int i = 0; i < 2; i++) {
    atomic_store(&all[i]->head, at);
    atomic_store(&all[i]->tail, at);
    atomic_store(&all[i]->base, at);
  }
  struct ring_place from = {.tail = at, .head = at, .base = at};
  rings_attach(&p->worker, map, RING_WORKER, &from);
  rings_attach(&p->broker, map, RING_BROKER, &from);
  ring_must(socketpair(AF_UNIX, SOCK_STREAM, 0, p->knocks) == 0);
}

static inline void ring_pair_close(struct ring_pair *p) {
  munmap(p->around, 2 * CANARY + RING_MAP_BYTES);
  close(p->knocks[0]);
  close(p->knocks[1]);
}

/* A socket that is full has knocks enough. */
static inline void ring_knock(int fd) { ring_must(send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1); }

/* Waits for a knock, and empties the socket before the caller says that it is awake. */
static inline void ring_await_knock(int fd) {
  char all[64];
  struct pollfd p = {.fd = fd, .events = POLLIN};
  ring_must(poll(&p, 1, KNOCK_LIMIT_MS) == 1);
  ring_must(recv(fd, all, sizeof all, MSG_DONTWAIT) > 0);
}

/* Byte n of a stream. */
static inline uint8_t ring_byte(uint64_t n) { return (uint8_t)(n * 167 >> 3); }
static inline void ring_fill(uint8_t *bytes, size_t n, uint64_t from) {
  for (size_t i = 0; i < n; i++) bytes[i] = ring_byte(from + i);
}
static inline bool ring_is_right(const uint8_t *bytes, size_t n, uint64_t from) {
  for (size_t i = 0; i < n; i++)
    if (bytes[i] != ring_byte(from + i)) return false;
  return true;
}

#endif
