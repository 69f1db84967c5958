/* SPDX-License-Identifier: MIT
 *
 * Claims and releases, ops sub and unsub (most holdings begin with a delivery: transfer.h), and
 * what objects weigh at their host: op weigh.
 */
#ifndef GAIJIN_BROKER_HOLDINGS_H
#define GAIJIN_BROKER_HOLDINGS_H

#include "proto/message.h"

struct client;

void holdings_on_sub(struct client *from, const struct message *m);
void holdings_on_unsub(struct client *from, const struct message *m);
void holdings_on_weigh(struct client *from, const struct message *m);

#endif
