/* SPDX-License-Identifier: MIT
 *
 * The victim: a process that calls a worker again and again, one call after the other, and notes
 * for each how long its answer took, and how much processor time the broker and the worker spent
 * meanwhile. The last two are work counted: they do not depend on what else the machine does.
 */
#ifndef GAIJIN_TESTS_HOSTILE_VICTIM_H
#define GAIJIN_TESTS_HOSTILE_VICTIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* In which the figures of a call are noted: that in which it began. */
enum victim_phase { VICTIM_UNNOTED, VICTIM_QUIET, VICTIM_BESIDE, VICTIM_ATTACKED, VICTIM_PHASES };

/* Milliseconds at the 50th, 99th and 100th of 100. */
struct spread {
  double p50, p99, most;
};

struct figures {
  unsigned calls;
  struct spread took, broker, worker;
};

struct victim;

/* Starts it: it calls the function that the worker "host" exposes as "echo". */
struct victim *victim_start(const char *socket, pid_t broker, pid_t worker);
/* From the next call on. */
void victim_enter(struct victim *v, enum victim_phase phase);
/* Calls noted in this phase so far. */
unsigned victim_calls(const struct victim *v, enum victim_phase phase);
/* Whether each call that was begun before the last victim_enter is over. */
bool victim_has_entered(const struct victim *v);
/* NULL, or what went wrong: a call that was refused, or answered wrongly, or the end of the
 * connection. */
const char *victim_fault(const struct victim *v);
struct figures victim_figures(const struct victim *v, enum victim_phase phase);
/* Ends the process and frees the rest. NULL is fine. */
void victim_stop(struct victim *v);

#endif
