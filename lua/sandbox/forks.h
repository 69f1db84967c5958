/* SPDX-License-Identifier: MIT
 *
 * How many processes a sandboxed worker and its forks can become, were code to break out of the VM:
 * no filter of system calls counts. The kernel's limit (RLIMIT_NPROC) is for all processes of a
 * user, threads included; so it is set to those there are now and some more. Processes of the same
 * user that start later leave less room: a fork then fails.
 */
#ifndef GAIJIN_LUA_FORKS_H
#define GAIJIN_LUA_FORKS_H

#include <stdbool.h>

enum { FORKS_SPARE = 64 }; /* so many more processes the user may have */

/* Sets the limit, for this process and its forks, for good. False: there is none, because the user
 * is root, whom the kernel does not bind, or /proc does not tell how many there are. */
bool forks_bound(void);

#endif
