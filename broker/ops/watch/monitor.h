/* SPDX-License-Identifier: MIT
 *
 * op monitor: an observer sees the messages that are routed (core/seen.h).
 */
#ifndef GAIJIN_BROKER_MONITOR_H
#define GAIJIN_BROKER_MONITOR_H

#include "broker/net/client.h"
#include "proto/message.h"

void monitor_on_monitor(struct client *from, const struct message *m);

#endif
