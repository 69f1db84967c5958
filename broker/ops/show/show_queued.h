/* SPDX-License-Identifier: MIT
 *
 * Op inspect of "queued": the objects in messages that the broker has not written yet. Their
 * receivers are holders already; what waits here they do not know of.
 */
#ifndef GAIJIN_BROKER_SHOW_QUEUED_H
#define GAIJIN_BROKER_SHOW_QUEUED_H

#include "broker/net/client.h"
#include "proto/message.h"

/* What is asked for: names, not terminated; NULL: any. */
struct show_queued {
  const char *host, *holder; /* whose object; who gets it */
  uint32_t host_size, holder_size;
  uint64_t cursor;
  uint64_t bytes_most; /* of the page */
};

/* Answers with a page. */
void show_queued(struct client *from, const struct message *m, const struct show_queued *ask);

#endif
