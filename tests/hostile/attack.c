/* SPDX-License-Identifier: MIT
 *
 * What attackers and test share is one mapping of memory, made before the fork.
 */
#define _GNU_SOURCE
#include "tests/hostile/attack.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What does not belong to a test's own books: its descriptors are left as they are, for the process
 * ends by _exit or a signal. */
pid_t attack_fork(void (*fn)(void *user), void *user) {
  pid_t parent = getpid(), pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(EXIT_FAILURE);
  signal(SIGALRM, SIG_DFL);
  fn(user);
  _exit(EXIT_SUCCESS);
}

struct start {
  attack_fn fn;
  struct attacker *a;
};

static void attack(void *user) {
  struct start *s = user;
  for (;;) {
    atomic_fetch_add(&s->a->begun, 1);
    s->fn(s->a);
  }
}

bool attackers_start(struct attackers *s, unsigned n, attack_fn fn, const char *socket,
                     pid_t broker) {
  *s = (struct attackers){.n = 0};
  s->all = mmap(NULL, ATTACKERS_MOST * sizeof *s->all, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (s->all == MAP_FAILED) {
    s->all = NULL;
    return false;
  }
  for (unsigned i = 0; i < n && i < ATTACKERS_MOST; i++) {
    struct attacker *a = &s->all[i];
    a->socket = socket;
    a->broker = broker;
    a->index = i;
    snprintf(a->name, sizeof a->name, "attacker%u", i);
    s->pids[i] = attack_fork(attack, &(struct start){.fn = fn, .a = a});
    if (s->pids[i] < 0) return false;
    s->n++;
  }
  return true;
}

bool attackers_are_ready(const struct attackers *s) {
  for (unsigned i = 0; i < s->n; i++) {
    if (!atomic_load(&s->all[i].ready)) return false;
  }
  return true;
}

uint64_t attackers_sent(const struct attackers *s) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < s->n; i++) sum += atomic_load(&s->all[i].sent);
  return sum;
}

uint64_t attackers_gained(const struct attackers *s) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < s->n; i++) sum += atomic_load(&s->all[i].gained);
  return sum;
}

uint64_t attackers_begun(const struct attackers *s) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < s->n; i++) sum += atomic_load(&s->all[i].begun);
  return sum;
}

void attackers_stop(struct attackers *s) {
  for (unsigned i = 0; i < s->n; i++) kill(s->pids[i], SIGKILL);
  for (unsigned i = 0; i < s->n; i++) {
    while (waitpid(s->pids[i], NULL, 0) < 0 && errno == EINTR) continue;
  }
  if (s->all) munmap(s->all, ATTACKERS_MOST * sizeof *s->all);
  *s = (struct attackers){.n = 0};
}

void attack_nobody(struct attacker *a) {
  atomic_store(&a->ready, true);
  for (;;) atomic_fetch_add(&a->sent, 1);
}
