/* SPDX-License-Identifier: MIT
 *
 * op inspect of "stats", "pairs" and "sums": what went through the broker (books/traffic.h), by op
 * and by pair of workers, in pages; and what it has now, in one row.
 */
#ifndef GAIJIN_BROKER_SHOW_TRAFFIC_H
#define GAIJIN_BROKER_SHOW_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/net/client.h"
#include "proto/message.h"

/* Whether `what` (`size` bytes) is one of these; then it answers the request: the rows from the
 * cursor on, so many as fit into bytes_most. */
bool show_traffic(struct client *from, const struct message *m, const char *what, uint32_t size,
                  uint64_t cursor, uint64_t bytes_most);

#endif
