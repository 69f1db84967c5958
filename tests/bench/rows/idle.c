/* SPDX-License-Identifier: MIT
 *
 * What a client that does nothing costs the broker: many connect, each under a name of its own.
 *
 * usage: idle SOCKET BROKER-PID CLIENTS
 * Prints `idle-client memory B`: the broker's private memory for each of them. Some connect and leave
 * before, so that the broker has its buffers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <gaijin/gaijin.h>

#include "tests/bench/common/look.h"
#include "tests/bench/common/measure.h"

enum { WARM_UP = 20, CLIENTS_MOST = 100000, OTHER_FILES = 64 };

static void join(gaijin **out, const char *socket, long i) {
  char error[256], name[32];
  snprintf(name, sizeof name, "idle-%ld", i);
  struct gaijin_options o = {.socket = socket, .name = name, .wait_seconds = 10};
  if (gaijin_connect(out, &o, error, sizeof error) == 0) return;
  fprintf(stderr, "idle: %s: %s\n", name, error);
  exit(1);
}

static void leave(gaijin **clients, long n) {
  for (long i = 0; i < n; i++) gaijin_close(clients[i]);
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fputs("usage: idle SOCKET BROKER-PID CLIENTS\n", stderr);
    return 2;
  }
  const char *socket = argv[1];
  long broker = measure_number(argv[2], "BROKER-PID", 1, 1L << 30);
  long n = measure_number(argv[3], "CLIENTS", 1, CLIENTS_MOST);
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) measure_die("getrlimit");
  files.rlim_cur = files.rlim_max;
  if (files.rlim_cur < (rlim_t)(n + OTHER_FILES)) {
    fprintf(stderr, "idle: %ld clients need as many descriptors; `ulimit -n` allows %lu\n", n,
            (unsigned long)files.rlim_cur);
    return 1;
  }
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) measure_die("setrlimit");
  gaijin **clients = calloc((size_t)(n > WARM_UP ? n : WARM_UP), sizeof *clients);
  if (!clients) measure_die("memory");
  for (long i = 0; i < WARM_UP; i++) join(&clients[i], socket, i);
  leave(clients, WARM_UP);
  long before = look_private_kib(broker);
  for (long i = 0; i < n; i++) join(&clients[i], socket, i);
  measure_say("idle-client", "memory", "B",
              (double)(look_private_kib(broker) - before) * 1024 / (double)n);
  leave(clients, n);
  free(clients);
  return 0;
}
