/* SPDX-License-Identifier: MIT
 *
 * The form of a line in the logs of all programs: when, which program, how grave, about whom, what,
 * and why; as text for people,
 *
 *   2026-01-31T23:59:59.999Z gaijin-broker info: worker shop ended (process 12): it was killed
 *
 * or the same for the journal of systemd, which notes time, program and process itself and takes a
 * number at the begin for the level (sd-daemon(3)),
 *
 *   <6>info: worker shop ended (process 12): it was killed
 *
 * or as one object of JSON with the same in members, "time", "level", "program", "worker", "id",
 * "pid", "uid", "event" and "cause", of which those are left out that are not known. It is made of
 * head, escaped text, and tail, so that whoever writes it decides about memory. No text can end the
 * line, steer a terminal or break the JSON (printable.h).
 */
#ifndef GAIJIN_PROTO_LOGLINE_H
#define GAIJIN_PROTO_LOGLINE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* In the order of the words of SETTING_log_level and SETTING_log_format. */
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON, LOG_JOURNAL };

#define LOG_NO_UID ((uid_t)-1) /* it is not known whose line it is */

/* Whom a line is about; what is not known is 0 (of `uid`, LOG_NO_UID). */
struct log_about {
  const char *worker; /* its name; an observer's begins with '@' */
  uint64_t id;        /* its incarnation */
  pid_t pid;
  uid_t uid;
  const char *why; /* what the event came of */
};

/* Microseconds since 1970, by the wall clock, which jumps: for showing only. */
uint64_t log_wall_us(void);

/* "2026-01-31T23:59:59.999Z", the time now; its bytes. */
enum { LOG_TIME_BYTES = 32 };
size_t logline_time(char out[LOG_TIME_BYTES]);

enum { LOG_HEAD_MOST = 1024, LOG_TAIL_MOST = 640 }; /* bytes, with the 0 at the end */

/* What stands before the text; its bytes. As text no more is said of `about` than the text says. */
size_t logline_head(char out[LOG_HEAD_MOST], enum log_format format, enum log_level level,
                    const char *program, const struct log_about *about);
/* What each further line of a text begins with, so that it has the level of the first, whatever
 * number stands there in a text that came from elsewhere; its bytes. */
enum { LOG_MORE_BYTES = 16 };
size_t logline_more(char out[LOG_MORE_BYTES], enum log_format format, enum log_level level);
/* The text as it stands in the line, as printable_escape (`kept` is for text only). */
size_t logline_escape(char *out, size_t n, enum log_format format, const char *text, size_t size,
                      const char *kept);
/* What stands behind it, the end of the line included; its bytes. A long cause is cut
 * and ends in "...". */
size_t logline_tail(char out[LOG_TAIL_MOST], enum log_format format, const struct log_about *about);

#endif
