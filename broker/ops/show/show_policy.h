/* SPDX-License-Identifier: MIT
 *
 * The op inspect, asked for "policy": the policy in force, and what it is.
 */
#ifndef GAIJIN_BROKER_OPS_SHOW_POLICY_H
#define GAIJIN_BROKER_OPS_SHOW_POLICY_H

#include "broker/net/client.h"
#include "proto/message.h"

/* Answers with the page of this cursor; 0: the first. */
void show_policy_page(struct client *from, const struct message *m, uint64_t cursor);

#endif
