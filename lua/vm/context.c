/* SPDX-License-Identifier: MIT
 *
 * On x86-64 a switch saves what the System V ABI lets a function keep: six
 * registers, the stack pointer and the two floating-point control words. That
 * costs a few nanoseconds; ucontext, used elsewhere, pays a system call for the
 * signal mask each time.
 */
#include "lua/vm/context.h"

#include <stdint.h>

#if defined(__x86_64__)

void gaijin_context_swap(void **from_sp, void *to_sp);
void gaijin_context_start(void);

__asm__(
    ".text\n"
    ".globl gaijin_context_swap\n"
    ".hidden gaijin_context_swap\n"
    ".type gaijin_context_swap,@function\n"
    "gaijin_context_swap:\n"
    "  pushq %rbp\n"
    "  pushq %rbx\n"
    "  pushq %r12\n"
    "  pushq %r13\n"
    "  pushq %r14\n"
    "  pushq %r15\n"
    "  subq $8, %rsp\n"
    "  stmxcsr (%rsp)\n"
    "  fnstcw 4(%rsp)\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  ldmxcsr (%rsp)\n"
    "  fldcw 4(%rsp)\n"
    "  addq $8, %rsp\n"
    "  popq %r15\n"
    "  popq %r14\n"
    "  popq %r13\n"
    "  popq %r12\n"
    "  popq %rbx\n"
    "  popq %rbp\n"
    "  ret\n"
    ".size gaijin_context_swap, .-gaijin_context_swap\n"
    /* Where a new context begins: its function is in rbx, the argument in r12. */
    ".globl gaijin_context_start\n"
    ".hidden gaijin_context_start\n"
    ".type gaijin_context_start,@function\n"
    "gaijin_context_start:\n"
    "  xorl %ebp, %ebp\n"
    "  movq %r12, %rdi\n"
    "  callq *%rbx\n"
    "  ud2\n"
    ".size gaijin_context_start, .-gaijin_context_start\n");

void context_make(struct context *c, void *stack, size_t size, void (*run)(void *user),
                  void *user) {
  /* What gaijin_context_swap pops: control words, r15 r14 r13 r12 rbx rbp, return address; then the
   * stack is 16-aligned. */
  uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
  uint64_t *sp = (uint64_t *)(top - 16) - 8;
  uint32_t mxcsr;
  uint16_t control;
  __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(control));
  sp[0] = mxcsr | (uint64_t)control << 32;
  sp[1] = sp[2] = sp[3] = 0;
  sp[4] = (uint64_t)(uintptr_t)user;
  sp[5] = (uint64_t)(uintptr_t)run;
  sp[6] = 0;
  sp[7] = (uint64_t)(uintptr_t)gaijin_context_start;
  sp[8] = sp[9] = 0;
  c->sp = sp;
}

void context_switch(struct context *from, struct context *to) {
  gaijin_context_swap(&from->sp, to->sp);
}

#else

/* makecontext hands over ints only, so pointers come in halves. */
static void start(unsigned run_high, unsigned run_low, unsigned user_high, unsigned user_low) {
  uintptr_t run = ((uintptr_t)run_high << 16 << 16) | run_low;
  uintptr_t user = ((uintptr_t)user_high << 16 << 16) | user_low;
  ((void (*)(void *))run)((void *)user);
}

void context_make(struct context *c, void *stack, size_t size, void (*run)(void *user),
                  void *user) {
  getcontext(&c->u);
  c->u.uc_stack.ss_sp = stack;
  c->u.uc_stack.ss_size = size;
  c->u.uc_link = NULL;
  uintptr_t r = (uintptr_t)run, p = (uintptr_t)user;
  makecontext(&c->u, (void (*)(void))start, 4, (unsigned)(r >> 16 >> 16), (unsigned)r,
              (unsigned)(p >> 16 >> 16), (unsigned)p);
}

void context_switch(struct context *from, struct context *to) { swapcontext(&from->u, &to->u); }

#endif
