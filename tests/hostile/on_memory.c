/* SPDX-License-Identifier: MIT
 *
 * Attacks on the broker's memory: what it keeps because somebody does not go on.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "proto/base.h"
#include "proto/limits.h"
#include "tests/hostile/case.h"
#include "tests/hostile/raw.h"

static void count(struct attacker *a, unsigned n) { atomic_fetch_add(&a->sent, n); }

static bool join(struct attacker *a, struct raw *r) {
  return raw_join(r, a->socket, a->name, false);
}

/* ---- Answers that nobody reads ---- */

static void ping(struct raw *r) {
  raw_ask(r, OP_ping, NULL, NULL, 0, 0);
  raw_end(r);
}

static void ping_unread(struct attacker *a) {
  struct raw r;
  bool on = join(a, &r);
  for (a->ready = true; on; on = raw_push(&r, 100)) {
    for (int i = 0; i < 1000 && r.out.size < 1 << 20; i++) {
      ping(&r);
      count(a, 1);
    }
  }
  raw_close(&r);
}

/* ---- Messages that never end ---- */

enum { HALVES = 50, SOME_HALVES = 14, CONNECTIONS = 1000, PIECE = 400 << 10 };

/* Announces a message of so many bytes, and sends all but a few, as far as the broker reads. False:
 * the connection has ended. */
static bool send_most_of_a_message(struct attacker *a, struct raw *r, uint32_t size) {
  static const uint8_t zeroes[PIECE];
  uint8_t prefix[MESSAGE_PREFIX_BYTES] = {0xce};
  if (!raw_join(r, a->socket, NULL, false)) return false;
  store_be32(prefix + 1, size);
  raw_bytes(r, prefix, sizeof prefix);
  for (uint32_t left = size - 100; left > 0 && r->out.size < sizeof zeroes;) {
    uint32_t n = left < sizeof zeroes ? left : sizeof zeroes;
    raw_bytes(r, zeroes, n);
    if (!raw_push(r, 200)) return false;
    left -= n;
    count(a, 1);
  }
  return true;
}

/* All stay for a while, and begin anew then. */
static void send_halves(struct attacker *a, struct raw *all, int n, uint32_t size) {
  for (int i = 0; i < n; i++) send_most_of_a_message(a, &all[i], size);
  a->ready = true;
  sleep(1);
  for (int i = 0; i < n; i++) raw_close(&all[i]);
}

static void send_large_halves(struct attacker *a) {
  static struct raw all[HALVES];
  send_halves(a, all, HALVES, MAX_MESSAGE_DEFAULT);
}

static void send_one_half(struct attacker *a) {
  static struct raw all[1];
  send_halves(a, all, 1, PIECE);
}

/* More than --max-memory of 128 MiB, of which one process may have half. */
static void send_some_halves(struct attacker *a) {
  static struct raw all[HALVES];
  send_halves(a, all, SOME_HALVES, MAX_MESSAGE_DEFAULT);
}

/* Not much of each. */
static void send_small_halves(struct attacker *a) {
  static struct raw all[CONNECTIONS];
  struct rlimit most;
  getrlimit(RLIMIT_NOFILE, &most);
  most.rlim_cur = most.rlim_max;
  setrlimit(RLIMIT_NOFILE, &most);
  send_halves(a, all, CONNECTIONS, PIECE);
}

#define FLAGS(...) \
  (const char *const[]) { __VA_ARGS__, NULL }

/* What takes long takes the broker long to read, too: hundreds of megabytes. */
const struct hostile_case hostile_on_memory[] = {
    {.name = "pings-unread",
     .text = "6 clients that read nothing and ping",
     .before = "broker 1.45 GB, nothing logged",
     .attack = ping_unread,
     .attackers = 6,
     .broker_flags = FLAGS("--read-time", "1"),
     .sent_least = 10000,
     .named = "attacker"},
    {.name = "some-halves",
     .text = "14 half-sent messages of 16 MiB",
     .before = "broker 236 MB, nothing logged",
     .attack = send_some_halves,
     .attackers = 1,
     .broker_flags = FLAGS("--max-memory", "128M"),
     .broker_mb = 180,
     .sent_least = 20,
     .named = "disconnected"},
    {.name = "slow-message",
     .text = "a message that is begun and never ended",
     .before = "stays for ever, nothing logged",
     .attack = send_one_half,
     .attackers = 1,
     .broker_flags = FLAGS("--message-time", "0.5"),
     .sent_least = 1,
     .named = "disconnected"},
    {.name = "halves",
     .bench_only = true,
     .text = "50 half-sent messages of 16 MiB",
     .before = "broker 847 MB, nothing logged",
     .attack = send_large_halves,
     .attackers = 1,
     .sent_least = 20,
     .named = "disconnected"},
    {.name = "below-limits",
     .bench_only = true,
     .text = "1,000 connections with 400 KiB of a message each",
     .before = "-",
     .attack = send_small_halves,
     .attackers = 1,
     .sent_least = 100,
     .named = "disconnected"},
    {.name = NULL},
};
