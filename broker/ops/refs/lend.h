/* SPDX-License-Identifier: MIT
 *
 * Op lend: an observer becomes a holder of an object that others hold, which it names by its host
 * and id as `inspect` tells them. It has no stamp, so who it is takes the stamp's place.
 */
#ifndef GAIJIN_BROKER_LEND_H
#define GAIJIN_BROKER_LEND_H

#include "broker/net/client.h"
#include "proto/message.h"

/* Handles the request, whose body was walked: answers it, or ends its sender for its form. */
void lend_on_lend(struct client *from, const struct message *m);

#endif
