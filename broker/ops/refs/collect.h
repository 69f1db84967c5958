/* SPDX-License-Identifier: MIT
 *
 * Complete collections: op gc, with which an observer asks for one, and the
 * clients' answers to free. One free at a time per client; those who ask meanwhile
 * wait for the same answer.
 */
#ifndef GAIJIN_BROKER_COLLECT_H
#define GAIJIN_BROKER_COLLECT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"

struct client;

void collect_on_gc(struct client *from, const struct message *m);
/* The client has collected and sent its unsubs; the body has been walked. What it tells of its
 * budget is kept. */
void collect_answered(struct client *from, const struct message *m);
/* The client has ended: forgets one wait of its, or answers one who waits for it with `lost`;
 * false: there is none left. */
bool collect_end_one(struct client *c);
/* Forgets a wait; false when the client's request was no gc. */
bool collect_cancel(struct client *from, uint64_t request);

#endif
