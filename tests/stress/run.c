/* SPDX-License-Identifier: MIT
 *
 * A run is a sequence of batches. Both kinds of run differ only in where a
 * batch's steps come from. What a batch holds depends on the seed and the model
 * alone, never on time, so a seed always gives the same steps, until the broker is
 * killed: then the model takes on what came of that.
 */
#include "tests/stress/run.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bed/inside.h"
#include "tests/stress/audit.h"
#include "tests/stress/outage.h"
#include "tests/unit/random.h"

/* How often a step is chosen anew when it is impossible. */
enum { TRIES = 12 };

struct run {
  const struct settings *settings;
  struct system system;
  struct model model;
  struct batch batch;
  struct outcome *outcome;
  jmp_buf failure;
  uint32_t n_batches;
  uint64_t random;
  struct steps *made;        /* of run_seed */
  const struct steps *again; /* of run_again */
  size_t position;           /* in again */
};

/* ---- Steps made up from the seed ---- */

static void record(struct run *r, const struct step *s) {
  struct steps *m = r->made;
  if (m->count == m->capacity) {
    m->capacity = m->capacity ? 2 * m->capacity : 4096;
    m->list = realloc(m->list, m->capacity * sizeof *m->list);
    if (!m->list) exit(1);
  }
  m->list[m->count++] = *s;
}

static bool try_step(struct run *r, unsigned op, unsigned worker) {
  struct step s = {.batch = r->n_batches, .op = (uint8_t)op, .worker = (uint8_t)worker};
  s.lane = (uint8_t)random_below(&r->random, LANES);
  for (unsigned i = 0; i < sizeof s.x; i++) s.x[i] = (uint8_t)random_next(&r->random);
  if (!step_apply(&r->model, &s, &r->batch)) return false;
  record(r, &s);
  return true;
}

/* Fills the batch; whether there is anything left to do. */
static bool make_batch(struct run *r) {
  if (r->outcome->done >= r->settings->steps) return false;
  uint32_t left = r->settings->steps - r->outcome->done, size = 1 + random_below(&r->random, r->settings->batch_steps);
  for (unsigned w = 0; w < r->settings->workers; w++)
    if (!r->model.workers[w].present && random_below(&r->random, 3) == 0) try_step(r, STEP_restart, w);
  unsigned kill_every = r->settings->kill_every;
  if (kill_every && random_below(&r->random, kill_every) == 0) try_step(r, STEP_kill, random_below(&r->random, r->settings->workers));
  unsigned outage_every = r->settings->outage_every;
  if (outage_every && random_below(&r->random, outage_every) == 0) try_step(r, STEP_outage, 0);
  for (uint32_t i = 0; i < size && i < left; i++) {
    bool done = false;
    for (unsigned k = 0; k < TRIES && !done; k++)
      done = try_step(r, step_choose((uint32_t)random_next(&r->random)), random_below(&r->random, r->settings->workers));
    r->outcome->done += done;
  }
  if (random_below(&r->random, r->settings->audit_every) == 0) try_step(r, STEP_audit, 0);
  return true;
}

/* ---- Steps of a list ---- */

static bool repeat_batch(struct run *r) {
  const struct steps *a = r->again;
  if (r->position >= a->count) return false;
  uint32_t batch = a->list[r->position].batch;
  for (; r->position < a->count && a->list[r->position].batch == batch; r->position++) {
    step_apply(&r->model, &a->list[r->position], &r->batch);
    r->outcome->done++;
  }
  return true;
}

/* ---- Both ---- */

static bool next_batch(struct run *r) {
  batch_begin(&r->batch, &r->model, r->n_batches);
  if (!(r->again ? repeat_batch(r) : make_batch(r))) return false;
  if (r->batch.victim >= 0) r->outcome->kills++;
  r->outcome->broker_kills += r->batch.outage.kills;
  batch_end(&r->batch, &r->model);
  r->n_batches++;
  return true;
}

static void on_failure(void *user, const char *text) {
  struct run *r = user;
  snprintf(r->outcome->text, sizeof r->outcome->text, "%s", text);
  r->outcome->failed = strcmp(text, audit_left_out) != 0;
  r->outcome->is_cut_short = !r->outcome->failed;
  longjmp(r->failure, 1);
}

static void show_progress(const struct run *r, FILE *progress, double start) {
  if (!progress) return;
  fprintf(progress, "\r%u steps, %u objects, %.0f s", r->outcome->done, r->model.n_alive, bed_now() - start);
  fflush(progress);
}

static void do_audit(struct run *r) {
  audit(&r->system, &r->model);
  r->outcome->audits++;
}

static void run_all(struct run *r, FILE *progress) {
  double start = bed_now(), shown = start;
  system_open(&r->system, r->settings, on_failure, r);
  r->model.can_post = r->outcome->can_post = system_can_post(&r->system);
  while (next_batch(r)) {
    system_run(&r->system, &r->batch);
    if (r->batch.outage.kills) outage_settle(&r->system, &r->model, &r->batch);
    if (r->batch.audit) do_audit(r);
    if (bed_now() - shown > 1) {
      show_progress(r, progress, start);
      shown = bed_now();
    }
  }
  do_audit(r);
  audit_clear(&r->system, &r->model);
  do_audit(r);
  if (r->model.n_alive) bed_fail(r->system.bed, "the model still has %u objects", r->model.n_alive);
  system_finish(&r->system);
}

static void run(struct run *r, FILE *progress) {
  double start = bed_now();
  *r->outcome = (struct outcome){.failed = false};
  model_init(&r->model, r->settings->workers);
  r->model.cycles_go = r->settings->cycles;
  r->model.small_messages = r->settings->max_message < 100000;
  if (setjmp(r->failure) == 0) run_all(r, progress);
  system_close(&r->system);
  model_deinit(&r->model);
  batch_deinit(&r->batch);
  r->outcome->seconds = bed_now() - start;
  if (progress) fputc('\n', progress);
}

void run_seed(const struct settings *settings, struct steps *made, struct outcome *outcome, FILE *progress) {
  struct run *r = calloc(1, sizeof *r);
  if (!r) exit(1);
  r->settings = settings;
  r->made = made;
  r->outcome = outcome;
  r->random = settings->seed;
  run(r, progress);
  free(r);
}

void run_again(const struct settings *settings, const struct steps *steps, size_t from, struct outcome *outcome) {
  struct run *r = calloc(1, sizeof *r);
  if (!r) exit(1);
  r->settings = settings;
  r->again = steps;
  r->position = from;
  r->outcome = outcome;
  run(r, NULL);
  free(r);
}

/* ---- Printing ---- */

static void print_step(const struct run *r, const struct step *s, size_t before, FILE *out) {
  fprintf(out, "  batch %u w%u", s->batch, s->worker + 1u);
  if (s->op < STEP_SENT) {
    const struct commands *c = &r->batch.lanes[s->worker * LANES + s->lane];
    fprintf(out, " lane %u: %s", s->lane + 1u, step_name(s->op));
    for (size_t i = before + 2; i < c->count; i++) fprintf(out, " %.0f", c->values[i]);
    if (c->values[before + 1] > 0) fprintf(out, " (tolerance %.0f)", c->values[before + 1]);
  } else {
    fprintf(out, ": %s", step_name(s->op));
    if (s->op == STEP_kill) fprintf(out, " after %u lanes%s", r->batch.kill_after, r->batch.terminate ? ", with SIGTERM" : "");
  }
  fputc('\n', out);
}

static void print_batch(struct run *r, size_t shown, FILE *out) {
  const struct steps *a = r->again;
  uint32_t batch = a->list[r->position].batch;
  batch_begin(&r->batch, &r->model, r->n_batches++);
  for (; r->position < a->count && a->list[r->position].batch == batch; r->position++) {
    const struct step *s = &a->list[r->position];
    size_t before = s->op < STEP_SENT ? r->batch.lanes[s->worker * LANES + s->lane].count : 0;
    if (step_apply(&r->model, s, &r->batch) && r->position >= shown) print_step(r, s, before, out);
  }
  batch_end(&r->batch, &r->model);
  if (r->batch.audit) audit_model(&r->model);
}

void run_print(const struct settings *settings, const struct steps *steps, size_t from, size_t shown, bool can_post, FILE *out) {
  struct run *r = calloc(1, sizeof *r);
  if (!r) exit(1);
  r->settings = settings;
  r->again = steps;
  r->position = from;
  model_init(&r->model, settings->workers);
  r->model.cycles_go = settings->cycles;
  r->model.small_messages = settings->max_message < 100000;
  r->model.can_post = can_post;
  while (r->position < steps->count) print_batch(r, shown, out);
  model_deinit(&r->model);
  batch_deinit(&r->batch);
  free(r);
}
