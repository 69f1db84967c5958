/* SPDX-License-Identifier: MIT
 *
 * The one place where a connection ends, however it came about.
 */
#ifndef GAIJIN_BROKER_REAP_H
#define GAIJIN_BROKER_REAP_H

struct client;

/* Processes the end of a condemned client (client_events.ended): tells everybody concerned, gives
 * back what it held (or begins to), closes it. */
void reap(struct client *c);

#endif
