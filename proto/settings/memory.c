/* SPDX-License-Identifier: MIT
 *
 * The line is written without stdio, which may want memory itself.
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "proto/settings/memory.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

void *memory_grow_or_end(void *p, size_t n) {
  static char text[] = ": memory is too short for the event loop\n";
  void *grown = realloc(p, n);
  if (grown || n == 0) return grown;
  const struct iovec line[] = {
      {program_invocation_short_name, strlen(program_invocation_short_name)},
      {text, sizeof text - 1}};
  struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
  if (poll(&room, 1, 0) == 1 && writev(STDERR_FILENO, line, 2) < 0) _exit(1);
  _exit(1);
}

/* glibc would raise the first of these by itself to the largest block ever freed, and the other to
 * twice that: two buffers of one large message are more. Another C library decides for itself. */
void memory_keep(void) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, MEMORY_BLOCK_MOST);
  mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT_MOST);
#endif
}

void memory_give_back(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
