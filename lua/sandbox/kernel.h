/* SPDX-License-Identifier: MIT
 *
 * What the kernel refuses a sandboxed worker, for the case that a script breaks out of its VM by
 * a fault in Lua or in ours: the process can use the descriptors it has, memory and the clock,
 * and nothing else. It cannot be taken back, and what is forked inherits it.
 *
 * No privileges are gained any more (no_new_privs), nothing dumps core, a list of system calls is
 * allowed (seccomp), and where the kernel has Landlock no file, no TCP port and no other process
 * can be reached even by those.
 */
#ifndef GAIJIN_LUA_KERNEL_H
#define GAIJIN_LUA_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

/* False in a build with AddressSanitizer, whose runtime opens files and traces the process: there
 * nothing of this is done. */
bool kernel_can_filter(void);

/* To be called before the loop is made. From now on there is no io_uring, a second way to the
 * kernel past the filter: as if this kernel had none. Newer versions of libuv make one for each
 * loop, whatever the environment says, and end the process when it fails later. 0 or a negative
 * errno. */
int kernel_refuse_rings(void);

/* All that follow are to be called when all is open that the worker will ever need. 0 or a negative
 * errno. */

/* No privileges are gained any more; nothing dumps core, not into a pipe either, and processes of
 * the same user cannot look into this one. */
int kernel_shut_memory(void);
/* Nothing more can be opened, bound or signalled. *version: Landlock's, 0 when the kernel has
 * none, which is no error. */
int kernel_close_files(int *version);
/* From now on the list holds. */
int kernel_filter_calls(void);

/* All three, and what bounds forks (forks.h). `text` (n bytes) says what is in force, or after a
 * failure what has failed. */
int kernel_confine(char *text, size_t n);

#endif
