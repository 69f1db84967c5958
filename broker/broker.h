/* SPDX-License-Identifier: MIT
 *
 * Starts and stops a broker (core/state.h) on a libuv loop of the caller's.
 *
 * One turn of the loop: connections read what there is and handle it as far as their budgets go,
 * and timers fire; that only fills outboxes and marks connections that have ended. Before the loop
 * waits again (broker_end_turn) every outbox is written once and the connections that have ended
 * are closed, or begin to be; then the queue of work gets its part of the turn, and what that has
 * queued is written.
 */
#ifndef GAIJIN_BROKER_BROKER_H
#define GAIJIN_BROKER_BROKER_H

#include <uv.h>

#include "broker/core/state.h"

struct broker_config {
  const char *socket;   /* path; copied. Who goes on for another program stays at that one's */
  bool socket_is_given; /* by a setting; else it is the default */
  /* Where these come from, for errors: "--mode", "FILE:3 (mode)", "$GAIJIN_SOCKET"; NULL: nobody
   * has said it. */
  const char *socket_from, *mode_from, *group_from;
  int listen_fd;        /* a socket that listens there already (net/activation.h); 0: none */
  uint32_t load_min;    /* objects; these as proto/settings/settings.def describes them */
  double load_gain;     /* times */
  uint64_t weight_min;  /* bytes */
  uint32_t max_message; /* bytes */
  struct account_limits most;
  struct client_limits limits;
  struct window window;
  enum log_level log_level;
  enum log_format log_format;
  enum transport transport; /* what workers that can have rings get */
  uint32_t rings;           /* pairs of them, at most */
  uint32_t rings_idle_ms;   /* after such a time of silence they are given back; 0: never */
  uint32_t poll_us; /* for how long to look for messages before sleeping; 0: not at all */
  uint64_t return_grace_ms; /* how long workers of an earlier broker may take to come back */
  uint64_t cycle_ms; /* between two rounds that look for garbage in cycles; 0: none by itself */
  uint32_t cycle_quiet_s; /* for so long nobody has mentioned what is suspected */
  struct access access; /* zeroed: the broker's own user only */
  struct program_call call; /* what an upgrade executes; zeroed: there can be none */
  const struct manager *manager; /* the service manager; must outlive the broker. NULL: none */
  int state; /* the descriptor of the state of the program before this one, which is closed when it
                was read; 0: there was none */
  const char *policy;   /* its file; must outlive the broker. NULL: all may do everything */
};

/* Starts listening, or goes on in the place of another program (upgrade/upgrade.h). 0; or -1 and
 * `error` (n bytes) has one clear line without newline. Call
 * broker_stop and run the loop to its end before broker_deinit either way. `b` must not move while
 * it runs. */
int broker_start(struct broker *b, uv_loop_t *loop, const struct broker_config *config, char *error,
                 size_t n);

/* An end in good order: stops listening, unlinks the socket and the roster, says `bye` to every
 * client whose socket has room for it, and closes every connection without telling the others. The
 * loop ends by itself then. */
void broker_stop(struct broker *b);

/* Frees everything; after the loop has run to its end. */
void broker_deinit(struct broker *b);

/* Ends the turn: writes outboxes, closes connections that have ended, releases a piece of what
 * dead holders held. The loop does it before it waits; who turns the loop without waiting may do
 * it, too. */
void broker_end_turn(struct broker *b);

#endif
