/* SPDX-License-Identifier: MIT
 *
 * The lock beside a supervisor's socket: whoever has it owns that path, so that what a killed
 * supervisor left can be removed without asking. In the file stands whose it is, "SUPERVISOR
 * BROKER\n", processes by their numbers, the latter 0 unless the broker is the supervisor's own:
 * one whose supervisor was killed is about to end, and a next supervisor must not take it for
 * somebody else's.
 */
#ifndef GAIJIN_TOOLS_RUN_LOCK_H
#define GAIJIN_TOOLS_RUN_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

/* The lock; -1 and errno, EBUSY if somebody has it. */
int lock_take(const char *path);
/* Whose we are from here on; `broker` as above. */
void lock_note(int lock, pid_t broker);
/* Removes the file and gives the lock up. */
void lock_give(int lock, const char *path);
/* The process of a broker that ends because its supervisor, which had this lock, was killed; 0:
 * none does. */
pid_t lock_orphan(const char *path);

#endif
