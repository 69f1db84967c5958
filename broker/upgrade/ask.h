/* SPDX-License-Identifier: MIT
 *
 * Op upgrade: who may have the broker go on as another program. That program gets everything that
 * the broker has, all sockets included; so whose program it is, no policy decides, and nobody who
 * is sandboxed has the broker execute anything.
 */
#ifndef GAIJIN_BROKER_UPGRADE_ASK_H
#define GAIJIN_BROKER_UPGRADE_ASK_H

#include "proto/message.h"

struct client;

/* Its answer comes from the program that goes on, or says why none does. */
void ask_on_upgrade(struct client *from, const struct message *m);

#endif
