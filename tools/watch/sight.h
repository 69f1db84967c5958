/* SPDX-License-Identifier: MIT
 *
 * A message that a monitor has seen, and what is known of those it is about: names of workers, and
 * labels of objects. It comes from the broker (op seen) or from a record, a file of lines that this
 * program has written (record.h), and is printed as a line.
 */
#ifndef GAIJIN_TOOLS_SIGHT_H
#define GAIJIN_TOOLS_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include <gaijin/gaijin.h>
#include "proto/histogram.h"
#include "tools/base/text.h"
#include "tools/watch/known.h"

/* As the wire numbers them. */
enum sight_kind { SIGHT_REQUEST = 1, SIGHT_REPLY = 2, SIGHT_ERROR = 3, SIGHT_POST = 5 };

enum { SIGHT_BYTES_MOST = 255 };

struct sight {
  uint64_t time_us; /* since 1970 */
  uint64_t kind, op, request; /* request: its asker's number for it */
  uint64_t from, to; /* hosts; 0: the broker, or one that is gone */
  uint64_t size;
  uint64_t took_ns; /* of an answer; 0: not known */
  uint64_t target_kind, target; /* of the object that the request is for; 0: none */
  uint64_t count; /* values; so many bytes of them are here: */
  uint8_t bytes[SIGHT_BYTES_MOST];
  uint32_t n_bytes;
};

/* What is known, and what was counted. */
struct sights {
  struct known names;  /* by host */
  struct known labels; /* by host and object's id */
  struct known asked;  /* labels that are asked for, by asker and request */
  uint64_t counts[SIGHT_POST + 1], lost;
  uint64_t first_us, last_us;
  struct histogram took;
};

void sights_deinit(struct sights *s);

/* Reads one row of a body of `seen`, whose array header has been read, of so many values. 1: a
 * message; 0: an introduction, which is noted: out->from is its host, 0 if it was known; -1: it has
 * another form. */
int sight_read(struct sights *s, gaijin_body *b, uint32_t values, struct sight *out);
/* Notes what a message tells: labels, and the counts. Before it is printed. Whether a label that
 * its first object has was not known. */
bool sight_note(struct sights *s, const struct sight *m);

/* The worker that asks, and the one that is asked; 0 as in `from`. */
static inline bool sight_is_question(const struct sight *m) {
  return m->kind == SIGHT_REQUEST || m->kind == SIGHT_POST;
}
static inline uint64_t sight_asker(const struct sight *m) {
  return sight_is_question(m) ? m->from : m->to;
}
static inline uint64_t sight_host(const struct sight *m) {
  return sight_is_question(m) ? m->to : m->from;
}

/* Adds a line, its end included: for people, or a JSON object. Nothing in it can end the line or
 * steer a terminal. */
void sight_add_line(struct text *out, const struct sights *s, const struct sight *m);
void sight_add_json(struct text *out, const struct sights *s, const struct sight *m);
/* Adds what was counted in so many seconds, as one line for people. */
void sights_add_summary(struct text *out, const struct sights *s, double seconds);
/* From the first message to the last. */
double sights_seconds(const struct sights *s);

/* Adds values as people write them, as far as the bytes go (sight_values.c). */
void sight_add_values(struct text *out, const struct sights *s, const struct sight *m);
/* "12 us", "3.4 ms": a time, in nanoseconds. */
void sight_add_time(struct text *out, double ns);
/* The first of the values if it is a string, which may be cut, or an object of some host. */
bool sight_first_string(const struct sight *m, const char **text, uint32_t *size);
bool sight_first_object(const struct sight *m, uint64_t *host, uint64_t *id);

#endif
