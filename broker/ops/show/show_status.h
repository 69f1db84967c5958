/* SPDX-License-Identifier: MIT
 *
 * The op inspect, asked for "status": the broker itself, and who has not come back to it yet.
 */
#ifndef GAIJIN_BROKER_OPS_SHOW_STATUS_H
#define GAIJIN_BROKER_OPS_SHOW_STATUS_H

#include "broker/net/client.h"
#include "proto/message.h"

/* Answers with the only row. */
void show_status(struct client *from, const struct message *m);

#endif
