/* SPDX-License-Identifier: MIT
 *
 * The whole state of a broker in a sheet (base/sheet.h), written by the program that stops, and
 * read by the one that goes on in its place, in the same process: descriptors and the process's
 * number stay. Settings are not in it, because the new program reads the same command line; hash
 * seeds are not, because tables are built anew, with new ones, but for those of the next paragraph.
 *
 * Tokens and holds, of which there may be millions, are not in it either if the next program has
 * them laid out as this one: they stay where they are, with their tables (books/refs_kept.h). Else
 * they are records like all others.
 *
 * STATE_FORMAT is the number of the form: whoever adds, takes away or changes a field that goes
 * into a sheet raises it; a test (test_broker_state_form) fails when that is forgotten. A program
 * reads the form it writes, and none else; before anything is stopped the new one is asked for it
 * (stamp.h).
 */
#ifndef GAIJIN_BROKER_UPGRADE_STATE_H
#define GAIJIN_BROKER_UPGRADE_STATE_H

#include "broker/base/sheet.h"
#include "broker/core/state.h"

enum { STATE_FORMAT = 7 };

/* What the program that stops tells the next one. */
struct state_head {
  uint64_t stopped_ns;  /* when, on uv_hrtime's clock */
  uint64_t asker;       /* the id of the host that has asked for it; 0: nobody has */
  uint64_t request;     /* with this request */
  char version[32];     /* of the program that stops */
  bool keeps; /* tokens and holds stay in the pool, which has a file; false: they are records */
};

/* Whether workers of an earlier broker that was killed may still come back, or what they have not
 * claimed is being dropped: that has no place in a state, for it is over soon. */
static inline bool state_is_unsettled(const struct broker *b) {
  return b->grace.is_on || b->refs.kept != REFS_SETTLED || b->grace.absents.all.count > 0;
}

/* Writes it, at the end of a turn. Who is condemned is ended before. False, and a static text:
 * nothing else has changed. */
bool state_write(struct broker *b, int fd, const struct state_head *head, const char **fault);

/* For a test: tells the names of all fields in the order in which they are written, to `fd`. */
void state_tell_form(struct broker *b, int fd, bool keeps,
                     void (*told)(void *user, const char *field), void *user);

/* Reads it into a broker that has nothing yet but its settings, registries and log. False, and one
 * line in `error` (n bytes): all that is left for the broker is its end. */
bool state_read(struct broker *b, int fd, const struct access *access, const char *policy,
                struct state_head *head, char *error, size_t n);
/* The listener listens, and the loop is about to run: goes on with everything that was begun. */
void state_go_on(struct broker *b);

#endif
