/* SPDX-License-Identifier: MIT
 *
 * Coming back to a broker that was started again: a part of <gaijin/gaijin.h>, which includes it.
 *
 * With options.reconnect_ms a connection outlives its broker. When the broker has gone, what it had
 * sent is handled to the end; then, in one step, requests under way are answered `lost` (whether
 * they were done is not known; they are never sent again), what was queued is thrown away, and the
 * connection is AWAY. gaijin_dispatch, called whenever gaijin_fd() is readable, tries to reach a
 * new broker. Tokens stay; holdings stay, and are UNCONFIRMED until the new broker has heard from
 * their host. A request that is being served may be worked on; its answer is refused (LOST): its
 * asker was told `lost`. After a return `dead` is told of hosts of which something is held, and of
 * those that the new broker has introduced.
 * After reconnect_ms without success the connection is lost; a program that did not dispatch for so
 * long tries once before that. It is lost at once, as without the option, when the broker said that
 * it ends (`bye`) or why it ended the connection, when it broke the protocol, and when it refuses
 * us for another reason than that we were declared dead.
 */
#ifndef GAIJIN_RETURNING_H
#define GAIJIN_RETURNING_H

#include <stdbool.h>
#include <stdint.h>

#include <gaijin/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gaijin_link_state {
  GAIJIN_UP,   /* messages can be sent */
  GAIJIN_AWAY, /* the end of a message gives LOST, and changes nothing; it may come back */
  GAIJIN_LOST  /* for good */
};
GAIJIN_API enum gaijin_link_state gaijin_link(const gaijin *g);

enum gaijin_standing {
  GAIJIN_HELD,        /* may be used and sent; its host may be dead */
  GAIJIN_UNCONFIRMED, /* after a return, not yet: a message with it gives AWAY, nothing was done */
  GAIJIN_GONE         /* for good: its host is dead, a message with it gives DEAD */
};
GAIJIN_API enum gaijin_standing gaijin_holding_standing(const gaijin_holding *h);

/* For programs without a loop: flushes and dispatches until the connection is up and, unless h is
 * NULL, h is no longer unconfirmed. 0, TIMEOUT after `seconds`, LOST, or DEAD if h is gone. */
GAIJIN_API int gaijin_await_link(gaijin *g, const gaijin_holding *h, double seconds);
/* Whether an answer to this request would still reach somebody: it came over the connection that
 * stands now. */
GAIJIN_API bool gaijin_answerable(const gaijin *g, uint64_t request);
/* How often a broker was started on this socket, as the present one or the last one says; 0: it
 * does not. */
GAIJIN_API uint64_t gaijin_generation(const gaijin *g);

#ifdef __cplusplus
}
#endif

#endif
