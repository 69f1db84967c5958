/* SPDX-License-Identifier: MIT
 *
 * The floor of row crowd: what it costs on this machine that so many processes on one processor wake
 * one another through one in the middle, when nothing but 64 bytes are moved. As in crowd.lua each
 * has eight requests in flight, to all others in turn, and answers theirs. It blocks in `read`, and
 * writes all that came of a read at once; the forwarder reads whoever is ready, puts together what is
 * for the same, and writes it at once.
 *
 * usage: crowd_floor WORKERS CALLS PROCESSOR [LINES PAGES]
 * Prints `crowd-floor-WORKERS rate /s`.
 * With LINES each worker reads so many cache lines, in so many pages, of its own memory whenever it
 * is woken, one after the other as an interpreter follows its pointers: that shows what is due to
 * caches and translations of addresses that others have displaced meanwhile.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/clock.h"
#include "tests/bench/common/measure.h"

enum { WORKERS_MOST = 64, IN_FLIGHT = 8, LINE = 64, PAGE = 4096, LINES_MOST = 1 << 16 };
/* What can be under way to one at most fits, and less than a socket takes: no write is partial. */
enum { MESSAGES_MOST = 2 * IN_FLIGHT * WORKERS_MOST };

struct message {
  unsigned char from, to, is_reply, rest[61];
};
struct batch {
  struct message all[MESSAGES_MOST];
  size_t count;
};

static size_t get(int fd, struct batch *in) {
  ssize_t n = read(fd, in->all, sizeof in->all);
  return in->count = n > 0 ? (size_t)n / sizeof *in->all : 0;
}
static void put(int fd, struct batch *out) {
  ssize_t bytes = (ssize_t)(out->count * sizeof *out->all);
  if (bytes && write(fd, out->all, (size_t)bytes) != bytes) measure_die("write");
  out->count = 0;
}
static void add(struct batch *out, unsigned from, unsigned to, bool is_reply) {
  out->all[out->count++] =
      (struct message){.from = (unsigned char)from, .to = (unsigned char)to, .is_reply = is_reply};
}

static unsigned next_of(unsigned me, unsigned last, unsigned workers) {
  do
    last = (last + 1) % workers;
  while (last == me);
  return last;
}

/* A line of a worker's memory, which names the one that is read next. */
struct line {
  _Alignas(LINE) const struct line *next;
};
/* A ring of lines in pages, in an order that no processor foresees; NULL: there are none. */
static const struct line *ring(size_t lines, size_t pages) {
  static struct line *all[LINES_MOST];
  if (lines == 0) return NULL;
  struct line *memory = aligned_alloc(PAGE, pages * PAGE);
  if (!memory) measure_die("memory");
  size_t each = PAGE / LINE;
  for (size_t i = 0; i < lines; i++) all[i] = &memory[i % pages * each + (i / pages + i % pages * 7) % each];
  for (size_t i = lines - 1; i > 0; i--) {
    size_t k = (i * 7919 + 13) % i;
    struct line *kept = all[i];
    all[i] = all[k];
    all[k] = kept;
  }
  for (size_t i = 0; i < lines; i++) all[i]->next = all[(i + 1) % lines];
  return all[0];
}

static void worker(int fd, unsigned me, unsigned workers, const struct line *volatile at, long lines) {
  static struct batch in, out;
  unsigned last = me;
  for (int i = 0; i < IN_FLIGHT; i++) add(&out, me, last = next_of(me, last, workers), false);
  do {
    put(fd, &out);
    if (!get(fd, &in)) return;
    for (long i = 0; i < lines; i++) at = at->next;
    for (size_t i = 0; i < in.count; i++)
      if (in.all[i].is_reply)
        add(&out, me, last = next_of(me, last, workers), false);
      else
        add(&out, me, in.all[i].from, true);
  } while (true);
}

/* Until so many replies have gone through; returns how many have. */
static long forward(int poll, const int *fds, unsigned workers, long replies) {
  static struct batch in, out[WORKERS_MOST];
  struct epoll_event ready[WORKERS_MOST];
  long gone = 0;
  while (gone < replies) {
    int n = epoll_wait(poll, ready, WORKERS_MOST, -1);
    for (int i = 0; i < n; i++) {
      if (!get(fds[ready[i].data.u32], &in)) measure_die("a worker has ended");
      for (size_t k = 0; k < in.count; k++) {
        struct batch *to = &out[in.all[k].to];
        to->all[to->count++] = in.all[k];
        gone += in.all[k].is_reply;
      }
    }
    for (unsigned i = 0; i < workers; i++) put(fds[i], &out[i]);
  }
  return gone;
}

int main(int argc, char **argv) {
  if (argc != 4 && argc != 6) {
    fputs("usage: crowd_floor WORKERS CALLS PROCESSOR [LINES PAGES]\n", stderr);
    return 2;
  }
  unsigned workers = (unsigned)measure_number(argv[1], "WORKERS", 2, WORKERS_MOST);
  long calls = measure_number(argv[2], "CALLS", 10, 100000000);
  long processor = measure_number(argv[3], "PROCESSOR", 0, 1023);
  long pages = argc == 6 ? measure_number(argv[5], "PAGES", 1, LINES_MOST) : 1, room = pages * (PAGE / LINE);
  long lines = argc == 6 ? measure_number(argv[4], "LINES", 0, room < LINES_MOST ? room : LINES_MOST) : 0;
  int fds[WORKERS_MOST], poll = epoll_create1(0);
  if (poll < 0) measure_die("epoll_create1");
  for (unsigned i = 0; i < workers; i++) {
    int both[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, both) != 0) measure_die("socketpair");
    if (measure_fork(processor)) {
      close(both[0]);
      worker(both[1], i, workers, ring((size_t)lines, (size_t)pages), lines);
      return 0;
    }
    close(both[1]);
    fds[i] = both[0];
    struct epoll_event e = {.events = EPOLLIN, .data = {.u32 = i}};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fds[i], &e) != 0) measure_die("epoll_ctl");
  }
  measure_place(processor);
  forward(poll, fds, workers, calls / 10);
  double start = clock_seconds();
  long done = forward(poll, fds, workers, calls);
  char row[32];
  snprintf(row, sizeof row, "crowd-floor-%u", workers);
  measure_say(row, "rate", "/s", (double)done / (clock_seconds() - start));
  return 0;
}
