/* SPDX-License-Identifier: MIT
 *
 * The whole state of a broker in a sheet (base/sheet.h), written by the program that stops, and
 * read by the one that goes on in its place, in the same process: descriptors and the process's
 * number stay. Settings are not in it, because the new program reads the same command line; hash
 * seeds are not, because tables are built anew, with new ones.
 *
 * STATE_FORMAT is the number of the form: whoever adds, takes away or changes a field that goes
 * into a sheet raises it. A program reads the form it writes, and none else; before anything is
 * stopped the new one is asked for it (stamp.h).
 */
#ifndef GAIJIN_BROKER_UPGRADE_STATE_H
#define GAIJIN_BROKER_UPGRADE_STATE_H

#include "broker/base/sheet.h"
#include "broker/core/state.h"

enum { STATE_FORMAT = 1 };

/* What the program that stops tells the next one. */
struct state_head {
  uint64_t stopped_ns;  /* when, on uv_hrtime's clock */
  uint64_t asker;       /* the id of the host that has asked for it; 0: nobody has */
  uint64_t request;     /* with this request */
  char version[32];     /* of the program that stops */
};

/* Whether workers of an earlier broker that was killed may still come back, or what they have not
 * claimed is being dropped: that has no place in a state, for it is over soon. */
static inline bool state_is_unsettled(const struct broker *b) {
  return b->grace.is_on || b->refs.kept != REFS_SETTLED || b->grace.absents.all.count > 0;
}

/* Writes it, at the end of a turn. Who is condemned is ended before. False, and a static text:
 * nothing else has changed. */
bool state_write(struct broker *b, int fd, const struct state_head *head, const char **fault);

/* Reads it into a broker that has nothing yet but its settings, registries and log. False, and one
 * line in `error` (n bytes): all that is left for the broker is its end. */
bool state_read(struct broker *b, int fd, const char *socket, const struct access *access,
                const char *policy, struct state_head *head, char *error, size_t n);
/* The listener listens, and the loop is about to run: goes on with everything that was begun. */
void state_go_on(struct broker *b);

#endif
