/* SPDX-License-Identifier: MIT
 *
 * What the kernel tells of a worker's process, where it can be seen from here.
 */
#ifndef GAIJIN_TOOLS_PROCESS_H
#define GAIJIN_TOOLS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct process {
  bool is_known;
  uint64_t memory; /* bytes that are resident */
  double cpu;      /* seconds of processors it has used */
  uint64_t begun;  /* in the kernel's ticks since the system's start */
};

/* The process of this id. Not known, too, is one that cannot be the worker's: it is another user's,
 * or younger than the worker's connection (seconds). That happens in another name space of ids. */
struct process process_read(uint64_t pid, uint64_t uid, double connected);
/* The part of a processor that was used between two readings of one process, in so many seconds;
 * negative: it is not known. */
double process_load(const struct process *now, const struct process *before, double seconds);

/* The same of the text of /proc/PID/stat, for process_read and tests. */
bool process_parse(const char *stat, struct process *p);

#endif
