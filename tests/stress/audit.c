/* SPDX-License-Identifier: MIT
 *
 * The order matters. First the books are read, when nothing but the driver's
 * `ctl` is held by the driver; then the driver fetches every reference there is,
 * and so learns which token stands for which object; then the books can be
 * compared with the model, token by token.
 */
#include "tests/stress/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/clock.h"
#include "tests/stress/books.h"

/* CYCLE_SECONDS: so long rounds are asked for, one after the other. */
enum { CYCLE_SECONDS = 60, LEAKED_MOST = 60, PAGE_OBJECTS = 16, PAGE_SERIALS = 250 };

const char audit_left_out[] = "the machine is so busy that a worker is left out of rounds, so what is left tells nothing";

struct audit {
  struct system *s;
  struct model *m;
  struct books books;
  struct gaijin_pt *pts; /* by serial; host 0: not seen */
  gaijin_holding **held; /* by serial; what was seen stays held during the audit, lest it gets another token */
};

/* ---- Identity ---- */

/* The driver was given v where the object should be. */
static void see(struct audit *a, uint32_t serial, const struct gaijin_value *v, const char *where) {
  struct bed *b = a->s->bed;
  if (!serial) {
    if (v->type != GAIJIN_NIL) bed_fail(b, "%s: there is something, and should not be", where);
    return;
  }
  if (v->type != GAIJIN_FOREIGN) bed_fail(b, "%s: object %u is not there (type %d)", where, serial, (int)v->type);
  const struct object *o = model_object(a->m, serial);
  struct gaijin_pt *known = &a->pts[serial];
  struct gaijin_pt pt = gaijin_holding_pt(v->holding);
  const char *name = gaijin_host_name(a->s->g, pt.host);
  char home[8];
  snprintf(home, sizeof home, "w%u", o->home + 1u);
  if (!name || strcmp(name, home) != 0) bed_fail(b, "%s: object %u should be of %s, is of %s", where, serial, home, name ? name : "?");
  if (gaijin_host_dead(a->s->g, pt.host) != o->dead) bed_fail(b, "%s: object %u should be %s", where, serial, o->dead ? "dead" : "alive");
  if (pt.kind != o->kind) bed_fail(b, "%s: object %u should be a %s", where, serial, gaijin_kind_name((enum gaijin_kind)o->kind));
  if (known->host == 0) {
    *known = pt;
    a->held[serial] = v->holding;
    gaijin_hold(a->s->g, v->holding);
  }
  if (!gaijin_pt_equal(known, &pt)) {
    bed_fail(b, "%s: object %u is token %llu here and token %llu elsewhere", where, serial, (unsigned long long)pt.id,
             (unsigned long long)known->id);
  }
}

static void see_all(struct audit *a, gaijin_body *body, const uint32_t *serials, unsigned n, const char *where) {
  for (unsigned i = 0; i < n; i++) {
    struct gaijin_value v = system_value(a->s, body);
    char text[96];
    snprintf(text, sizeof text, "%s %u", where, i + 1);
    see(a, serials[i], &v, text);
  }
  gaijin_body_free(body);
}

/* Cells of up to PAGE_OBJECTS objects of one worker. */
static void see_cells(struct audit *a, unsigned worker, const uint32_t *serials, unsigned n) {
  double values[PAGE_OBJECTS + 1] = {CELLS};
  for (unsigned i = 0; i < n; i++) values[i + 1] = serials[i];
  gaijin_body *body = system_call(a->s, worker, "cells", values, n + 1);
  for (unsigned i = 0; i < n * CELLS; i++) {
    struct gaijin_value v = system_value(a->s, body);
    char text[64];
    snprintf(text, sizeof text, "cell %u of object %u", i % CELLS + 1, serials[i / CELLS]);
    see(a, model_object(a->m, serials[i / CELLS])->cells[i % CELLS], &v, text);
  }
  gaijin_body_free(body);
}

static void see_worker(struct audit *a, unsigned worker) {
  char where[64];
  const struct model_worker *w = &a->m->workers[worker];
  snprintf(where, sizeof where, "w%u, slot", worker + 1);
  see_all(a, system_call(a->s, worker, "slots", &(double){SLOTS}, 1), w->slots, SLOTS, where);
  snprintf(where, sizeof where, "w%u, label", worker + 1);
  see_all(a, system_call(a->s, worker, "labels", &(double){LABELS}, 1), w->labels, LABELS, where);
  uint32_t page[PAGE_OBJECTS];
  unsigned n = 0;
  for (uint32_t i = 0; i < a->m->n_alive; i++) {
    const struct object *o = model_object(a->m, a->m->alive[i]);
    if (o->home != worker || o->dead) continue;
    page[n++] = a->m->alive[i];
    if (n < PAGE_OBJECTS) continue;
    see_cells(a, worker, page, n);
    n = 0;
  }
  if (n) see_cells(a, worker, page, n);
}

/* No two objects are one token. */
static int compare_pts(const void *x, const void *y) {
  const struct gaijin_pt *a = x, *b = y;
  if (a->host != b->host) return a->host < b->host ? -1 : 1;
  return a->id < b->id ? -1 : a->id > b->id;
}

static void check_distinct(struct audit *a) {
  struct gaijin_pt *all = calloc(a->m->n_alive + 1, sizeof *all);
  if (!all) bed_fail(a->s->bed, "no memory");
  size_t n = 0;
  for (uint32_t i = 0; i < a->m->n_alive; i++)
    if (a->pts[a->m->alive[i]].host) all[n++] = a->pts[a->m->alive[i]];
  qsort(all, n, sizeof *all, compare_pts);
  bool same = false;
  for (size_t i = 1; i < n && !same; i++) same = compare_pts(&all[i - 1], &all[i]) == 0;
  free(all);
  if (same) bed_fail(a->s->bed, "two objects have one token");
}

/* ---- Life ---- */

static int compare_serials(const void *x, const void *y) {
  uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
  return a < b ? -1 : a > b;
}

/* Exactly the objects of the model are alive at their home. */
static void check_alive(struct audit *a, unsigned worker) {
  const struct model *m = a->m;
  uint32_t *wanted = calloc(m->n_alive + 1, sizeof *wanted), n = 0, i = 0;
  if (!wanted) bed_fail(a->s->bed, "no memory");
  for (uint32_t k = 0; k < m->n_alive; k++) {
    const struct object *o = model_object(m, m->alive[k]);
    if (o->home == worker && !o->dead) wanted[n++] = m->alive[k];
  }
  qsort(wanted, n, sizeof *wanted, compare_serials);
  double from = 0;
  for (unsigned got = PAGE_SERIALS; got == PAGE_SERIALS;) {
    gaijin_body *body = system_call(a->s, worker, "alive", (double[]){from, PAGE_SERIALS}, 2);
    got = gaijin_body_count(body);
    for (unsigned k = 0; k < got; k++, i++) {
      from = system_value(a->s, body).number;
      if (i >= n || from < wanted[i]) bed_fail(a->s->bed, "w%u: object %.0f is still alive, and nobody can reach it", worker + 1, from);
      if (from > wanted[i]) bed_fail(a->s->bed, "w%u: object %u is gone, and should be alive", worker + 1, wanted[i]);
    }
    gaijin_body_free(body);
  }
  if (i < n) bed_fail(a->s->bed, "w%u: object %u is gone, and should be alive", worker + 1, wanted[i]);
  free(wanted);
}

/* ---- The books ---- */

/* All collect, again and again, until the broker's books stay as they are. Leaves the last books, and what the
 * workers count. */
static void collect(struct audit *a, struct books_counts counts[WORKERS_MOST]) {
  struct system *s = a->s;
  uint64_t ids[WORKERS_MOST];
  for (bool changed = true; changed;) {
    for (unsigned w = 0; w < s->settings->workers; w++)
      if (s->workers[w].child) ids[w] = system_ask(s, w, "collect", NULL, 0);
    for (unsigned w = 0; w < s->settings->workers; w++) {
      if (!s->workers[w].child) continue;
      gaijin_body *body = system_await(s, ids[w], "collecting");
      counts[w].exported = (uint32_t)system_value(s, body).number;
      counts[w].used = (uint32_t)system_value(s, body).number;
      gaijin_body_free(body);
    }
    struct books now = {.count = 0};
    books_read(s, &now);
    changed = !books_equal(&now, &a->books);
    books_deinit(&a->books);
    a->books = now;
  }
}

static size_t count_expected(const struct audit *a) {
  size_t n = 0;
  for (uint32_t i = 0; i < a->m->n_alive; i++) n += model_object(a->m, a->m->alive[i])->holders != 0;
  for (unsigned w = 0; w < a->s->settings->workers; w++) n += a->s->workers[w].ctl != NULL;
  return n;
}

/* Then what it has and holds stays, for ten minutes. */
static bool is_one_left_out(struct bed *b) {
  char *output = child_output(bed_broker(b));
  bool is = output && strstr(output, "is left out when garbage in cycles is looked for, for ten minutes");
  free(output);
  return is;
}

/* The same until a round has found what only keeps itself. */
static void collect_cycles(struct audit *a, struct books_counts counts[WORKERS_MOST]) {
  size_t wanted = count_expected(a);
  double end = clock_seconds() + CYCLE_SECONDS;
  collect(a, counts);
  while (a->m->cycles_go && a->books.count > wanted && clock_seconds() < end) {
    bed_ctl(a->s->bed, NULL, (const char *const[]){"gc", "--cycles", NULL});
    collect(a, counts);
    if (a->books.count > wanted && is_one_left_out(a->s->bed)) bed_fail(a->s->bed, "%s", audit_left_out);
  }
}

static void expect_books(struct audit *a, struct books *wanted) {
  for (uint32_t i = 0; i < a->m->n_alive; i++) {
    uint32_t serial = a->m->alive[i];
    const struct object *o = model_object(a->m, serial);
    if (!o->holders) continue;
    struct books_row row = {.host = o->home, .id = a->pts[serial].id, .dead = o->dead, .kind = o->kind,
                            .holders = o->holders, .serial = serial};
    books_add(a->s, wanted, &row);
  }
  for (unsigned w = 0; w < a->s->settings->workers; w++) {
    if (!a->s->workers[w].ctl) continue;
    struct books_row row = {.host = (uint8_t)w, .id = gaijin_holding_pt(a->s->workers[w].ctl).id, .kind = GAIJIN_KIND_FUNCTION,
                            .holders = BOOKS_DRIVER};
    books_add(a->s, wanted, &row);
  }
}

static void compare_once(struct system *s, struct model *m) {
  struct audit a = {.s = s, .m = m};
  struct books_counts counts[WORKERS_MOST] = {{0, 0}};
  struct books wanted = {.count = 0};
  a.pts = calloc(m->n_objects, sizeof *a.pts);
  a.held = calloc(m->n_objects, sizeof *a.held);
  if (!a.pts || !a.held) bed_fail(s->bed, "no memory");
  collect_cycles(&a, counts);
  for (unsigned w = 0; w < m->n_workers; w++)
    if (m->workers[w].present) see_worker(&a, w);
  check_distinct(&a);
  expect_books(&a, &wanted);
  books_compare(s, &a.books, &wanted);
  for (unsigned w = 0; w < m->n_workers; w++) {
    if (!m->workers[w].present) continue;
    check_alive(&a, w);
    books_check_counts(s, &wanted, w, &counts[w]);
  }
  for (uint32_t i = 0; i < m->n_alive; i++)
    if (a.held[m->alive[i]]) gaijin_let_go(s->g, a.held[m->alive[i]]);
  system_release(s);
  books_deinit(&a.books);
  books_deinit(&wanted);
  free(a.pts);
  free(a.held);
}

/* ---- Cycles ---- */

/* Empties the cells of leaked objects if there are many; in the system too if there is one. */
static bool break_cycles(struct system *s, struct model *m) {
  uint32_t *leaked = calloc(m->n_alive + 1, sizeof *leaked);
  if (!leaked) exit(1);
  uint32_t n = model_leaked(m, leaked);
  if (n <= LEAKED_MOST && !m->cycles_go) n = 0;
  for (uint32_t i = 0; i < n; i++) {
    struct object *o = model_object(m, leaked[i]);
    memset(o->cells, 0, sizeof o->cells);
    if (s) gaijin_body_free(system_call(s, o->home, "clear_cells", &(double){leaked[i]}, 1));
  }
  free(leaked);
  return n > 0;
}

bool audit_model(struct model *m) {
  model_settle(m);
  if (!break_cycles(NULL, m)) return false;
  model_settle(m);
  return true;
}

void audit(struct system *s, struct model *m) {
  if (m->cycles_go) {
    audit_model(m); /* the system does that by itself */
    compare_once(s, m);
    return;
  }
  model_settle(m);
  compare_once(s, m);
  if (!break_cycles(s, m)) return;
  model_settle(m);
  compare_once(s, m);
}

void audit_clear(struct system *s, struct model *m) {
  for (unsigned w = 0; w < m->n_workers; w++) {
    struct model_worker *mw = &m->workers[w];
    memset(mw->slots, 0, sizeof mw->slots);
    memset(mw->labels, 0, sizeof mw->labels);
    if (mw->present) gaijin_body_free(system_call(s, w, "clear", NULL, 0));
  }
  for (uint32_t i = 0; i < m->n_alive; i++) memset(model_object(m, m->alive[i])->cells, 0, sizeof(uint32_t[CELLS]));
}
