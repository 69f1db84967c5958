/* SPDX-License-Identifier: MIT
 *
 * A planned upgrade: this process executes another program, or its own file anew, which goes on
 * with the same sockets and the state of this one (state.h). No call fails and nobody is
 * disconnected; clients notice a pause. What may go wrong is looked for before:
 *
 *   upgrade_begin     asks the other program whether it can take over (stamp.h), beside the loop
 *   (some turns)      the mappings of the books are emptied, for exec would be long otherwise
 *   (a whole turn)    signals wait from now on; those that were caught before are handled
 *   upgrade_end_turn  the condemned are ended, the state is written to a file in memory, exec
 *   (the other program)  reads it; the signals are let in again
 *
 * Up to exec, and if that fails, this broker serves on, and the log says why. A program that has
 * said yes and cannot read the state after all ends with one line: that is as if the broker had
 * been killed.
 */
#ifndef GAIJIN_BROKER_UPGRADE_UPGRADE_H
#define GAIJIN_BROKER_UPGRADE_UPGRADE_H

#include "broker/core/state.h"
#include "broker/upgrade/state.h"

/* How the next program learns the descriptor of the state. */
#define UPGRADE_VARIABLE "GAIJIN_BROKER_STATE"
/* Why it cannot be: the text of a refusal has at most so many bytes. */
enum { UPGRADE_TEXT = 400, UPGRADE_CHECK_MS = 10000 };

/* Who wants one: a text for the log; the id of the host whose request is answered when it is over,
 * and that, 0: nobody's. */
struct upgrade_asker {
  const char *text;
  uint64_t host, request;
};

/* Begins one with the program at `path`, absolute; NULL: the one that runs. What is wrong at once
 * is in `error` (UPGRADE_TEXT bytes), and false; what shows later is in the log, and in the
 * answer. */
bool upgrade_begin(struct broker *b, const char *path, const struct upgrade_asker *asker,
                   char *error);

/* At the end of each turn: executes the other program if it is time. Returns only if it is not, or
 * if that has failed. */
void upgrade_go(struct broker *b);
static inline void upgrade_end_turn(struct broker *b) {
  if (b->upgrade) upgrade_go(b);
}
/* Gives one up that was begun; the loop must run once more. */
void upgrade_close(struct broker *b);

/* The descriptor of the state that this program was started with, closed on exec; -1: none, it was
 * started in the ordinary way. The variable is taken out of the environment. */
int upgrade_descriptor(void);
/* This program has taken over: says so to the log, and to who has asked for it. */
void upgrade_tell(struct broker *b, const struct state_head *head);
/* Has the signals that the program catches wait, or lets them in. */
void upgrade_hold_signals(bool held);

#endif
