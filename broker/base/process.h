/* SPDX-License-Identifier: MIT
 *
 * What the kernel tells of a process. An id is used again; together with the time at which the
 * process was started it is not.
 */
#ifndef GAIJIN_BROKER_PROCESS_H
#define GAIJIN_BROKER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* When a process was started, in the kernel's ticks; 0: not known. */
uint64_t process_start(pid_t pid);

/* Whether the process of this id that was started then (0: at any time) has certainly ended: it is
 * gone, it is a zombie, or another has its id. False for an id of 0, which says nothing: the
 * process is in another name space. */
bool process_has_ended(pid_t pid, uint64_t start);

#endif
