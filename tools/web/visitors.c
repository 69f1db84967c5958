/* SPDX-License-Identifier: MIT
 *
 * A descriptor is in the list only while it is open, so that no other one's is cut off.
 */
#include "tools/web/visitors.h"

#include <sys/socket.h>

#include "proto/clock.h"

void visitors_init(struct visitors *v) {
  v->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  for (size_t i = 0; i < VISITORS_MOST; i++) v->at[i].fd = -1;
}

bool visitors_add(struct visitors *v, int fd) {
  bool added = false;
  pthread_mutex_lock(&v->lock);
  for (size_t i = 0; i < VISITORS_MOST && !added; i++) {
    added = v->at[i].fd < 0;
    if (added) v->at[i].fd = fd;
    if (added) v->at[i].began = clock_seconds();
  }
  pthread_mutex_unlock(&v->lock);
  return added;
}

void visitors_remove(struct visitors *v, int fd) {
  pthread_mutex_lock(&v->lock);
  for (size_t i = 0; i < VISITORS_MOST; i++)
    if (v->at[i].fd == fd) v->at[i].fd = -1;
  pthread_mutex_unlock(&v->lock);
}

void visitors_cut_off(struct visitors *v, double seconds) {
  double now = clock_seconds();
  pthread_mutex_lock(&v->lock);
  for (size_t i = 0; i < VISITORS_MOST; i++)
    if (v->at[i].fd >= 0 && now - v->at[i].began > seconds) shutdown(v->at[i].fd, SHUT_RDWR);
  pthread_mutex_unlock(&v->lock);
}
