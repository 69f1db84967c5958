/* SPDX-License-Identifier: MIT
 *
 * A socket that listens already when the program begins: the service manager has made it, clients
 * may wait at it, and it stays when the broker ends ($LISTEN_FDS, sd_listen_fds(3)). Its file, the
 * file's mode and group are the manager's.
 */
#ifndef GAIJIN_BROKER_ACTIVATION_H
#define GAIJIN_BROKER_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

enum { ACTIVATION_PATH_BYTES = 108 };

/* What was handed over. */
struct activation {
  int fd; /* not blocking, closed on exec; 0: nothing was */
  char path[ACTIVATION_PATH_BYTES]; /* of the socket's file */
};

/* Once, before a descriptor is opened for long; the variables are taken out of the environment.
 * False: it is not one stream socket that listens at a path; `error` (n bytes) says in one line
 * what it is. */
bool activation_take(struct activation *a, char *error, size_t n);

/* The path at which a Unix socket is bound; false, and "": it has none. */
bool activation_path(int fd, char path[ACTIVATION_PATH_BYTES]);

#endif
