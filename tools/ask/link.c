/* SPDX-License-Identifier: MIT
 *
 * Two own a link, its user and its thread; who leaves last frees it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2 */
#endif
#include "tools/ask/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/thread.h"

/* Between two tries, at first and at most. */
enum { PAUSE_MS = 10, PAUSE_MOST_MS = 100 };

struct link {
  char *socket; /* NULL: the default */
  int pipe[2]; /* the thread writes a byte for each news */
  pthread_mutex_t lock;
  /* Under the lock: */
  gaijin *g;
  int status; /* of the last try, */
  char why[300]; /* and why it failed */
  bool is_left; /* by one of the two */
};

/* Gives up one's part. */
static void leave(struct link *l) {
  pthread_mutex_lock(&l->lock);
  bool is_last = l->is_left;
  l->is_left = true;
  pthread_mutex_unlock(&l->lock);
  if (!is_last) return;
  gaijin_close(l->g);
  close(l->pipe[0]);
  close(l->pipe[1]);
  pthread_mutex_destroy(&l->lock);
  free(l->socket);
  free(l);
}

/* Whether the user is still there. */
static bool tell(struct link *l, gaijin *g, int status, const char *why) {
  pthread_mutex_lock(&l->lock);
  l->g = g;
  l->status = status;
  snprintf(l->why, sizeof l->why, "%s", why);
  bool is_wanted = !l->is_left;
  pthread_mutex_unlock(&l->lock);
  ssize_t written = write(l->pipe[1], "", 1); /* full: it has news already */
  (void)written;
  return is_wanted;
}

static void *try(void *user) {
  struct link *l = user;
  char error[300] = "";
  gaijin *g = NULL;
  int pause_ms = PAUSE_MS;
  for (bool is_wanted = true; is_wanted && !g;) {
    struct gaijin_options options = {.socket = l->socket, .observer = true, .name = "gaijinctl"};
    int status = gaijin_connect(&g, &options, error, sizeof error);
    if (status != 0) g = NULL;
    is_wanted = tell(l, g, status, g ? "" : error);
    if (is_wanted && !g) poll(NULL, 0, pause_ms);
    pause_ms = pause_ms * 2 < PAUSE_MOST_MS ? pause_ms * 2 : PAUSE_MOST_MS;
  }
  leave(l);
  return NULL;
}

struct link *link_begin(const char *socket) {
  struct link *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  l->socket = socket ? strdup(socket) : NULL;
  if ((socket && !l->socket) || pipe2(l->pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
    free(l->socket);
    free(l);
    return NULL;
  }
  pthread_mutex_init(&l->lock, NULL);
  pthread_t thread;
  int e = thread_begin(&thread, try, l);
  if (e == 0) {
    pthread_detach(thread);
    return l;
  }
  l->is_left = true;
  leave(l);
  errno = e;
  return NULL;
}

int link_fd(const struct link *l) { return l->pipe[0]; }

gaijin *link_take(struct link *l, int *status, char *why, size_t n) {
  char bytes[64];
  *why = 0;
  while (read(l->pipe[0], bytes, sizeof bytes) > 0) continue;
  pthread_mutex_lock(&l->lock);
  gaijin *g = l->g;
  l->g = NULL;
  *status = l->status;
  if (!g) snprintf(why, n, "%s", l->why);
  pthread_mutex_unlock(&l->lock);
  return g;
}

void link_end(struct link *l) {
  if (l) leave(l);
}
