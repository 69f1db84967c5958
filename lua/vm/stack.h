/* SPDX-License-Identifier: MIT
 *
 * C stacks for fibers: mapped, lazily committed, with a guard below, pooled.
 * Switching to a stack runs its entry function until that switches back; the
 * entry never returns. An overflow is one line on stderr and an abort.
 */
#ifndef GAIJIN_LUA_STACK_H
#define GAIJIN_LUA_STACK_H

#include <stdbool.h>
#include <stddef.h>

struct stack;

/* The stacks of one scheduler, whose own stack is the one that calls stack_resume. */
struct stacks {
  struct stack *all;  /* every mapped stack */
  struct stack *idle; /* those no fiber uses */
  size_t n_all, n_idle;
  size_t least_idle; /* as few were idle at a time since stacks_watch_idle */
  bool keeps_all;    /* idle ones stay until stacks_give_back; else no more than STACKS_KEPT */
  size_t page; /* of the system's, bytes */
  size_t usable, reserve; /* bytes of each; bytes of those that are to be left when Lua is called
                             that may call back */
  void (*entry)(void *user); /* runs on each stack once per stack_resume after stack_get; must end
                                in stack_leave */
  const void *main_bottom;   /* bounds of the scheduler's stack, learnt for AddressSanitizer */
  size_t main_size;
  struct stacks *next_guarded; /* valid while guarded */
  bool guarded;
};

/* `unlimited`: for an interpreter without a limit of nested C calls, which needs larger ones. */
void stacks_init(struct stacks *s, void (*entry)(void *user), bool unlimited);
/* Unmaps all stacks, also those of parked fibers. */
void stacks_deinit(struct stacks *s);

/* An idle or a new stack; NULL when memory or maps are short. */
struct stack *stack_get(struct stacks *s);
/* Gives a stack back whose entry has called stack_leave. */
void stack_put(struct stacks *s, struct stack *stack);

/* To make a stack costs some 50 us and as much to unmap it, to keep it idle some pages. So who
 * looks every now and then keeps all of a burst's (keeps_all), and gives back those that were not
 * needed since the last look but STACKS_KEPT: so many at most in one go. True: there are more. */
enum { STACKS_KEPT = 64 };
void stacks_watch_idle(struct stacks *s);
bool stacks_give_back(struct stacks *s, size_t most);

/* From the scheduler: runs the stack until it calls stack_leave. `user` goes to entry when the
 * stack starts anew. */
void stack_resume(struct stacks *s, struct stack *stack, void *user);
/* On the stack: back to the scheduler. Returns at the next stack_resume. */
void stack_leave(struct stacks *s, struct stack *stack);

/* Whether less than the reserve and `more` bytes is left of the stack, on which the caller runs. */
bool stack_is_short(const struct stack *stack, size_t more);

/* Bytes of the stack in use, in whole pages; and what deeper calls have left below is given back to
 * the system. Both are of the stack on which the caller runs. */
size_t stack_used(const struct stack *stack);
void stack_trim(const struct stack *stack);

/* How many stacks the kernel lets a process have (vm.max_map_count), with room left for all else.
 */
unsigned stacks_most(void);

/* Makes an overflow of any stack of `s`, until stacks_deinit, end the process with one line, on the
 * calling thread. `is_guest`: a handler that the program already has for such faults stays, and is
 * told instead. False when it cannot be arranged. */
bool stacks_guard_overflow(struct stacks *s, bool is_guest);

#endif
