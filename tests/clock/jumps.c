/* SPDX-License-Identifier: MIT
 *
 * Preloaded into a program, it sets the system's clock as that program sees it: each look at it is
 * hours before or behind the last. The clocks that no one can set are as they are.
 */
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

/* Between 36 hours behind and 36 hours ahead of the truth, never the same twice in a row. */
static time_t jump(void) {
  static unsigned looks;
  unsigned look = __atomic_add_fetch(&looks, 1, __ATOMIC_RELAXED);
  return ((time_t)(look * 29 % 73) - 36) * 3600;
}

SEEN int clock_gettime(clockid_t clock, struct timespec *t) {
  long r = syscall(SYS_clock_gettime, clock, t);
  if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) t->tv_sec += jump();
  return (int)r;
}

SEEN int gettimeofday(struct timeval *restrict t, void *restrict zone) {
  long r = syscall(SYS_gettimeofday, t, zone);
  if (r == 0) t->tv_sec += jump();
  return (int)r;
}

SEEN time_t time(time_t *t) {
  struct timespec now;
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  now.tv_sec += jump();
  if (t) *t = now.tv_sec;
  return now.tv_sec;
}
