/* SPDX-License-Identifier: MIT
 *
 * Windows. Of the requests for the objects of one worker that another has sent, one way or not,
 * those are outstanding which that one has not reported as taken; the window of the pair bounds
 * them. The sender keeps to it, the broker refuses what is beyond it, and the receiver reports in
 * time: all three by the rules below.
 *
 * Nobody can wait for ever: who has taken all it was sent has less to report than a quarter of the
 * window, by number and by bytes; and with so little outstanding every message may be sent, one
 * that is larger than the window too.
 */
#ifndef GAIJIN_PROTO_WINDOW_H
#define GAIJIN_PROTO_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* The keys of the options in the reply to hello that tell the window. */
#define WINDOW_POSTS_KEY "window_posts"
#define WINDOW_BYTES_KEY "window_bytes"

/* What a pair may have outstanding, or has: requests, and their bytes with prefix. */
struct window {
  uint32_t requests;
  uint64_t bytes;
};

/* The largest message that may be sent now, in bytes; 0: none. */
static inline uint64_t window_room(const struct window *w, const struct window *outstanding) {
  if (outstanding->requests >= w->requests) return 0;
  if (outstanding->bytes <= w->bytes / 4) return UINT64_MAX;
  return outstanding->bytes < w->bytes ? w->bytes - outstanding->bytes : 0;
}

/* Whether so much is to be reported at once. */
static inline bool window_is_due(const struct window *w, const struct window *taken) {
  return taken->requests > 0 &&
         (taken->requests >= w->requests / 4 || taken->bytes >= w->bytes / 4);
}

#endif
