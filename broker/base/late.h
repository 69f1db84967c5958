/* SPDX-License-Identifier: MIT
 *
 * Whether a timer fires so much after its time that this process cannot have run meanwhile: it was
 * stopped, or its machine was. What others have sent since waits in the kernel, and timers come
 * before it: who would be judged by the clock now is judged in the timer's next turn, when that has
 * been read.
 */
#ifndef GAIJIN_BROKER_LATE_H
#define GAIJIN_BROKER_LATE_H

#include <stdbool.h>
#include <stdint.h>

/* The longest turn of the loop is well below. */
enum { LATE_MS = 1000 };

static inline bool is_late(uint64_t now_ms, uint64_t due_ms) { return now_ms > due_ms + LATE_MS; }

#endif
