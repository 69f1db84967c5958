/* SPDX-License-Identifier: MIT
 *
 * The floor: what a message through a process in the middle costs on this machine when nothing but
 * bytes is moved. Client -> forwarder -> server and back over Unix stream sockets, 64 bytes each,
 * as gaijin's messages go; the ends block, the forwarder uses epoll. First round trips one by one,
 * then so many requests in flight, written with one call and read until all have come back.
 *
 * usage: floor ROUND-TRIPS IN-FLIGHT FORWARDER-PROCESSOR ENDS-PROCESSOR
 * Prints `floor p50`, `floor p99` and `floor rate` (common/measure.h).
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/common/measure.h"

enum { MESSAGE_BYTES = 64, BUFFER_BYTES = 64 << 10, IN_FLIGHT_MOST = BUFFER_BYTES / MESSAGE_BYTES };

/* Less than a socket takes is under way at any time, so no write is partial. */
static void put(int fd, const char *bytes, size_t n) {
  if (write(fd, bytes, n) != (ssize_t)n) measure_die("write");
}

static void server(int fd) {
  static char buffer[BUFFER_BYTES];
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) put(fd, buffer, (size_t)n);
}

static void forwarder(const int ends[2]) {
  int poll = epoll_create1(0);
  if (poll < 0) measure_die("epoll_create1");
  for (int i = 0; i < 2; i++) {
    struct epoll_event e = {.events = EPOLLIN, .data = {.u32 = (uint32_t)i}};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, ends[i], &e) != 0) measure_die("epoll_ctl");
  }
  static char buffer[BUFFER_BYTES];
  struct epoll_event events[2];
  for (;;) {
    int n = epoll_wait(poll, events, 2, -1);
    for (int i = 0; i < n; i++) {
      ssize_t got = read(ends[events[i].data.u32], buffer, sizeof buffer);
      if (got <= 0) return;
      put(ends[1 - events[i].data.u32], buffer, (size_t)got);
    }
  }
}

static void batch(void *user, long n) {
  static char messages[BUFFER_BYTES];
  int fd = *(const int *)user;
  size_t bytes = (size_t)n * MESSAGE_BYTES;
  put(fd, messages, bytes);
  for (size_t got = 0; got < bytes;) {
    ssize_t r = read(fd, messages + got, bytes - got);
    if (r <= 0) measure_die("read");
    got += (size_t)r;
  }
}
static void trip(void *user) { batch(user, 1); }

int main(int argc, char **argv) {
  if (argc != 5) {
    fputs("usage: floor ROUND-TRIPS IN-FLIGHT FORWARDER-PROCESSOR ENDS-PROCESSOR\n", stderr);
    return 2;
  }
  long trips = measure_number(argv[1], "ROUND-TRIPS", 100, 10000000);
  long in_flight = measure_number(argv[2], "IN-FLIGHT", 1, IN_FLIGHT_MOST);
  long middle = measure_number(argv[3], "FORWARDER-PROCESSOR", 0, 1023);
  long ends = measure_number(argv[4], "ENDS-PROCESSOR", 0, 1023);
  int left[2], right[2]; /* client-forwarder, forwarder-server */
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, left) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, right) != 0)
    measure_die("socketpair");
  if (measure_fork(ends)) {
    close(left[0]);
    close(left[1]);
    close(right[0]);
    server(right[1]);
    return 0;
  }
  if (measure_fork(middle)) {
    close(left[0]);
    close(right[1]);
    forwarder((const int[]){left[1], right[0]});
    return 0;
  }
  measure_place(ends);
  measure_trips("floor", trips, trip, &left[0]);
  measure_rate("floor", trips * 5, in_flight, batch, &left[0]);
  return 0;
}
