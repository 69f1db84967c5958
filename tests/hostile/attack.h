/* SPDX-License-Identifier: MIT
 *
 * Attackers: functions of this program that run in processes of their own, forked, beside a broker.
 * An attack does what it needs first, says that it is ready, and goes on until it is killed. One
 * that returns, because the broker has ended its connection, is begun anew: an adversary comes
 * again.
 *
 * All share a page of counters with the test, so that it knows whether there was an attack at all.
 */
#ifndef GAIJIN_TESTS_HOSTILE_ATTACK_H
#define GAIJIN_TESTS_HOSTILE_ATTACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { ATTACKERS_MOST = 8 };

struct attacker {
  const char *socket;
  pid_t broker;
  unsigned index; /* 0, 1, ... */
  char name[24];  /* "attacker0": what the log is to tell */
  /* Written by the attacker, read by the test. */
  atomic_bool ready;
  atomic_ullong sent;   /* messages, or whatever the attack counts */
  atomic_ullong gained; /* what it must not get */
  atomic_uint begun;    /* how often it began */
};

typedef void (*attack_fn)(struct attacker *a);

struct attackers {
  struct attacker *all; /* shared memory */
  pid_t pids[ATTACKERS_MOST];
  unsigned n;
};

/* Starts `n` processes that run `fn`. They die with the test. False: errno. */
bool attackers_start(struct attackers *s, unsigned n, attack_fn fn, const char *socket,
                     pid_t broker);
bool attackers_are_ready(const struct attackers *s);
/* Sums of all. */
uint64_t attackers_sent(const struct attackers *s);
uint64_t attackers_gained(const struct attackers *s);
uint64_t attackers_begun(const struct attackers *s);
/* Kills them, and waits for their end. A zeroed struct is fine. */
void attackers_stop(struct attackers *s);

/* What the reference is measured beside: a loop that asks nobody for anything. */
void attack_nobody(struct attacker *a);

/* Forks a process that runs fn(user) and dies with the test; its pid, or -1. */
pid_t attack_fork(void (*fn)(void *user), void *user);

#endif
