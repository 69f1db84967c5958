/* SPDX-License-Identifier: MIT
 *
 * The end of a worker in good order, in two steps that it tells: it serves nobody new (retire),
 * and it begins nothing any more (leave). One that tells neither just ends (reap.h).
 */
#ifndef GAIJIN_BROKER_RETIRE_H
#define GAIJIN_BROKER_RETIRE_H

#include "broker/net/client.h"
#include "proto/message.h"

/* Its name is free from now on, and requests to that name are not for it any more. Its tokens stay
 * its, and those who have them may go on asking it. */
void retire_on_retire(struct client *from, const struct message *m);
/* Whatever it has not answered when its connection ends was not done. */
void retire_on_leave(struct client *from, const struct message *m);

#endif
