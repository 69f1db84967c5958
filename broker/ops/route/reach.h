/* SPDX-License-Identifier: MIT
 *
 * Who may ask a worker for what goes deeper than what it gives: `eval`, `paths` and
 * `describe`.
 */
#ifndef GAIJIN_BROKER_REACH_H
#define GAIJIN_BROKER_REACH_H

#include <stdbool.h>
#include <stddef.h>

#include "broker/books/hosts.h"
#include "broker/net/client.h"
#include "proto/message.h"
#include "proto/status.h"

/* Whether the request for this host, of one of these ops, may be forwarded; if not, *status and why
 * (n bytes) are the refusal. */
bool reach_may(struct client *from, const struct host *host, const struct message *m,
               enum status *status, char *why, size_t n);

#endif
