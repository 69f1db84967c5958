/* SPDX-License-Identifier: MIT
 *
 * Threads of the tools.
 */
#ifndef GAIJIN_TOOLS_THREAD_H
#define GAIJIN_TOOLS_THREAD_H

#include <pthread.h>

/* Begins `run` in a thread that takes no signals: they are the main thread's. 0 or an errno. The
 * thread is to be joined or detached. */
int thread_begin(pthread_t *thread, void *(*run)(void *), void *user);

#endif
