/* SPDX-License-Identifier: MIT
 *
 * Switching between C stacks within one thread. The signal mask is shared by all
 * contexts: nothing in the worker changes it.
 *
 * Done in assembly where there is some, else by the C library; the build chooses (make FIBER=...)
 * with GAIJIN_FIBER_ASM or GAIJIN_FIBER_UCONTEXT.
 */
#ifndef GAIJIN_LUA_CONTEXT_H
#define GAIJIN_LUA_CONTEXT_H

#include <stddef.h>

#if defined(__LP64__) && !defined(GAIJIN_FIBER_UCONTEXT)
#if defined(__x86_64__)
#define CONTEXT_X86_64 1
#elif defined(__aarch64__)
#define CONTEXT_AARCH64 1
#endif
#endif

#if defined(CONTEXT_X86_64) || defined(CONTEXT_AARCH64)
struct context {
  void *sp; /* while not running: what context_switch needs is on the stack below it */
};
#elif defined(GAIJIN_FIBER_ASM)
#error "FIBER=asm: there is assembly for x86-64 and arm64 only; build with FIBER=ucontext"
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
