/* SPDX-License-Identifier: MIT
 *
 * Three use one: the thread until it has told its end, and the loop until each of the two handles
 * is closed. The last of them frees it with its task. The task is the thread's own until `has_run`,
 * then the loop's; the handle may be touched by the thread, under the lock, as long as
 * `is_abandoned` is false.
 */
#include "broker/base/beside.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct beside {
  uv_async_t handle; /* the loop's: the thread wakes it */
  uv_timer_t slow;   /* the loop's alone */
  pthread_mutex_t lock;
  unsigned users;
  bool has_run, is_abandoned;
  struct beside_way way;
  void *task, *user;
};

static void leave(struct beside *d) {
  pthread_mutex_lock(&d->lock);
  assert(d->users > 0);
  bool last = --d->users == 0;
  pthread_mutex_unlock(&d->lock);
  if (!last) return;
  if (d->task) d->way.free(d->task);
  pthread_mutex_destroy(&d->lock);
  free(d);
}

static void *run(void *beside) {
  struct beside *d = beside;
  d->way.run(d->task);
  pthread_mutex_lock(&d->lock);
  d->has_run = true;
  if (!d->is_abandoned) uv_async_send(&d->handle);
  pthread_mutex_unlock(&d->lock);
  leave(d);
  return NULL;
}

static void on_closed(uv_handle_t *handle) { leave(handle->data); }

static void close_handles(struct beside *d) {
  uv_close((uv_handle_t *)&d->handle, on_closed);
  uv_close((uv_handle_t *)&d->slow, on_closed);
}

static bool has_run(struct beside *d) {
  pthread_mutex_lock(&d->lock);
  bool has = d->has_run;
  pthread_mutex_unlock(&d->lock);
  return has;
}

static void on_run(uv_async_t *handle) {
  struct beside *d = handle->data;
  if (!has_run(d)) return;
  close_handles(d);
  d->way.done(d->user, d->task);
}

/* Of a process that was stopped meanwhile, timers come before what the thread has told. */
static void on_slow(uv_timer_t *timer) {
  struct beside *d = timer->data;
  if (!has_run(d)) d->way.slow(d->user);
}

/* Signals are the loop's. */
static int start_thread(struct beside *d) {
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int e = pthread_create(&thread, NULL, run, d);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (e == 0) pthread_detach(thread);
  return e;
}

struct beside *beside_begin(uv_loop_t *loop, const struct beside_way *way, void *task,
                            void *user) {
  struct beside *d = calloc(1, sizeof *d);
  if (!d) return NULL;
  *d = (struct beside){.way = *way, .task = task, .user = user, .users = 3};
  int e = uv_async_init(loop, &d->handle, on_run);
  if (e < 0) {
    free(d);
    errno = -e;
    return NULL;
  }
  uv_timer_init(loop, &d->slow);
  d->handle.data = d->slow.data = d;
  pthread_mutex_init(&d->lock, NULL);
  e = start_thread(d);
  if (e == 0) {
    uv_timer_start(&d->slow, on_slow, BESIDE_SLOW_MS, 0);
    return d;
  }
  d->users = 2;
  d->task = NULL;
  close_handles(d);
  errno = e;
  return NULL;
}

void beside_abandon(struct beside *d) {
  pthread_mutex_lock(&d->lock);
  d->is_abandoned = true;
  pthread_mutex_unlock(&d->lock);
  close_handles(d);
}
