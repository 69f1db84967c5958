/* SPDX-License-Identifier: MIT
 *
 * Looking for messages before a program sleeps: a part of <gaijin/gaijin.h>, which includes it.
 *
 * To be put to sleep and woken takes longer than a message does. With options.poll_us (at most
 * 1,000; 0: never) the functions gaijin_await... look for what may come for so long before they
 * sleep, where that has been worth it lately, and give way to other processes after each look
 * (sched_yield). A program that calls neither these nor gaijin_poll never looks.
 *
 * With options.shared_memory, and poll_us above 0, messages may pass in memory that is shared with
 * the broker, if that offers some: then they need no system call while both ends look for them.
 * gaijin_fd() is polled as before. Two things change: gaijin_paused() may be true, so that
 * gaijin_dispatch() is to be called again, without a gaijin_pause(); and bytes that find no room
 * wait for no POLLOUT (gaijin_awaits_room).
 */
#ifndef GAIJIN_POLLING_H
#define GAIJIN_POLLING_H

#include <stdbool.h>
#include <stdint.h>

#include <gaijin/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For a program with a loop of its own that is about to wait for this connection: looks in the same
 * way. A look is a gaijin_dispatch, with its call-backs. True: messages came and were handled; call
 * it again before the program waits. False: wait now; the connection may be lost, too. What else
 * the program waits for is not seen meanwhile: a loop that is told true again and again looks at
 * that once in a while. */
GAIJIN_API bool gaijin_poll(gaijin *g);
/* How many looks have found nothing, how many waits have ended with one that found a message, and
 * how many looks were slow: somebody else had the processor after them. */
GAIJIN_API uint64_t gaijin_poll_looks(const gaijin *g, uint64_t *hits, uint64_t *slow);

/* Whether bytes are queued that go into shared memory when there is room; gaijin_fd() becomes
 * readable then, and gaijin_dispatch() sends them. */
GAIJIN_API bool gaijin_awaits_room(const gaijin *g);

#ifdef __cplusplus
}
#endif

#endif
