/* SPDX-License-Identifier: MIT
 *
 * Connections that are open, and since when: who takes too long is cut off, however busily it
 * sends.
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
  } at[VISITORS_MOST];
};

void visitors_init(struct visitors *v);
/* A connection begins; false: there is no place. */
bool visitors_add(struct visitors *v, int fd);
/* It ends; called before its descriptor is closed. */
void visitors_remove(struct visitors *v, int fd);
/* Ends both directions of all that are older. */
void visitors_cut_off(struct visitors *v, double seconds);

#endif
