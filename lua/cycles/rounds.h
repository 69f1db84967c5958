/* SPDX-License-Identifier: MIT
 *
 * The worker's part in finding cycles of garbage over several workers (docs/protocol.md, "cycle,
 * condemn, resume, withdraw"): it answers which suspects are used here apart from each other,
 * stands still while the last question of a round is decided, and lets go of what was condemned.
 *
 * What is always true: while worker.halted no Lua runs in this VM, by no way: no fiber, no quick
 * answer, no finaliser, hook or collection. So what was answered stays true until the decision; and
 * after a condemnation the weak tables are cleared before the first piece of Lua runs.
 */
#ifndef GAIJIN_LUA_ROUNDS_H
#define GAIJIN_LUA_ROUNDS_H

#include "lua/vm/worker.h"

/* The events of the connection. */
void rounds_asked(void *worker, const struct gaijin_cycle *q);
void rounds_condemned(void *worker, uint64_t round, const uint64_t *ids, uint32_t n);
void rounds_resumed(void *worker, uint64_t round);

/* Something urgent waits for the end of the halt: asks for it, once. It goes on waiting. */
void rounds_withdraw(struct worker *w);
/* The connection is away, and with it whoever would decide. */
void rounds_forget(struct worker *w);
/* Before the loop ends. */
void rounds_deinit(struct worker *w);
/* NULL, or a static text that says which invariant is broken. Between turns of the loop. */
const char *rounds_check(const struct worker *w);

#endif
