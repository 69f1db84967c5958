/* SPDX-License-Identifier: MIT
 *
 * The floor: what a round trip through a process in the middle costs on this
 * machine when nothing but bytes is moved. Client -> forwarder -> server and
 * back over Unix stream sockets, as gaijin's messages go; the ends block, the
 * forwarder uses epoll. usage: floor ROUND-TRIPS; prints median and 99th
 * percentile in microseconds.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/clock.h"

enum { MESSAGE_BYTES = 64, BUFFER_BYTES = 4096 };

static _Noreturn void die(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now_us(void) { return clock_seconds() * 1e6; }

/* Small writes to an empty stream socket are never partial; anything else is an error here. */
static void put(int fd, const char *bytes, size_t n) {
  if (write(fd, bytes, n) != (ssize_t)n) die("write");
}

static void server(int fd) {
  char buffer[BUFFER_BYTES];
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) put(fd, buffer, (size_t)n);
}

static void forwarder(const int ends[2]) {
  int poll = epoll_create1(0);
  if (poll < 0) die("epoll_create1");
  for (int i = 0; i < 2; i++) {
    struct epoll_event e = {.events = EPOLLIN, .data = {.u32 = (uint32_t)i}};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, ends[i], &e) != 0) die("epoll_ctl");
  }
  char buffer[BUFFER_BYTES];
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

static double round_trip(int fd) {
  char message[MESSAGE_BYTES] = {0};
  double start = now_us();
  put(fd, message, sizeof message);
  for (size_t got = 0; got < sizeof message;) {
    ssize_t n = read(fd, message + got, sizeof message - got);
    if (n <= 0) die("read");
    got += (size_t)n;
  }
  return now_us() - start;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* A child that dies with us and has closed what it does not use. True in the child. */
static int start(const int unused[2]) {
  pid_t pid = fork();
  if (pid < 0) die("fork");
  if (pid > 0) return 0;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int i = 0; i < 2; i++) close(unused[i]);
  return 1;
}

int main(int argc, char **argv) {
  long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
  if (count < 100 || count > 10000000) {
    fputs("usage: floor ROUND-TRIPS (100 to 10000000)\n", stderr);
    return 2;
  }
  int left[2], right[2]; /* client-forwarder, forwarder-server */
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, left) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, right) != 0) die("socketpair");
  if (start((const int[]){left[0], right[0]})) {
    server(right[1]);
    return 0;
  }
  if (start((const int[]){left[0], right[1]})) {
    forwarder((const int[]){left[1], right[0]});
    return 0;
  }
  double *took = calloc((size_t)count, sizeof *took);
  if (!took) die("memory");
  for (long i = 0; i < count / 10; i++) round_trip(left[0]);
  for (long i = 0; i < count; i++) took[i] = round_trip(left[0]);
  qsort(took, (size_t)count, sizeof *took, compare);
  printf("floor %.2f %.2f\n", took[count / 2], took[count * 99 / 100]);
  free(took);
  return 0;
}
