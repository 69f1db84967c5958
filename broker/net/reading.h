/* SPDX-License-Identifier: MIT
 *
 * How connections are read, and who is heard when.
 *
 * A readable socket is read once, and the whole messages go to events.message as long as the
 * client has a balance. It gets one quantum of work (base/work.h) when its socket is read. One
 * that has spent it keeps the rest of its messages and is a job: each slice adds a quantum, and
 * until all is handled and a debt is paid, its socket is not read. This is deficit round robin
 * (Shreedhar and Varghese 1995) over what the broker does, not over bytes: a single message that
 * costs more than a quantum is handled in one step, and then its sender waits. However many sockets
 * are ready, a turn is bounded: when it is overspent, the others join the queue unread.
 *
 * Who asks for more than it may have under way is refused, and then rests for a moment
 * (client_oversteps): else the broker would be busy with refusing it as long as it goes on, and
 * whoever shares the processor would wait for both of them.
 *
 * Always true at the end of a turn, of a client that is not CONDEMNED: it is a job, or held back
 * because it leaves answers untaken, or it has sent no whole message that was not handled, is not
 * in debt, and its socket is watched; and if it has rings, it knocks there, or it is hot. What it
 * sends is handled in its order, and to the end: what a peer wrote before it ended takes effect
 * before its end does.
 */
#ifndef GAIJIN_BROKER_READING_H
#define GAIJIN_BROKER_READING_H

#include "broker/net/client.h"

/* Its socket is readable. */
void reading_ready(struct client *c);
/* The same, but it is not known whether it is (lookout.h). False: it is not, or the client may not
 * be read now, and nothing has changed. */
bool reading_look(struct client *c);
/* It is hot, and the loop runs before it is looked at: what is in its rings is read in the next
 * turn. */
void reading_unheard(struct client *c);
/* It is not looked at any more (hot.h): one with rings knocks from now on when it has put something
 * there. */
void reading_sleep(struct client *c);
/* Nothing more will come than the kernel holds; that is read now, in slices if it is much. */
void reading_hung_up(struct client *c);
/* It was read by the program before this one, with its outbox: goes on where that was. `had_more`:
 * it was a job there, or held back. */
void reading_go_on(struct client *c, bool had_more);
/* Something was written to it: goes on if it was held back for that. */
void reading_written(struct client *c);

#endif
