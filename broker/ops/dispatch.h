/* SPDX-License-Identifier: MIT
 *
 * What to do with a message: checks once what every handler relies on (form, state,
 * who may send it), then hands it over.
 */
#ifndef GAIJIN_BROKER_DISPATCH_H
#define GAIJIN_BROKER_DISPATCH_H

#include <stdint.h>

struct client;

/* One whole message, length prefix included (client_events.message). The client may be condemned
 * afterwards, or the message postponed. */
void dispatch_message(struct client *from, uint8_t *bytes, uint32_t size);

#endif
