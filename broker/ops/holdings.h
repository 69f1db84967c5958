/* SPDX-License-Identifier: MIT
 *
 * Claims and releases: ops sub and unsub. (Most holdings begin with a delivery: transfer.h.)
 */
#ifndef GAIJIN_BROKER_HOLDINGS_H
#define GAIJIN_BROKER_HOLDINGS_H

#include "proto/message.h"

struct client;

void holdings_on_sub(struct client *from, const struct message *m);
void holdings_on_unsub(struct client *from, const struct message *m);

#endif
