/* SPDX-License-Identifier: MIT
 *
 * Op inspect: the broker's books as rows. A page is bounded in rows, bytes and
 * records looked at, so that reading the books never holds anybody up; the cursor
 * is the index to go on from. Records that come or go meanwhile may be missed or
 * not; those that stay are seen once.
 */
#ifndef GAIJIN_BROKER_INSPECT_H
#define GAIJIN_BROKER_INSPECT_H

#include "proto/message.h"

struct client;

void inspect_on_inspect(struct client *from, const struct message *m);

#endif
