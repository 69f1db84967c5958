/* SPDX-License-Identifier: MIT
 *
 * A thread inherits the mask of who begins it.
 */
#include "tools/base/thread.h"

#include <signal.h>

int thread_begin(pthread_t *thread, void *(*run)(void *), void *user) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int e = pthread_create(thread, NULL, run, user);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return e;
}
