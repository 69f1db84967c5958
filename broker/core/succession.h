/* SPDX-License-Identifier: MIT
 *
 * Who takes over a name from a living worker. A client that says so in hello (SUCCEED_KEY) and
 * whose name is another's waits as the name's successor, at most one for each: it has a host id,
 * asks, holds and is held like anybody, but who asks for the name gets the one before. With `ready`
 * the name is its own, in one step, so there is somebody behind the name at every moment; the one
 * before is told (op succeeded), and has retired from then on; those who hold objects of its are
 * asked to collect, so that it waits for what is in use only. When the one before gives the name
 * up by itself, or ends, the successor has it at once, ready or not. When the successor ends first,
 * nothing has changed.
 *
 * A client's name_record is the record of the name that it has or waits for; the record has a place
 * for either (books/names.h). A successor of a name that nobody has exists only in the grace
 * period, while the one before is absent.
 */
#ifndef GAIJIN_BROKER_SUCCESSION_H
#define GAIJIN_BROKER_SUCCESSION_H

#include "broker/core/state.h"
#include "proto/status.h"

/* It is found by a name; false: it has none, or waits for one. */
static inline bool succession_has_name(const struct client *c) {
  return c->name_record != SLAB_NONE &&
         names_at(&c->broker->names, c->name_record)->host == c->host;
}
static inline bool succession_waits(const struct client *c) {
  return c->name_record != SLAB_NONE &&
         names_at(&c->broker->names, c->name_record)->successor == c->host;
}

/* Whether a client may wait to succeed the living one that has its name. `version` and `sandboxed`
 * are as its hello has them. False: *status and `text` (n bytes) say why not. */
bool succession_allowed(const struct client *from, const struct host *before, uint32_t version,
                        bool sandboxed, enum status *status, char *text, size_t n);
/* Whether one that comes back was waiting to succeed another, and still has to: else, if it was,
 * the name is its own; or it has none any more, and its slot says so, because the name is of one
 * who came meanwhile and whom it may not succeed. The last two as above. */
bool succession_goes_on(struct client *from, uint32_t absent, uint32_t version, bool sandboxed);

/* The successor of the name has it now. */
void succession_pass(struct broker *b, uint32_t name);
/* The client ends, or retires: a name that it has passes to its successor. */
void succession_give_up(struct client *c);
/* Whoever was to come back to this name is dead: if a successor has come back, the name is its. */
void succession_settle(struct broker *b, const char *name, uint32_t size);
/* A worker that comes back without a name may not know that another has it. */
void succession_tell(struct client *c);
/* The grace period is over: what such workers are held by has been claimed, and only now may those
 * who hold it be asked. */
void succession_all_back(struct broker *b);
/* After an upgrade: those who hold objects of who was succeeded are asked once more. */
void succession_go_on(struct broker *b);
/* The client ends: nobody is asked for it any more. */
void succession_forget(struct client *c);

#endif
