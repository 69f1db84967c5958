/* SPDX-License-Identifier: MIT
 *
 * Switching between C stacks within one thread. The signal mask is shared by all
 * contexts: nothing in the worker changes it.
 */
#ifndef GAIJIN_LUA_CONTEXT_H
#define GAIJIN_LUA_CONTEXT_H

#include <stddef.h>

#if defined(__x86_64__)
struct context {
  void *sp; /* while not running: what context_switch needs is on the stack below it */
};
#else
#include <ucontext.h>
struct context {
  ucontext_t u;
};
#endif

/* Makes a context that, when first switched to, calls run(user) on the stack of `size` bytes at
 * `stack`. run never returns. */
void context_make(struct context *c, void *stack, size_t size, void (*run)(void *user), void *user);

/* Saves the running context in `from` and goes on in `to`. */
void context_switch(struct context *from, struct context *to);

#endif
