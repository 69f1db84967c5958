/* SPDX-License-Identifier: MIT
 *
 * The one place where a connection ends, however it came about.
 */
#ifndef GAIJIN_BROKER_REAP_H
#define GAIJIN_BROKER_REAP_H

#include <stdbool.h>

struct client;

/* Processes the end of a condemned client (client_events.ended), or a slice of it: tells everybody
 * concerned, gives back what it held (or begins to), closes it. False: there is more to do. */
bool reap(struct client *c);

#endif
