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

/* How a process that closed its connection stands. */
enum process_how {
  PROCESS_LIVES,  /* or it is not known: of another name space */
  PROCESS_EXITED, /* with `status` */
  PROCESS_KILLED, /* by the signal `status` */
  PROCESS_GONE,   /* ended, and nobody can tell how any more */
};
struct process_end {
  enum process_how how;
  int status;
};
/* The one of this id, started then, of user `uid`, which connected at the other end of `socket`. Of
 * a process that ends the kernel tells the status until its parent has asked for it, and of another
 * user's only to who may trace it; from Linux 6.16 on the socket tells it afterwards. */
struct process_end process_end(pid_t pid, uint64_t start, uid_t uid, int socket);
/* "its process exited with status 3", in one static sentence or in `buffer`. */
enum { PROCESS_END_BYTES = 96 };
const char *process_end_text(struct process_end end, char buffer[PROCESS_END_BYTES]);

#endif
