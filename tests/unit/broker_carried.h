/* SPDX-License-Identifier: MIT
 *
 * A broker (broker_wire.h) whose place another takes, in one process: the state goes through a file in memory as it does over
 * exec, and the sockets are the same descriptors. The one before stands still from then on, so that a test may compare the two.
 */
#ifndef GAIJIN_TESTS_BROKER_CARRIED_H
#define GAIJIN_TESTS_BROKER_CARRIED_H

#include <sys/mman.h>

#include "broker/upgrade/state.h"
#include "tests/unit/broker_wire.h"

/* Whether tokens and holds stay in the pool, which both map then, or go as records. */
static bool carried_keeps;

/* The state of a broker, in a file in memory. */
static inline int carried_write(struct broker *b) {
  const struct state_head head = {.stopped_ns = 1, .asker = 0, .version = "1.2.3", .keeps = carried_keeps};
  const char *fault;
  int fd = memfd_create("state", MFD_CLOEXEC);
  ck_assert_int_ge(fd, 0);
  ck_assert_msg(state_write(b, fd, &head, &fault), "%s", fault);
  return fd;
}

/* Starts a broker from a state; `error` has 512 bytes. The outcome of broker_start. */
static inline int carried_start(struct wire *to, const struct wire *from, const struct broker_config *config, int fd,
                                char *error) {
  struct broker_config c = config ? *config : wire_config();
  memcpy(to->dir, from->dir, sizeof to->dir);
  memcpy(to->path, from->path, sizeof to->path);
  c.socket = to->path;
  c.state = fd;
  ck_assert_int_eq(uv_loop_init(&to->loop), 0);
  return broker_start(&to->broker, &to->loop, &c, error, 512);
}

/* `to` takes the place of `from`. End both: `from` with carried_forget, then `to` with wire_close. */
static inline void carried_over(struct wire *to, struct wire *from, const struct broker_config *config) {
  char error[512];
  int fd = carried_write(&from->broker);
  ck_assert_msg(carried_start(to, from, config, fd, error) == 0, "%s", error);
  const char *fault = broker_check(&to->broker);
  ck_assert_msg(!fault, "%s", fault);
}

/* The one before is freed, without a touch of what is the other's now. */
static inline void carried_forget(struct wire *from) {
  struct broker *b = &from->broker;
  for (struct client *c = b->connections.all; c; c = c->next) c->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  b->listener.fd = b->listener.lock_fd = b->roster.fd = -1;
  if (carried_keeps) b->pool.fd = -1;
  b->listens = false;
  broker_stop(b);
  uv_run(&from->loop, UV_RUN_DEFAULT);
  broker_deinit(b);
  ck_assert_int_eq(uv_loop_close(&from->loop), 0);
}

#endif
