/* SPDX-License-Identifier: MIT
 *
 * What gaijinctl monitor wants to see, and what there is to be known before: which objects workers
 * expose under which labels.
 */
#ifndef GAIJIN_TOOLS_MONITORED_H
#define GAIJIN_TOOLS_MONITORED_H

#include "tools/ask/observe.h"
#include "tools/watch/sight.h"

/* Whether --ops names ops that a worker is asked for; false after an error line. */
bool monitored_ops_are_sound(const struct invocation *in);

/* Asks all workers for their labels, for MONITORED_SECONDS together, and notes hosts' names and
 * objects' labels. A worker that does not answer has none. False after an error line. */
#define MONITORED_SECONDS 1.0
bool monitored_learn(struct observer *o, struct sights *s);

/* Sends the request (op monitor) that the command line asks for; `fn` is told its answer, when it
 * is over. False after an error line. */
bool monitored_begin(struct observer *o, const struct sights *s, gaijin_answer_fn fn, void *user,
                     uint64_t *id);

/* Whether a message of a record is one that the command line asks for. */
bool monitored_fits(const struct invocation *in, const struct sights *s, const struct sight *m);

#endif
