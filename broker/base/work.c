/* SPDX-License-Identifier: MIT
 *
 * A list. A job that is run is taken out first, so that what it does to the queue cannot touch it.
 */
#include "broker/base/work.h"

#include <assert.h>
#include <stddef.h>

static void on_idle(uv_idle_t *idle) { (void)idle; }

void work_open(struct work *w, uv_loop_t *loop) {
  w->first = w->last = w->first_resting = NULL;
  w->is_running = false;
  w->turn = w->spent = 0;
  uv_idle_init(loop, &w->idle);
  uv_timer_init(loop, &w->rested);
  w->rested.data = w;
}

void work_close(struct work *w) {
  while (w->first) work_remove(w, w->first);
  while (w->first_resting) work_remove(w, w->first_resting);
  uv_close((uv_handle_t *)&w->idle, NULL);
  uv_close((uv_handle_t *)&w->rested, NULL);
}

void work_add(struct work *w, struct job *j, job_run_fn run) {
  assert(!j->run && run && !uv_is_closing((uv_handle_t *)&w->idle));
  *j = (struct job){.prev = w->last, .run = run, .turn = w->turn};
  if (w->last)
    w->last->next = j;
  else
    w->first = j;
  w->last = j;
  if (w->first == j) uv_idle_start(&w->idle, on_idle);
}

static void unlink_resting(struct work *w, struct job *j) {
  assert(j->rests && j->run && (j->prev ? j->prev->next : w->first_resting) == j);
  if (j->prev)
    j->prev->next = j->next;
  else
    w->first_resting = j->next;
  if (j->next) j->next->prev = j->prev;
  j->rests = false;
  j->run = NULL;
  if (!w->first_resting) uv_timer_stop(&w->rested);
}

static void on_rested(uv_timer_t *timer) {
  struct work *w = timer->data;
  for (struct job *j; (j = w->first_resting);) {
    job_run_fn run = j->run;
    unlink_resting(w, j);
    work_add(w, j, run);
  }
}

void work_rest(struct work *w, struct job *j, job_run_fn run) {
  assert(!j->run && run && !uv_is_closing((uv_handle_t *)&w->rested));
  *j = (struct job){.next = w->first_resting, .run = run, .rests = true};
  if (j->next)
    j->next->prev = j;
  else
    uv_timer_start(&w->rested, on_rested, WORK_REST_MS, 0);
  w->first_resting = j;
}

static void unlink_job(struct work *w, struct job *j) {
  assert(j->run && (j->prev ? j->prev->next : w->first) == j);
  if (j->prev)
    j->prev->next = j->next;
  else
    w->first = j->next;
  if (j->next)
    j->next->prev = j->prev;
  else
    w->last = j->prev;
  j->run = NULL;
}

void work_remove(struct work *w, struct job *j) {
  if (!j->run) return;
  if (j->rests) {
    unlink_resting(w, j);
    return;
  }
  unlink_job(w, j);
  if (!w->first) uv_idle_stop(&w->idle);
}

/* Half a turn is theirs, however much the sockets have spent of it; as much as the sockets had when
 * some of these had to join the queue. */
void work_run(struct work *w) {
  uint64_t until = w->spent + (work_is_overspent(w) ? 2 * WORK_TURN : WORK_TURN / 2);
  if (until < WORK_TURN) until = WORK_TURN;
  assert(!w->is_running);
  w->is_running = true;
  w->turn++;
  for (struct job *j; (j = w->first) && j->turn != w->turn;) {
    job_run_fn run = j->run;
    unlink_job(w, j);
    if (run(w, j)) work_add(w, j, run);
    if (w->spent >= until) break;
  }
  w->is_running = false;
  if (!w->first) uv_idle_stop(&w->idle);
}

void work_end_turn(struct work *w) { w->spent = 0; }

const char *work_check(const struct work *w) {
  const struct job *last = NULL;
  for (const struct job *j = w->first; j; last = j, j = j->next) {
    if (!j->run) return "work: a job in the queue that is not queued";
    if (j->prev != last) return "work: a broken link";
  }
  if (last != w->last) return "work: the last job is not the last";
  for (const struct job *j = w->first_resting, *before = NULL; j; before = j, j = j->next)
    if (!j->run || !j->rests || j->prev != before) return "work: a job rests that does not";
  if (uv_is_active((const uv_handle_t *)&w->rested) != (w->first_resting != NULL))
    return "work: the timer runs without a job that rests, or does not run with one";
  if (!w->is_running && uv_is_active((const uv_handle_t *)&w->idle) != (w->first != NULL))
    return "work: the loop sleeps over a job, or does not sleep without one";
  return NULL;
}
