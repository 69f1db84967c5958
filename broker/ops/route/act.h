/* SPDX-License-Identifier: MIT
 *
 * The op act: an operator does something to a worker or to the broker. Each is a line in the log.
 */
#ifndef GAIJIN_BROKER_OPS_ACT_H
#define GAIJIN_BROKER_OPS_ACT_H

#include "broker/net/client.h"
#include "proto/message.h"

/* ["log-level", LEVEL]: from now on; answered with the one before. ["stop", NAME], ["kill", NAME]:
 * answered with the worker's id and process, as the kernel told it of its connection; the asker
 * sends the signal, so that the kernel decides whether it may. */
void act_on_act(struct client *from, const struct message *m);

#endif
