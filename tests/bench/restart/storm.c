/* SPDX-License-Identifier: MIT
 *
 * A returning storm: many workers come back at once to a broker that was killed and started again,
 * each with many objects, and each claims all of its neighbour's.
 *
 * usage: storm BROKER-PROGRAM DIRECTORY WORKERS TOKENS
 * Prints `storm WORKERS TOKENS MS KIB CPU`: milliseconds from the start of the new broker until each
 * worker has its claims answered, the most memory the broker had, and its processor time, ms.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/clock.h"
#include "proto/hello.h"
#include "proto/limits.h"
#include "proto/returning.h"
#include "tests/bench/restart/crowd.h"

struct worker {
  struct raw raw;
  struct secret secret;
  uint64_t host;
  uint32_t claims; /* to be answered */
  bool welcomed;
};

static struct worker *workers;
static uint32_t n_workers, n_tokens;
static char path[CROWD_PATH];

static const char *const flags[] = {"--max-memory", "2G", "--return-grace", "300", NULL};

static void say_hello(struct worker *k) {
  struct hello_request h = {.lowest = 1, .highest = WIRE_VERSION_MOST};
  uint32_t options = k->host ? 2 : 0;
  crowd_connect(&k->raw, path);
  struct pack *p = raw_begin(&k->raw, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(options));
  hello_put_request(p, &h, options);
  if (k->host) {
    pack_text(p, RETURN_HOST_KEY);
    pack_uint(p, k->host);
    pack_text(p, RETURN_SECRET_KEY);
    pack_string(p, (const char *)k->secret.bytes, SECRET_BYTES);
  }
  raw_end(&k->raw);
  k->raw.last_id = 1;
  k->welcomed = false;
}

static void read_welcome(struct worker *k) {
  struct hello_reply r;
  struct reader v;
  if (k->raw.m.kind != MESSAGE_REPLY || hello_read_reply(&k->raw.m, &r) ||
      !hello_option(&r.options, RETURN_SECRET_KEY, &v) || !secret_read(&v, &k->secret))
    measure_die("hello was refused");
  k->host = k->raw.host = r.host;
  k->welcomed = true;
}

/* All its tokens, all of its neighbour's, and that this was all. */
static void say_all(struct worker *k, const struct worker *neighbour) {
  for (int claims = 0; claims < 2; claims++)
    for (uint32_t i = 0; i < n_tokens; i += RETURNED_MOST) {
      uint32_t n = n_tokens - i < RETURNED_MOST ? n_tokens - i : RETURNED_MOST;
      if (claims)
        raw_ask(&k->raw, OP_claim, NULL, NULL, 0, n);
      else
        raw_begin(&k->raw, MESSAGE_NOTICE, OP_announce, 0, n);
      for (uint32_t t = 1; t <= n; t++) {
        struct pt pt = raw_token(&k->raw, i + t);
        if (claims) pt.host = neighbour->host;
        pack_pt(&k->raw.p, &pt);
      }
      raw_end(&k->raw);
      k->claims += (uint32_t)claims;
    }
  raw_begin(&k->raw, MESSAGE_NOTICE, OP_back, 0, 0);
  raw_end(&k->raw);
}

static void hear(uint32_t i) {
  struct worker *k = &workers[i];
  for (int r; (r = raw_next(&k->raw, 0)) != 0;) {
    if (r < 0) measure_die("a connection has ended");
    if (!k->welcomed) {
      read_welcome(k);
      say_all(k, &workers[(i + 1) % n_workers]);
    } else if (k->raw.m.op == OP_claim) {
      if (k->raw.m.body_count) measure_die("a claim was refused");
      k->claims--;
    }
  }
}

/* Turns until all are welcome and answered. */
static void pump(void) {
  struct pollfd *polled = calloc(n_workers, sizeof *polled);
  if (!polled) measure_die("memory");
  for (uint32_t left = n_workers; left;) {
    for (uint32_t i = 0; i < n_workers; i++)
      polled[i] = (struct pollfd){
          .fd = workers[i].raw.fd,
          .events = (short)(POLLIN | (workers[i].raw.out.size ? POLLOUT : 0))};
    if (poll(polled, n_workers, 60000) <= 0) measure_die("nothing comes");
    left = 0;
    for (uint32_t i = 0; i < n_workers; i++) {
      if (polled[i].revents & POLLOUT) raw_push(&workers[i].raw, 0);
      if (polled[i].revents & POLLIN) hear(i);
      left += !workers[i].welcomed || workers[i].claims;
    }
  }
  free(polled);
}

static long most_memory(pid_t pid) {
  char name[40], line[200];
  long kib = 0;
  snprintf(name, sizeof name, "/proc/%ld/status", (long)pid);
  FILE *f = fopen(name, "r");
  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "VmHWM: %ld", &kib) == 1) break;
  if (f) fclose(f);
  return kib;
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fputs("usage: storm BROKER-PROGRAM DIRECTORY WORKERS TOKENS\n", stderr);
    return 2;
  }
  snprintf(path, sizeof path, "%s/storm", argv[2]);
  n_workers = crowd_workers(argv[3]);
  n_tokens = crowd_tokens(argv[4]);
  workers = calloc(n_workers, sizeof *workers);
  if (!workers) measure_die("memory");
  pid_t broker = crowd_start(argv[1], path, flags);
  uint32_t wanted = n_tokens;
  n_tokens = 0;
  for (uint32_t i = 0; i < n_workers; i++) say_hello(&workers[i]);
  for (uint32_t i = 0; i < n_workers; i++) {
    if (raw_next(&workers[i].raw, 60000) != 1) measure_die("hello");
    read_welcome(&workers[i]);
  }
  kill(broker, SIGKILL);
  waitpid(broker, NULL, 0);
  for (uint32_t i = 0; i < n_workers; i++) raw_close(&workers[i].raw);
  n_tokens = wanted;
  double began = clock_seconds();
  broker = crowd_start(argv[1], path, flags);
  for (uint32_t i = 0; i < n_workers; i++) say_hello(&workers[i]);
  pump();
  double took = clock_seconds() - began;
  long kib = most_memory(broker);
  struct rusage used;
  kill(broker, SIGTERM);
  wait4(broker, NULL, 0, &used);
  printf("storm %u %u %.0f %ld %ld\n", n_workers, n_tokens, took * 1e3, kib,
         (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
             (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000);
  return 0;
}
