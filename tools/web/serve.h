/* SPDX-License-Identifier: MIT
 *
 * Serves HTTP to this machine until a signal ends it: fixed files, and answers of desks (desk.h).
 * What others may cost is bounded: connections, bytes of a request, seconds of a connection, which
 * has one request. Only GET and HEAD are known, and only our own name as host.
 *
 * One thread has all connections and never waits; who waits for a desk is set aside.
 */
#ifndef GAIJIN_TOOLS_SERVE_H
#define GAIJIN_TOOLS_SERVE_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/web/desk.h"
#include "tools/web/listen.h"

enum {
  SERVE_CONNECTIONS = 64,
  SERVE_REQUEST_BYTES = 16 << 10, /* of its head; it has no body */
  SERVE_IDLE_SECONDS = 5,         /* without a byte */
  SERVE_HEAD_SECONDS = 5,         /* until its head is whole */
  SERVE_FULL_SECONDS = 1,         /* the same, while there are as many as there may be */
  SERVE_SECONDS = 30,             /* in all, with the wait for a desk */
};

struct serve_file {
  const char *path; /* "page.js" */
  const char *type;
  const char *bytes;
  size_t size;
};

struct serve_request;
/* The value of a field of the query ("?host=shop"); NULL: it is not there. Valid during the
 * call-back. */
const char *serve_field(const struct serve_request *r, const char *name);

/* What is at a path: a file, or a question for a desk. */
struct serve_target {
  const struct serve_file *file; /* static */
  struct desk *desk;
  struct text question; /* for the desk; taken over */
};

struct serve {
  const char *policy; /* the field Content-Security-Policy */
  /* What is at a path, from its first '/' on; false: nothing. Called in the thread of connections,
   * so it must not wait. */
  bool (*find)(void *user, const char *path, const struct serve_request *r,
               struct serve_target *target);
  void *user;
  struct desk *desks[2]; /* that are ended with it; NULL: none */
};

/* Signals that end it are from here on for serve_run only. Before any thread is started. */
void serve_begin(void);
/* Serves until SIGINT, SIGTERM or SIGHUP; takes the socket and the desks over. The exit status,
 * with an error line if that is not EXIT_GOOD. A desk that waits for a broker is not waited for:
 * then this ends the program. */
int serve_run(const struct serve *s, const struct listening *l);

#endif
