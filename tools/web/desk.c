/* SPDX-License-Identifier: MIT
 *
 * The first question in the list is the one that is answered, or the next. A question leaves the
 * list with its answer, so that who comes later asks anew.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_timedjoin_np */
#endif
#include "tools/web/desk.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUESTIONS_MOST = 16 };

struct question {
  char *text;
  struct desk_visit *visits; /* the last one first */
  struct question *next;
};

struct desk {
  desk_fn fn;
  void *user;
  pthread_t thread;
  pthread_mutex_t lock; /* of all below, and of the answers' users */
  pthread_cond_t work;
  struct question *first;
  unsigned count;
  bool ending;
};

static void fill(struct desk_answer *a, unsigned status, const char *text) {
  a->status = status;
  a->type = "text/plain; charset=utf-8";
  text_add(&a->body, text, strlen(text));
}

/* Hands the answer to all who have asked. The desk is one of its users meanwhile. */
static void deliver(struct desk *d, struct desk_visit *visits, struct desk_answer *a) {
  pthread_mutex_lock(&d->lock);
  a->users = 1;
  for (struct desk_visit *v = visits; v; v = v->next) a->users++;
  pthread_mutex_unlock(&d->lock);
  for (struct desk_visit *v = visits, *next; v; v = next) {
    next = v->next;
    v->answer = a;
    v->wake(v);
  }
  desk_put_back(d, a);
}

/* Answers the first question, without the lock; it stays in the list so long. */
static void answer_first(struct desk *d) {
  struct question *q = d->first;
  bool ending = d->ending;
  struct desk_answer *a = tool_alloc(1, sizeof *a);
  pthread_mutex_unlock(&d->lock);
  if (ending)
    fill(a, 503, "this server ends\n");
  else
    d->fn(d->user, q->text, a);
  pthread_mutex_lock(&d->lock);
  assert(d->first == q && d->count > 0);
  d->first = q->next;
  d->count--;
  pthread_mutex_unlock(&d->lock);
  deliver(d, q->visits, a);
  free(q->text);
  free(q);
  pthread_mutex_lock(&d->lock);
}

static void *work(void *user) {
  struct desk *d = user;
  pthread_mutex_lock(&d->lock);
  while (d->first || !d->ending) {
    if (d->first)
      answer_first(d);
    else
      pthread_cond_wait(&d->work, &d->lock);
  }
  pthread_mutex_unlock(&d->lock);
  return NULL;
}

struct desk *desk_new(desk_fn fn, void *user) {
  struct desk *d = tool_alloc(1, sizeof *d);
  *d = (struct desk){.fn = fn,
                     .user = user,
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .work = PTHREAD_COND_INITIALIZER};
  int error = pthread_create(&d->thread, NULL, work, d);
  if (error == 0) return d;
  tool_error("cannot start a thread: %s", strerror(error));
  free(d);
  return NULL;
}

/* The question of this text; a new one at the end if there is none, NULL if there are too many. */
static struct question *find_or_add(struct desk *d, const char *text) {
  struct question **at = &d->first;
  while (*at && strcmp((*at)->text, text) != 0) at = &(*at)->next;
  if (*at || d->ending || d->count == QUESTIONS_MOST) return *at;
  *at = tool_alloc(1, sizeof **at);
  (*at)->text = tool_copy(text, strlen(text));
  d->count++;
  pthread_cond_signal(&d->work);
  return *at;
}

bool desk_ask(struct desk *d, const char *question, struct desk_visit *v) {
  pthread_mutex_lock(&d->lock);
  struct question *q = find_or_add(d, question);
  if (q) {
    v->next = q->visits;
    q->visits = v;
  }
  pthread_mutex_unlock(&d->lock);
  return q;
}

void desk_put_back(struct desk *d, struct desk_answer *a) {
  pthread_mutex_lock(&d->lock);
  assert(a->users > 0);
  bool last = --a->users == 0;
  pthread_mutex_unlock(&d->lock);
  if (!last) return;
  text_deinit(&a->body);
  free(a);
}

bool desk_end(struct desk *d, double seconds) {
  struct timespec end;
  pthread_mutex_lock(&d->lock);
  d->ending = true;
  pthread_cond_signal(&d->work);
  pthread_mutex_unlock(&d->lock);
  clock_gettime(CLOCK_MONOTONIC, &end);
  end.tv_sec += (time_t)seconds;
  return pthread_clockjoin_np(d->thread, NULL, CLOCK_MONOTONIC, &end) == 0;
}

void desk_free(struct desk *d) {
  if (!d) return;
  assert(d->ending && !d->first);
  free(d);
}
