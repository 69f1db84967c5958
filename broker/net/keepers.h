/* SPDX-License-Identifier: MIT
 *
 * Who keeps what those have left who have ended: the client that has most of it waiting, or holds
 * it. Past a limit that client is to end (limits.h).
 *
 * All clients are looked at, and of each who pays for what waits for it, which may be as many as
 * there are messages. So a search is done in slices; between two of them clients come and go, read,
 * and are sent more. What it finds was right when it was looked at; at the end it is looked at once
 * more.
 *
 * Always true: a search that is on knows no client that has been closed.
 */
#ifndef GAIJIN_BROKER_KEEPERS_H
#define GAIJIN_BROKER_KEEPERS_H

#include "broker/net/client.h"

/* Of what ended ones have left a client may have so many bytes waiting, or hold them. */
enum { KEEPERS_LEAST = 1 << 20 };

enum keepers_outcome { KEEPERS_FOUND, KEEPERS_NONE, KEEPERS_LATER };

/* A slice of the search for the client with whom most is left of what the ended ones of `whole`, a
 * process or a user, have sent; for a user that has handed out much, also of what it holds of any
 * ended ones for long. It begins a search, or goes on with the one that is on if that is for the
 * same. NONE: with nobody much is left (KEEPERS_LEAST), or little for long. FOUND: *keeper,
 * and in *bytes how much. LATER: it is to be called again. The work is charged. */
enum keepers_outcome keepers_find(struct connections *n, const struct account *whole,
                                  struct client **keeper, size_t *bytes);
/* The account for whose sake a search is on; NULL: none is, or the account has gone. */
struct account *keepers_searched_for(const struct connections *n);
/* Ends a search that is on. */
void keepers_stop(struct connections *n);
/* A client is about to be closed. */
void keepers_note_closed(struct client *c);

#endif
