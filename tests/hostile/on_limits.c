/* SPDX-License-Identifier: MIT
 *
 * Floods of what is limited by number: each fills its limit and goes on, and everything beyond it is
 * refused with `busy`. What is not, or is refused with something else, is gained. And whether what
 * the broker says that it keeps is what it takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/base.h"
#include "proto/limits.h"
#include "proto/sanitizer.h"
#include "proto/status.h"
#include "tests/hostile/case.h"
#include "tests/hostile/raw.h"

/* What the flags below allow one process, and how many are tried at a time. */
enum { ALLOWED = 100, TRIED = 300, PATIENCE_MS = 60000 };
#define ALLOWED_TEXT "100"

static bool is_busy(struct raw *r) {
  uint64_t status;
  return r->m.kind == MESSAGE_ERROR && reader_uint(&r->r, &status) && status == STATUS_busy;
}

/* So many of what was asked must be refused. */
static bool count_refusals(struct attacker *a, struct raw *r, int n) {
  while (n > 0) {
    if (raw_next(r, PATIENCE_MS) != 1) return false;
    if (r->m.kind == MESSAGE_NOTICE) continue;
    atomic_fetch_add(is_busy(r) ? &a->sent : &a->gained, 1);
    n--;
  }
  return true;
}

/* Asks again and again for what stays open. */
static void flood(struct attacker *a, void (*ask)(struct raw *r)) {
  struct raw r;
  bool on = raw_join(&r, a->socket, a->name, false);
  for (int allowed = ALLOWED; on; allowed = 0) {
    for (int i = 0; i < TRIED; i++) ask(&r);
    on = count_refusals(a, &r, TRIED - allowed);
    a->ready = true;
  }
  raw_close(&r);
}

static void ask_for_label(struct raw *r) {
  struct pack *p = raw_ask(r, OP_s2t, "host", NULL, 0, 2);
  pack_text(p, "nobody sets this");
  pack_bool(p, true);
  raw_end(r);
}
static void flood_requests(struct attacker *a) { flood(a, ask_for_label); }

static void watch(struct raw *r, const char *name) {
  struct pack *p = raw_ask(r, OP_watch, NULL, NULL, 0, 2);
  pack_text(p, name);
  pack_text(p, "ready");
  raw_end(r);
}
static void watch_nobody(struct raw *r) { watch(r, "nobody-has-this"); }
static void flood_waits(struct attacker *a) { flood(a, watch_nobody); }

/* Connections, as workers with names of their own or without: the first ones stay. */
static void flood_hellos(struct attacker *a, bool named) {
  static struct raw all[ALLOWED];
  struct raw r;
  char name[64];
  int n = 0;
  for (unsigned i = 0;; i++) {
    snprintf(name, sizeof name, "%s-%u", a->name, i);
    if (raw_join(&r, a->socket, named ? name : NULL, !named)) {
      if (n == ALLOWED) {
        atomic_fetch_add(&a->gained, 1);
        n--;
        raw_close(&all[n]);
      }
      all[n++] = r;
      continue;
    }
    raw_close(&r);
    atomic_fetch_add(&a->sent, 1);
    a->ready = n == ALLOWED;
  }
}
static void flood_names(struct attacker *a) { flood_hellos(a, true); }
static void flood_connections(struct attacker *a) { flood_hellos(a, false); }

/* ---- Objects ---- */

/* A request for a label that carries so many new objects. */
static void give(struct raw *from, const char *to, uint32_t n, uint64_t *last) {
  struct pack *p = raw_ask(from, OP_s2t, to, NULL, 0, 1);
  pack_array(p, n);
  for (uint32_t i = 0; i < n; i++) {
    struct pt pt = raw_token(from, ++*last);
    pack_pt(p, &pt);
  }
  raw_end(from);
}

/* Two connections, of which one gives the other objects that it keeps. */
static bool join_two(struct attacker *a, struct raw *giver, struct raw *keeper, char *name,
                     size_t n) {
  snprintf(name, n, "%s-keeper", a->name);
  return raw_join(giver, a->socket, a->name, false) && raw_join(keeper, a->socket, name, false);
}

static void flood_objects(struct attacker *a) {
  struct raw giver, keeper;
  char name[64];
  uint64_t last = 0;
  bool on = join_two(a, &giver, &keeper, name, sizeof name);
  for (int allowed = ALLOWED; on; allowed = 0) {
    for (int i = 0; i < TRIED; i++) give(&giver, name, 1, &last);
    on = count_refusals(a, &giver, TRIED - allowed);
    a->ready = true;
  }
  raw_close(&giver);
  raw_close(&keeper);
}

/* ---- What the broker says it keeps ---- */

enum { WAITS = 2000, OBJECTS = 30, PART = 50 << 10, PARTS = 200, POSTS = 100 };
/* Its memory grows by no more than this many times what it says, and a little; AddressSanitizer
 * keeps what has been freed. */
enum { TAKES = WITH_ASAN ? 8 : 2, LITTLE = 2 << 20 };

static uint64_t resident(pid_t pid) {
  char path[64];
  unsigned long long pages = 0;
  snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
  FILE *f = fopen(path, "re");
  if (!f || fscanf(f, "%*u %llu", &pages) != 1) _exit(EXIT_FAILURE);
  fclose(f);
  return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The memory of this process, as the broker has it in its accounts. */
static uint64_t accounted(struct raw *r) {
  struct value v;
  uint64_t memory = 0;
  pack_text(raw_ask(r, OP_inspect, NULL, NULL, 0, 1), "accounts");
  raw_end(r);
  if (!raw_answer(r) || r->m.kind != MESSAGE_REPLY || !reader_next(&r->r, &v)) return 0;
  while (reader_next(&r->r, &v) && v.type == VALUE_ARRAY) {
    struct value uid, pid, bytes;
    uint32_t count = v.count;
    if (!reader_next(&r->r, &uid) || !reader_next(&r->r, &pid) || !reader_next(&r->r, &bytes))
      return 0;
    if (pid.type != VALUE_NIL && pid.integer == (uint64_t)getpid()) memory = bytes.integer;
    for (uint32_t i = 3; i < count; i++)
      if (!reader_next(&r->r, &v)) return 0;
  }
  return memory;
}

/* Some of everything: waits for names, objects, parts of messages, posts that nobody reads. */
static bool fill(struct attacker *a, struct raw *r, struct raw *keeper, const char *name) {
  static struct raw parts[PARTS];
  static const uint8_t zeroes[PART], prefix[] = {0xce, 0, PART >> 15, 0, 0};
  uint64_t last = 0;
  char text[64];
  for (int i = 0; i < WAITS; i++) {
    snprintf(text, sizeof text, "nobody-%d", i);
    watch(r, text);
  }
  for (int i = 0; i < OBJECTS; i++) give(r, name, 1000, &last);
  for (int i = 0; i < POSTS; i++) {
    pack_string(raw_ask(r, OP_s2t, name, NULL, MESSAGE_ONE_WAY, 1), (const char *)zeroes, 2000);
    raw_end(r);
  }
  if (!raw_pump(r)) return false;
  for (int i = 0; i < PARTS; i++) {
    if (!raw_join(&parts[i], a->socket, NULL, true)) return false;
    raw_bytes(&parts[i], prefix, sizeof prefix);
    raw_bytes(&parts[i], zeroes, sizeof zeroes);
    if (!raw_push(&parts[i], PATIENCE_MS)) return false;
  }
  (void)keeper;
  return true;
}

static void compare_memory(struct attacker *a) {
  struct raw r, keeper;
  char name[64];
  uint64_t before = resident(a->broker), takes, says;
  bool on = join_two(a, &r, &keeper, name, sizeof name) && fill(a, &r, &keeper, name);
  says = on ? accounted(&r) : 0;
  takes = resident(a->broker) - before;
  if (says < PARTS * PART || takes > TAKES * says + LITTLE) atomic_fetch_add(&a->gained, 1);
  fprintf(stderr, "the broker says that it keeps %llu KiB, and has grown by %llu KiB\n",
          (unsigned long long)says >> 10, (unsigned long long)takes >> 10);
  atomic_fetch_add(&a->sent, 1);
  for (a->ready = true;;) pause();
}

#define FLAGS(...) \
  (const char *const[]) { __VA_ARGS__, NULL }
#define LIMITED(title, what, fn, flag) \
  { \
    .name = title, .text = what, .before = "-", .attack = fn, .attackers = 1, \
    .broker_flags = FLAGS(flag, ALLOWED_TEXT), .sent_least = 500, .named = flag \
  }

const struct hostile_case hostile_on_limits[] = {
    LIMITED("requests", "requests that are never answered", flood_requests, "--max-requests"),
    LIMITED("waits", "waits for a name that nobody has", flood_waits, "--max-waits"),
    LIMITED("names", "connections with a name each", flood_names, "--max-names"),
    LIMITED("connections", "connections that stay", flood_connections, "--max-connections"),
    LIMITED("exports", "objects given to another", flood_objects, "--max-exported"),
    LIMITED("holdings", "objects handed to another", flood_objects, "--max-held"),
    {.name = "accounted",
     .text = "some of everything, compared with what the broker says that it keeps",
     .before = "pairs, names and buffers were not counted",
     .attack = compare_memory,
     .attackers = 1,
     .sent_least = 1},
    {.name = NULL},
};
