/* SPDX-License-Identifier: MIT
 *
 * After fork(2) two processes share one socket, and whatever the child sent would count as its
 * parent's. So a connection belongs to the process that opened it: in a child, however it was
 * forked, everything that would read, write or shut down the socket is refused, and nothing but the
 * child's own memory and descriptors changes.
 *
 * How a child knows itself: a page of the connection's that the kernel hands to children empty
 * (MADV_WIPEONFORK). That costs one load per question, where getpid() is a system call; and unlike
 * a handler of pthread_atfork it sees children of clone(2) as well, outlives dlclose, and needs
 * nothing global. A child of vfork, which may only exec, shares the page and is taken for its
 * parent, which changes nothing. Where the kernel has no such pages (before 4.14, some emulators),
 * the process is asked for its number. Some emulators (qemu-user 7.2) say of every advice that it
 * was followed: who accepts one that does not exist is not believed.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "client-lib/internal.h"

/* Any size will do for mmap and munmap, which count in pages. */
enum { MARK_BYTES = 1, NO_ADVICE = -1 };

void gj_fork_watch(gaijin *g) {
  g->opened_by = getpid();
  uint8_t *mark =
      mmap(NULL, MARK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mark == MAP_FAILED) return;
  if (madvise(mark, MARK_BYTES, NO_ADVICE) == 0 ||
      madvise(mark, MARK_BYTES, MADV_WIPEONFORK) != 0) {
    munmap(mark, MARK_BYTES);
    return;
  }
  *mark = 1;
  g->fork_mark = mark;
}

void gj_fork_unwatch(gaijin *g) {
  if (g->fork_mark) munmap((void *)(uintptr_t)g->fork_mark, MARK_BYTES);
  g->fork_mark = NULL;
}

bool gj_fork_by_number(const gaijin *g) { return getpid() != g->opened_by; }

int gj_fork_refuse(gaijin *g) {
  return gj_fail(g, GAIJIN_STATUS_UNSUPPORTED,
                 "this process is a fork of worker %s, to which the connection belongs; exec, "
                 "exit or connect anew",
                 g->name);
}

bool gaijin_forked(const gaijin *g) { return gj_is_fork(g); }
