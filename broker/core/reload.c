/* SPDX-License-Identifier: MIT
 *
 * Two use a reload: the thread until it has told its end, and the loop until the handle is closed.
 * The last of them frees it. What the thread has read is its own until `is_read`, then the loop's;
 * the handle may be touched by the thread, under the lock, as long as `is_abandoned` is false.
 */
#include "broker/core/reload.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/source.h"

struct reload {
  uv_async_t handle; /* the loop's: the thread wakes it */
  pthread_mutex_t lock;
  unsigned users;
  bool is_read, is_abandoned;
  const char *path;
  const struct people *people;
  reload_done_fn done;
  void *user;
  struct policy_read read;
};

/* ---- The file ---- */

static void tell_fault(struct policy_read *r, const char *path, const struct policy_errors *e) {
  char more[48] = "";
  const struct policy_error *first = &e->list[0];
  assert(e->kept > 0);
  if (e->count > 1) snprintf(more, sizeof more, " (and %u faults more)", e->count - 1);
  if (first->line)
    snprintf(r->error, sizeof r->error, "%s:%u: %s%s", path, first->line, first->text, more);
  else
    snprintf(r->error, sizeof r->error, "%s: %s%s", path, first->text, more);
}

void policy_read_now(struct policy_read *r, const char *path, const struct people *people) {
  struct policy_errors errors;
  *r = (struct policy_read){0};
  r->text = policy_source_read(path, NULL, &r->size, &errors);
  if (r->text) r->policy = policy_parse(r->text, r->size, people, &errors);
  if (r->policy) return;
  free(r->text);
  r->text = NULL;
  tell_fault(r, path, &errors);
}

void policy_read_deinit(struct policy_read *r) {
  policy_free(r->policy);
  free(r->text);
  r->policy = NULL;
  r->text = NULL;
}

/* ---- Beside the loop ---- */

static void leave(struct reload *r) {
  pthread_mutex_lock(&r->lock);
  assert(r->users > 0);
  bool last = --r->users == 0;
  pthread_mutex_unlock(&r->lock);
  if (!last) return;
  policy_read_deinit(&r->read);
  pthread_mutex_destroy(&r->lock);
  free(r);
}

static void *read_beside(void *reload) {
  struct reload *r = reload;
  policy_read_now(&r->read, r->path, r->people);
  pthread_mutex_lock(&r->lock);
  r->is_read = true;
  if (!r->is_abandoned) uv_async_send(&r->handle);
  pthread_mutex_unlock(&r->lock);
  leave(r);
  return NULL;
}

static void on_closed(uv_handle_t *handle) { leave(handle->data); }

static void on_read(uv_async_t *handle) {
  struct reload *r = handle->data;
  pthread_mutex_lock(&r->lock);
  bool is_read = r->is_read;
  pthread_mutex_unlock(&r->lock);
  if (!is_read) return;
  struct policy_read read = r->read;
  r->read = (struct policy_read){0};
  uv_close((uv_handle_t *)handle, on_closed);
  r->done(r->user, &read);
  policy_read_deinit(&read);
}

/* Signals are the loop's. */
static int start_thread(struct reload *r) {
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int e = pthread_create(&thread, NULL, read_beside, r);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (e == 0) pthread_detach(thread);
  return e;
}

struct reload *reload_begin(uv_loop_t *loop, const char *path, const struct people *people,
                            reload_done_fn done, void *user) {
  struct reload *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  *r = (struct reload){.path = path, .people = people, .done = done, .user = user, .users = 2};
  int e = uv_async_init(loop, &r->handle, on_read);
  if (e < 0) {
    free(r);
    errno = -e;
    return NULL;
  }
  r->handle.data = r;
  pthread_mutex_init(&r->lock, NULL);
  e = start_thread(r);
  if (e == 0) return r;
  r->users = 1;
  uv_close((uv_handle_t *)&r->handle, on_closed);
  errno = e;
  return NULL;
}

void reload_abandon(struct reload *r) {
  pthread_mutex_lock(&r->lock);
  r->is_abandoned = true;
  pthread_mutex_unlock(&r->lock);
  uv_close((uv_handle_t *)&r->handle, on_closed);
}
