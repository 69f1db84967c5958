/* SPDX-License-Identifier: MIT
 *
 * Deadlines of requests. A call whose time is over is answered `timeout`, its host is
 * told that nobody waits, and the late answer will be discarded like that of any
 * call that was given up. Requests without a deadline cost nothing here.
 */
#ifndef GAIJIN_BROKER_EXPIRY_H
#define GAIJIN_BROKER_EXPIRY_H

#include "broker/core/state.h"

/* Before the first deadline; and after the last, to let the loop end. */
void expiry_open(struct broker *b);
void expiry_close(struct broker *b);

/* For expiry_set, of a call that has a deadline. */
void expiry_set_some(struct broker *b, uint32_t call, uint32_t deadline_ms);
/* The call shall be answered within so many milliseconds from now; 0: it has no deadline. */
static inline void expiry_set(struct broker *b, uint32_t call, uint32_t deadline_ms) {
  if (deadline_ms) expiry_set_some(b, call, deadline_ms);
}

/* Calls have come with their deadlines (books/carried.h): has the timer run. */
void expiry_go_on(struct broker *b);

#endif
