/* SPDX-License-Identifier: MIT
 *
 * How sockets go to the program that goes on in this one's place, and come out of the sheet there
 * (base/sheet.h). Their descriptors keep their numbers: exec leaves them open. A connection goes
 * with what was read of it and not handled, to the last byte of a message begun, and with what is
 * to be written, from the next byte of a message written in part. A large body that is walked in
 * slices is walked again: nothing has come of it yet.
 *
 * Times are those of the loop's clock, which is the kernel's monotonic one for every program.
 */
#ifndef GAIJIN_BROKER_NET_CARRIED_H
#define GAIJIN_BROKER_NET_CARRIED_H

#include "broker/base/sheet.h"
#include "broker/net/client.h"
#include "broker/net/listener.h"

/* Nobody is CONDEMNED when they are written (connections_bury). Numbers of hosts and of names'
 * records must be items of these slabs; that the host is the client's is the caller's to see to.
 * Read, a client is not watched before connections_go_on. */
void connections_carry(struct connections *n, const struct slab *hosts, const struct slab *names,
                       struct sheet *s);
/* Everything was read: they are watched, and go on with what they had begun. */
void connections_go_on(struct connections *n);

/* The socket, whose path it tells itself, and its lock; `access` as for listener_lock, `l` as
 * listener_listen leaves it. */
void listener_carry(struct listener *l, const struct access *access, struct sheet *s);

/* Has the descriptors of sockets, listener and lock stay open over exec, or not again. */
void connections_keep(const struct connections *n, bool kept);
void listener_keep(const struct listener *l, bool kept);

#endif
