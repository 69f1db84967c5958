/* SPDX-License-Identifier: MIT
 *
 * GET and SET of a value of 64 bytes at a redis-server on a Unix socket: two hops, where others have four,
 * because the server is the one who has it. Speaks the protocol itself, which takes less than a library.
 *
 * usage: redis ROUND-TRIPS IN-FLIGHT PROCESSOR SOCKET; the client is on the processor
 * Prints p50 and p99 of `get` and `set`, and `async-N rate` of gets (common/measure.h).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/common/measure.h"

enum { BUFFER_BYTES = 1 << 20 };
#define VALUE "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"
#define GET "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
#define SET "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$64\r\n" VALUE "\r\n"
#define GOT "$64\r\n" VALUE "\r\n"
#define DONE "+OK\r\n"

static char out[BUFFER_BYTES], in[BUFFER_BYTES];

static void exchange(int fd, size_t sent, const char *expected, size_t expected_size, long n) {
  if (write(fd, out, sent) != (ssize_t)sent) measure_die("write");
  size_t bytes = expected_size * (size_t)n, got = 0;
  while (got < bytes) {
    ssize_t r = read(fd, in + got, bytes - got);
    if (r <= 0) measure_die("read");
    got += (size_t)r;
  }
  if (memcmp(in + bytes - expected_size, expected, expected_size) != 0) {
    errno = EBADMSG;
    measure_die("an answer");
  }
}
static void gets_of(void *user, long n) {
  for (long i = 0; i < n; i++) memcpy(out + (size_t)i * (sizeof GET - 1), GET, sizeof GET - 1);
  exchange(*(int *)user, (size_t)n * (sizeof GET - 1), GOT, sizeof GOT - 1, n);
}
static void get(void *user) { gets_of(user, 1); }
static void set(void *user) {
  memcpy(out, SET, sizeof SET - 1);
  exchange(*(int *)user, sizeof SET - 1, DONE, sizeof DONE - 1, 1);
}

int main(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (argc != 5 || strlen(argv[4]) >= sizeof address.sun_path) {
    fputs("usage: redis ROUND-TRIPS IN-FLIGHT PROCESSOR SOCKET\n", stderr);
    return 2;
  }
  long trips = measure_number(argv[1], "ROUND-TRIPS", 100, 10000000);
  long in_flight = measure_number(argv[2], "IN-FLIGHT", 1, 10000);
  measure_place(measure_number(argv[3], "PROCESSOR", 0, 1023));
  strcpy(address.sun_path, argv[4]);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) measure_die(argv[4]);
  char row[32];
  snprintf(row, sizeof row, "async-%ld", in_flight);
  measure_trips("set", trips, set, &fd);
  measure_trips("get", trips, get, &fd);
  measure_rate(row, trips * 5, in_flight, gets_of, &fd);
  close(fd);
  return 0;
}
