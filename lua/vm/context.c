/* SPDX-License-Identifier: MIT
 *
 * In assembly a switch saves what the processor's calling convention lets a function
 * keep, on the stack that it leaves: the callee-saved registers and the floating-point
 * control words, which hold the rounding mode. That costs a few nanoseconds; ucontext,
 * used elsewhere, pays a system call for the signal mask each time.
 */
#include "lua/vm/context.h"

#include <stdint.h>

#if defined(CONTEXT_X86_64) || defined(CONTEXT_AARCH64)

/* Saves the registers, stores the stack pointer in *from_sp, and goes on at to_sp. */
void gaijin_context_swap(void **from_sp, void *to_sp);
/* Where a new context begins. */
void gaijin_context_start(void);

void context_switch(struct context *from, struct context *to) {
  gaijin_context_swap(&from->sp, to->sp);
}

#endif

#if defined(CONTEXT_X86_64)

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
    /* Its function is in rbx, the argument in r12. */
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

#elif defined(CONTEXT_AARCH64)

/* Where what a context that does not run has saved is, in words from its stack pointer. */
enum { SAVED_X19 = 0, SAVED_X20 = 1, SAVED_X30 = 11, SAVED_FPCR = 20, SAVED_WORDS = 22 };

__asm__(
    ".text\n"
    ".globl gaijin_context_swap\n"
    ".hidden gaijin_context_swap\n"
    ".type gaijin_context_swap,%function\n"
    "gaijin_context_swap:\n"
    "  sub sp, sp, #176\n"
    "  stp x19, x20, [sp]\n"
    "  stp x21, x22, [sp, #16]\n"
    "  stp x23, x24, [sp, #32]\n"
    "  stp x25, x26, [sp, #48]\n"
    "  stp x27, x28, [sp, #64]\n"
    "  stp x29, x30, [sp, #80]\n"
    "  stp d8, d9, [sp, #96]\n"
    "  stp d10, d11, [sp, #112]\n"
    "  stp d12, d13, [sp, #128]\n"
    "  stp d14, d15, [sp, #144]\n"
    "  mrs x2, fpcr\n"
    "  str x2, [sp, #160]\n"
    "  mov x3, sp\n"
    "  str x3, [x0]\n"
    "  mov sp, x1\n"
    /* Writing the control register is slow, and it hardly ever differs. */
    "  ldr x3, [sp, #160]\n"
    "  cmp x2, x3\n"
    "  b.eq 1f\n"
    "  msr fpcr, x3\n"
    "1:\n"
    "  ldp x19, x20, [sp]\n"
    "  ldp x21, x22, [sp, #16]\n"
    "  ldp x23, x24, [sp, #32]\n"
    "  ldp x25, x26, [sp, #48]\n"
    "  ldp x27, x28, [sp, #64]\n"
    "  ldp x29, x30, [sp, #80]\n"
    "  ldp d8, d9, [sp, #96]\n"
    "  ldp d10, d11, [sp, #112]\n"
    "  ldp d12, d13, [sp, #128]\n"
    "  ldp d14, d15, [sp, #144]\n"
    "  add sp, sp, #176\n"
    "  ret\n"
    ".size gaijin_context_swap, .-gaijin_context_swap\n"
    /* Its function is in x19, the argument in x20. */
    ".globl gaijin_context_start\n"
    ".hidden gaijin_context_start\n"
    ".type gaijin_context_start,%function\n"
    "gaijin_context_start:\n"
    "  mov x29, xzr\n"
    "  mov x30, xzr\n"
    "  mov x0, x20\n"
    "  blr x19\n"
    "  brk #0\n"
    ".size gaijin_context_start, .-gaijin_context_start\n");

void context_make(struct context *c, void *stack, size_t size, void (*run)(void *user),
                  void *user) {
  uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
  uint64_t *sp = (uint64_t *)top - SAVED_WORDS;
  for (int i = 0; i < SAVED_WORDS; i++) sp[i] = 0;
  sp[SAVED_X19] = (uint64_t)(uintptr_t)run;
  sp[SAVED_X20] = (uint64_t)(uintptr_t)user;
  sp[SAVED_X30] = (uint64_t)(uintptr_t)gaijin_context_start;
  __asm__ volatile("mrs %0, fpcr" : "=r"(sp[SAVED_FPCR]));
  c->sp = sp;
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
