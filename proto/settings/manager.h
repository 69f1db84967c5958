/* SPDX-License-Identifier: MIT
 *
 * The service manager (systemd, or what speaks as it does) that has started this program and wants
 * to be told how it is: datagrams to the socket that $NOTIFY_SOCKET names, as sd_notify(3)
 * describes them. That is one address and a few words, so it needs no library of systemd's, and
 * where there is no such manager nothing is sent. What the manager has set in the environment is
 * for this process alone and taken out of it, so that no child speaks in its place.
 */
#ifndef GAIJIN_PROTO_MANAGER_H
#define GAIJIN_PROTO_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MANAGER_VARIABLES = 3, MANAGER_VARIABLE_BYTES = 160, MANAGER_WAIT_MS = 1000 };

struct manager {
  int fd;               /* connected to it; -1: there is none */
  uint64_t watchdog_us; /* it wants to hear of us at least so often; 0: it does not watch */
  char words[MANAGER_VARIABLES][MANAGER_VARIABLE_BYTES];
  /* What it had set, "NAME=VALUE", for a program that goes on in this one's place in the same
   * process; ends with NULL. */
  char *variables[MANAGER_VARIABLES + 1];
};

/* Once, before there are children. False: there is one that cannot be told, and `error` (n bytes)
 * says why in one line; then, as without one, nothing is sent. The struct must not move. */
bool manager_open(struct manager *m, char *error, size_t n);
/* A zeroed one was never opened, and is fine. */
void manager_close(struct manager *m);

/* Sends lines of "NAME=VALUE"; never waits, and what the manager has no room for is lost. `m` may
 * be NULL, for none. */
void manager_tell(const struct manager *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same, with READY=1 before: that the program has begun to serve, or has read its files again.
 * The manager waits for that, so room is waited for, MANAGER_WAIT_MS at most. `m` as above; the
 * text is what the program does now. */
void manager_ready(const struct manager *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether this stream, stdout or stderr, is the manager's journal (systemd.exec(5),
 * $JOURNAL_STREAM): a line that begins with "<N>" has level N there (LOG_JOURNAL, logline.h). */
bool manager_is_journal(int fd);

#endif
