/* SPDX-License-Identifier: MIT
 *
 * Each kind of upset has a time at which it is due, and sets the next at random.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/base.h"
#include "proto/clock.h"
#include "tests/hostile/case.h"
#include "tests/soak/soak.h"
#include "tests/unit/random.h"

static uint32_t below(struct soak *s, uint32_t n) { return random_below(&s->random, n); }

/* ---- Workers that come and go ---- */

static void start_visitor(struct soak *s, unsigned i) {
  char name[16], seed[16], steps[16];
  snprintf(name, sizeof name, "visitor-%u", i + 1);
  snprintf(seed, sizeof seed, "%u", below(s, 1 << 30));
  snprintf(steps, sizeof steps, "%u", 20 + below(s, 300));
  const char *args[] = {seed, steps, "host", "caller-1", "caller-2", "visitor-1", "visitor-2",
                        "visitor-3", NULL};
  s->visitors[i] = (struct passing){
      .child = bed_start(s->bed, &(struct bed_worker){.name = name,
                                                      .script = soak_script(s, "traffic.lua"),
                                                      .no_wait = true,
                                                      .args = args})};
}

static bool has_ended(void *child) { return child_ended(child); }

/* Waits for the end of a process that was perhaps killed, perhaps too late; else its status is 0,
 * or 1 if it may fail. */
static void forget(struct soak *s, struct passing *p, bool may_fail) {
  bed_until(s->bed, has_ended, p->child, "the end of a process");
  int status = p->child->status;
  p->killed = p->killed && WIFSIGNALED(status);
  if (p->killed)
    bed_exit_signal(s->bed, p->child, SIGKILL);
  else
    bed_exit(s->bed, p->child, may_fail && WIFEXITED(status) && WEXITSTATUS(status) == 1);
  soak_note_output(s, p->child);
  bed_forget(s->bed, p->child);
  p->child = NULL;
}

static void forget_visitor(struct soak *s, unsigned i) {
  forget(s, &s->visitors[i], false);
  if (s->visitors[i].killed) {
    s->counts.killed++;
  } else {
    s->counts.left++;
  }
}

/* Before, it does not know the signal. */
static bool has_begun(struct soak *s, struct child *c) {
  char *output = child_output(c);
  if (!output) bed_fail(s->bed, "no memory");
  bool begun = strstr(output, "begun") != NULL;
  free(output);
  return begun;
}

/* Kills it, or has it leave. */
static void end_visitor(struct soak *s, unsigned i, bool kill) {
  struct passing *v = &s->visitors[i];
  if (v->told || child_ended(v->child)) return;
  v->told = true;
  v->killed = kill || !has_begun(s, v->child);
  child_signal(v->child, v->killed ? SIGKILL : SIGTERM);
}

static void upset_workers(struct soak *s) { end_visitor(s, below(s, VISITORS), below(s, 3) > 0); }

static void replace_visitors(struct soak *s) {
  for (unsigned i = 0; i < VISITORS; i++) {
    if (!child_ended(s->visitors[i].child)) continue;
    forget_visitor(s, i);
    start_visitor(s, i);
  }
}

/* ---- Programs that look ---- */

static void start_look(struct soak *s, struct passing *look) {
  static const char *const commands[][3] = {
      {"clients", NULL},           {"clients", "--json", NULL}, {"tokens", NULL},
      {"tokens", "--json", NULL},  {"labels", NULL},            {"loads", NULL},
      {"accounts", NULL},          {"gc", NULL},                {"ping", NULL},
      {"policy", "show", NULL},
  };
  const char *const *c = commands[below(s, ARRAY_SIZE(commands))];
  char program[512];
  snprintf(program, sizeof program, "%s", bed_program(s->bed, "gaijinctl"));
  *look = (struct passing){
      .child = bed_spawn(s->bed, "gaijinctl", (const char *const[]){program, c[0], c[1], NULL})};
  s->counts.looks++;
}

static void upset_looks(struct soak *s) {
  struct passing *look = &s->looks[below(s, LOOKS)];
  if (!look->child) {
    start_look(s, look);
  } else if (!child_ended(look->child)) {
    look->killed = true;
    child_signal(look->child, SIGKILL);
    s->counts.looks_cut++;
  }
}

static void forget_looks(struct soak *s, bool all) {
  for (unsigned i = 0; i < LOOKS; i++) {
    struct passing *look = &s->looks[i];
    /* What it asks of workers fails if they end meanwhile. */
    if (look->child && (all || child_ended(look->child))) forget(s, look, true);
  }
}

/* ---- Reloads ---- */

#define EVERYTHING "[allow]\nwho = all\nnames = *\n[allow]\nwho = all\nhosts = *\n"

static bool write_policy(struct soak *s, unsigned which) {
  static const char *const policies[] = {
      EVERYTHING,
      "[deny]\nwho = worker visitor-1\nhosts = host\nops = set, apply\n" EVERYTHING,
      "[deny]\nwho = worker attacker*\nhosts = *\n" EVERYTHING,
      "[deny]\nwho = all\nnames = attacker*\n" EVERYTHING,
      EVERYTHING "hots = this one is refused\n",
  };
  char fresh[96];
  snprintf(fresh, sizeof fresh, "%s.new", s->policy);
  FILE *f = fopen(fresh, "we");
  if (!f) return false;
  bool ok = fputs(policies[which % ARRAY_SIZE(policies)], f) >= 0;
  return fclose(f) == 0 && ok && rename(fresh, s->policy) == 0;
}

static void upset_policy(struct soak *s) {
  if (!write_policy(s, below(s, 5))) bed_fail(s->bed, "%s: %s", s->policy, strerror(errno));
  child_signal(bed_broker(s->bed), SIGHUP);
  s->counts.reloads++;
}

bool upsets_prepare(struct soak *s) {
  snprintf(s->policy_dir, sizeof s->policy_dir, "/tmp/gaijin-soak-XXXXXX");
  if (!mkdtemp(s->policy_dir)) return false;
  snprintf(s->policy, sizeof s->policy, "%s/policy", s->policy_dir);
  return write_policy(s, 0);
}

void upsets_clean_up(struct soak *s) {
  unlink(s->policy);
  rmdir(s->policy_dir);
}

/* ---- Attacks ---- */

enum { ATTACKERS = 2 };

static const struct hostile_case *pick_attack(struct soak *s) {
  static const struct hostile_case *const tables[] = {
      hostile_on_turns, hostile_on_memory, hostile_on_log, hostile_on_worker, hostile_on_tokens};
  const struct hostile_case *picked = NULL;
  uint32_t n = 0;
  for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
    for (const struct hostile_case *c = tables[i]; c->name; c++)
      if (below(s, ++n) == 0) picked = c;
  }
  return picked;
}

static void stop_attack(struct soak *s) {
  if (!s->attacking) return;
  s->counts.sent += attackers_sent(&s->attackers);
  if (attackers_gained(&s->attackers) > 0) bed_fail(s->bed, "attackers got what they must not");
  attackers_stop(&s->attackers);
  s->attacking = false;
}

/* Begins one, or ends the one that is on. */
static void upset_by_attack(struct soak *s) {
  if (s->attacking) {
    stop_attack(s);
    return;
  }
  const struct hostile_case *c = pick_attack(s);
  unsigned n = c->attackers < ATTACKERS ? c->attackers : ATTACKERS;
  if (!attackers_start(&s->attackers, n, c->attack, bed_socket(s->bed), bed_broker(s->bed)->pid))
    bed_fail(s->bed, "attackers: %s", strerror(errno));
  s->attacking = true;
  s->counts.attacks++;
}

/* ---- All of them ---- */

static const struct {
  void (*run)(struct soak *s);
  double mean; /* seconds between two */
} upsets[UPSETS] = {
    {upset_workers, 0.4}, {upset_looks, 0.3}, {upset_policy, 2}, {upset_by_attack, 1.2}};

static void set_due(struct soak *s, size_t i, double now) {
  s->due[i] = now + upsets[i].mean * (0.2 + 1.6 * below(s, 1000) / 1000);
}

void upsets_begin(struct soak *s) {
  double now = clock_seconds();
  for (unsigned i = 0; i < VISITORS; i++) start_visitor(s, i);
  for (size_t i = 0; i < UPSETS; i++) set_due(s, i, now);
}

void upsets_turn(struct soak *s, double now) {
  for (size_t i = 0; i < UPSETS; i++) {
    if (now < s->due[i]) continue;
    upsets[i].run(s);
    set_due(s, i, now);
  }
  replace_visitors(s);
  forget_looks(s, false);
}

void upsets_end(struct soak *s) {
  stop_attack(s);
  forget_looks(s, true);
  for (unsigned i = 0; i < VISITORS; i++) end_visitor(s, i, i % 2 == 0);
  for (unsigned i = 0; i < VISITORS; i++) forget_visitor(s, i);
}
