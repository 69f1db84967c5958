/* SPDX-License-Identifier: MIT
 *
 * What `inspect` tells of rounds that looked for garbage in cycles (cycles/cycles.h).
 */
#ifndef GAIJIN_BROKER_SHOW_CYCLES_H
#define GAIJIN_BROKER_SHOW_CYCLES_H

#include "broker/core/state.h"
#include "proto/message.h"

struct pack;

/* The last rounds, the last one first. */
void show_cycles(struct client *from, const struct message *m);
/* Two values of a token's row: for how long nobody has mentioned it, and what a round says. */
void show_cycles_token(const struct broker *b, uint32_t token, struct pack *p);

#endif
