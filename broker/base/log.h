/* SPDX-License-Identifier: MIT
 *
 * One line per event, in the form of proto/logline.h. Writing never waits: what cannot be written
 * at once is kept in a small buffer and written later (log_flush), and when that is full, lines are
 * lost and counted; one line says so as soon as there is room again. A line is written whole or not
 * at all, and nothing in its text can end it or steer a terminal (proto/printable.h).
 *
 * The descriptor's mode belongs to others too (a terminal, a pipe several programs write to), so it
 * does not stay non-blocking: log.c says how it is written instead.
 */
#ifndef GAIJIN_BROKER_LOG_H
#define GAIJIN_BROKER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/sheet.h"
#include "broker/base/thin.h"
#include "proto/logline.h"

enum { LOG_BUFFER_BYTES = 64 << 10, LOG_LINE_MOST = 2048 }; /* a line with its newline */

/* How the descriptor is written. */
enum log_way {
  LOG_PLAINLY,  /* write: it does not wait for anybody */
  LOG_SOCKET,   /* send with MSG_DONTWAIT */
  LOG_BORROWED, /* shared: a flag with each write, or its mode changed for the time of the write */
};

struct log {
  enum log_level level; /* lines above it are not written */
  enum log_format format;
  int fd;
  bool own_fd;          /* opened by log_open */
  enum log_way way;
  char *waiting;        /* LOG_BUFFER_BYTES: what is to be written, from the first byte on */
  size_t size;          /* of that; a line's rest may be the first */
  uint64_t lost;        /* lines since one last said so */
  uint64_t lost_ever;
  struct thin thin;     /* what of the lines of log_peer is written */
};

/* Writes to `fd`, which stays the caller's. What it is decides how; a pipe or terminal is opened
 * again for this purpose where /proc allows. False when memory is short. */
bool log_open(struct log *log, enum log_level level, enum log_format format, int fd);
/* Tries a last time to write what waits. A zeroed log is fine. */
void log_close(struct log *log);

/* Writes a line if the level allows. */
void log_line(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for what a peer has caused, which `about` tells of: of what is repeated by one user only
 * some is written, and how many were left out is said (thin.h). The text says who it is, too, and
 * is followed by about.why. */
void log_peer(struct log *log, enum log_level level, enum log_cause cause, struct log_about about,
              const char *format, ...) __attribute__((format(printf, 5, 6)));
/* What is known of somebody who is not connected. */
static inline struct log_about log_user(uid_t uid) { return (struct log_about){.uid = uid}; }
/* The same for what somebody has asked for: at every level. */
void log_told(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, thinned like what peers cause, for what one signal asks for again and again. */
void log_asked(struct log *log, enum log_cause cause, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes what waits, as far as it goes, and tells what was left out and can be told now. */
void log_flush(struct log *log);
/* What waits, what was lost, and what of each kind was written lately, to a sheet or from it. */
void log_carry(struct log *log, struct sheet *s);

/* Whether log_flush has something left to do, a little later. */
bool log_waits(const struct log *log);

#endif
