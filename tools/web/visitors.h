/* SPDX-License-Identifier: MIT
 *
 * Connections that are open, and since when: who takes too long is cut off, however busily it
 * sends. Who has not yet said what it wants has less time, and least while all places are taken, so
 * that nobody can keep the others out.
 */
#ifndef GAIJIN_TOOLS_VISITORS_H
#define GAIJIN_TOOLS_VISITORS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { VISITORS_MOST = 64 };

struct visitors {
  pthread_mutex_t lock;
  struct {
    int fd;       /* not ours; -1: a free place */
    double began; /* seconds of clock_seconds */
    bool asks;    /* it has said what it wants */
  } at[VISITORS_MOST];
};

void visitors_init(struct visitors *v);
/* A connection begins; false: there is no place. */
bool visitors_add(struct visitors *v, int fd);
/* It has said what it wants. */
void visitors_ask(struct visitors *v, int fd);
/* It ends; called before its descriptor is closed. */
void visitors_remove(struct visitors *v, int fd);
/* The most that a visit may take, in seconds. */
struct visitors_time {
  double all;
  double silent; /* until it asks */
  double full;   /* until it asks, while all places are taken */
};
/* Ends both directions of all that take longer. To be called again and again. */
void visitors_cut_off(struct visitors *v, const struct visitors_time *most);

#endif
