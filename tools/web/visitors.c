/* SPDX-License-Identifier: MIT
 *
 * A descriptor is in the list only while it is open, so that no other one's is cut off.
 */
#include "tools/web/visitors.h"

#include <sys/socket.h>

#include "proto/clock.h"

void visitors_init(struct visitors *v) {
  *v = (struct visitors){.lock = PTHREAD_MUTEX_INITIALIZER};
  for (size_t i = 0; i < VISITORS_MOST; i++) v->at[i].fd = -1;
}

bool visitors_add(struct visitors *v, int fd) {
  size_t i = 0;
  pthread_mutex_lock(&v->lock);
  while (i < VISITORS_MOST && v->at[i].fd >= 0) i++;
  if (i < VISITORS_MOST) {
    v->at[i].fd = fd;
    v->at[i].began = clock_seconds();
    v->at[i].asks = false;
  }
  pthread_mutex_unlock(&v->lock);
  return i < VISITORS_MOST;
}

void visitors_ask(struct visitors *v, int fd) {
  pthread_mutex_lock(&v->lock);
  for (size_t i = 0; i < VISITORS_MOST; i++)
    if (v->at[i].fd == fd) v->at[i].asks = true;
  pthread_mutex_unlock(&v->lock);
}

void visitors_remove(struct visitors *v, int fd) {
  pthread_mutex_lock(&v->lock);
  for (size_t i = 0; i < VISITORS_MOST; i++)
    if (v->at[i].fd == fd) v->at[i].fd = -1;
  pthread_mutex_unlock(&v->lock);
}

void visitors_cut_off(struct visitors *v, const struct visitors_time *most) {
  double now = clock_seconds();
  size_t taken = 0;
  pthread_mutex_lock(&v->lock);
  for (size_t i = 0; i < VISITORS_MOST; i++) taken += v->at[i].fd >= 0;
  double silent = taken == VISITORS_MOST ? most->full : most->silent;
  for (size_t i = 0; i < VISITORS_MOST; i++) {
    double own = v->at[i].asks ? most->all : silent;
    if (v->at[i].fd >= 0 && now - v->at[i].began > own) shutdown(v->at[i].fd, SHUT_RDWR);
  }
  pthread_mutex_unlock(&v->lock);
}
