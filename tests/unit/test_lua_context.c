/* SPDX-License-Identifier: MIT
 *
 * Switching between C stacks (lua/vm/context.c). The test is the one context, `other` the second.
 */
#include "lua/vm/context.h"

#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "tests/unit/run.h"

enum { STACK_BYTES = 256 << 10, ROUNDS = 1000 };
/* How many registers a function may keep, but for the stack pointer. */
#if defined(__x86_64__)
enum { N_REGISTERS = 6 };
#elif defined(__aarch64__)
enum { N_REGISTERS = 19 };
#else
enum { N_REGISTERS = 1 }; /* none is looked at */
#endif

struct other {
  struct context main, context;
  char *stack; /* a zeroed block of STACK_BYTES */
  unsigned turns;
  uintptr_t local; /* address of a local variable of its function */
  int rounding;
  double third;
  uint64_t registers[N_REGISTERS];
};

static struct other *begin(void (*run)(void *user)) {
  struct other *o = calloc(1, sizeof *o);
  ck_assert_ptr_nonnull(o);
  o->stack = calloc(1, STACK_BYTES);
  ck_assert_ptr_nonnull(o->stack);
  context_make(&o->context, o->stack, STACK_BYTES, run, o);
  return o;
}

static void end(struct other *o) {
  free(o->stack);
  free(o);
}

static void go(struct other *o) { context_switch(&o->main, &o->context); }
static void back(struct other *o) { context_switch(&o->context, &o->main); }

static void count_turns(void *user) {
  struct other *o = user;
  _Alignas(16) volatile char local = 0;
  o->local = (uintptr_t)&local;
  for (;;) {
    o->turns++;
    back(o);
  }
}

START_TEST(it_runs_on_its_stack_and_goes_on_where_it_was) {
  struct other *o = begin(count_turns);
  for (unsigned i = 1; i <= ROUNDS; i++) {
    go(o);
    ck_assert_uint_eq(o->turns, i);
  }
  ck_assert_uint_gt(o->local, (uintptr_t)o->stack);
  ck_assert_uint_lt(o->local, (uintptr_t)o->stack + STACK_BYTES);
  ck_assert_uint_eq(o->local % 16, 0); /* the compiler takes it for granted: a stack begun askew shows here */
  end(o);
}
END_TEST

START_TEST(a_size_that_is_no_multiple_of_16_is_fine) {
  for (size_t odd = 1; odd < 16; odd++) {
    struct other *o = begin(count_turns); /* a fresh stack: AddressSanitizer remembers the frames of one left for good */
    context_make(&o->context, o->stack + odd, STACK_BYTES - 2 * odd, count_turns, o);
    go(o);
    go(o);
    ck_assert_uint_eq(o->turns, 2);
    ck_assert_uint_eq(o->local % 16, 0);
    end(o);
  }
}
END_TEST

/* ---- Floating point ---- */

static volatile double one = 1, three = 3;

static void round_up(void *user) {
  struct other *o = user;
  o->rounding = fegetround();
  fesetround(FE_UPWARD);
  for (;;) {
    o->third = one / three;
    back(o);
  }
}

START_TEST(rounding_belongs_to_a_context) {
  fesetround(FE_UPWARD);
  double up = one / three;
  fesetround(FE_DOWNWARD);
  double down = one / three; /* equal where divisions do not round as they are told (under valgrind) */
  struct other *o = begin(round_up);
  fesetround(FE_TONEAREST);
  go(o);
  ck_assert_int_eq(o->rounding, FE_DOWNWARD); /* as it was when the context was made */
  ck_assert_int_eq(fegetround(), FE_TONEAREST);
  fesetround(FE_DOWNWARD);
  ck_assert_double_eq(one / three, down);
  ck_assert_double_eq(o->third, up);
  o->third = 0;
  go(o);
  ck_assert_double_eq(o->third, up);
  ck_assert_int_eq(fegetround(), FE_DOWNWARD);
  fesetround(FE_TONEAREST);
  end(o);
}
END_TEST

/* ---- Registers ---- */

#if defined(__x86_64__) || defined(__aarch64__)

/* Loads the registers that a function may keep from `in`, switches, and stores what they are afterwards in `out`.
 * The switch is an argument: link-time optimisation does not see names that assembly uses. */
void registers_across(struct context *from, struct context *to, const uint64_t in[],
                      uint64_t out[], void (*do_switch)(struct context *, struct context *));
#if defined(__x86_64__)
__asm__(
    ".text\n"
    ".globl registers_across\n"
    ".hidden registers_across\n"
    "registers_across:\n"
    "  pushq %rbp\n"
    "  pushq %rbx\n"
    "  pushq %r12\n"
    "  pushq %r13\n"
    "  pushq %r14\n"
    "  pushq %r15\n"
    "  pushq %rcx\n"
    "  movq (%rdx), %rbp\n"
    "  movq 8(%rdx), %rbx\n"
    "  movq 16(%rdx), %r12\n"
    "  movq 24(%rdx), %r13\n"
    "  movq 32(%rdx), %r14\n"
    "  movq 40(%rdx), %r15\n"
    "  call *%r8\n"
    "  popq %rcx\n"
    "  movq %rbp, (%rcx)\n"
    "  movq %rbx, 8(%rcx)\n"
    "  movq %r12, 16(%rcx)\n"
    "  movq %r13, 24(%rcx)\n"
    "  movq %r14, 32(%rcx)\n"
    "  movq %r15, 40(%rcx)\n"
    "  popq %r15\n"
    "  popq %r14\n"
    "  popq %r13\n"
    "  popq %r12\n"
    "  popq %rbx\n"
    "  popq %rbp\n"
    "  ret\n");
#elif defined(__aarch64__)
/* x19 to x29, then d8 to d15. */
#define EACH_PAIR(DO, AT)                                                                          \
  DO " x19, x20, [" AT "]\n" DO " x21, x22, [" AT ", #16]\n" DO " x23, x24, [" AT ", #32]\n"       \
  DO " x25, x26, [" AT ", #48]\n" DO " x27, x28, [" AT ", #64]\n"                                  \
  DO " d8, d9, [" AT ", #88]\n" DO " d10, d11, [" AT ", #104]\n"                                   \
  DO " d12, d13, [" AT ", #120]\n" DO " d14, d15, [" AT ", #136]\n"
__asm__(
    ".text\n"
    ".globl registers_across\n"
    ".hidden registers_across\n"
    "registers_across:\n"
    "  sub sp, sp, #176\n"
    EACH_PAIR("stp", "sp")
    "  str x29, [sp, #80]\n"
    "  stp x30, x3, [sp, #152]\n"
    EACH_PAIR("ldp", "x2")
    "  ldr x29, [x2, #80]\n"
    "  blr x4\n"
    "  ldp x30, x3, [sp, #152]\n"
    EACH_PAIR("stp", "x3")
    "  str x29, [x3, #80]\n"
    EACH_PAIR("ldp", "sp")
    "  ldr x29, [sp, #80]\n"
    "  add sp, sp, #176\n"
    "  ret\n");
#endif

static void keep_registers(void *user) {
  struct other *o = user;
  uint64_t theirs[N_REGISTERS];
  for (int i = 0; i < N_REGISTERS; i++) theirs[i] = 0x8000000000000000 + (unsigned)i;
  for (;;) registers_across(&o->context, &o->main, theirs, o->registers, context_switch);
}

START_TEST(registers_belong_to_a_context) {
  struct other *o = begin(keep_registers);
  uint64_t ours[N_REGISTERS], seen[N_REGISTERS];
  for (int i = 0; i < N_REGISTERS; i++) ours[i] = ~0x1111111111111111ull * (unsigned)(i + 1);
  for (int i = 0; i < ROUNDS; i++) {
    memset(seen, 0, sizeof seen);
    memset(o->registers, 0, sizeof o->registers);
    registers_across(&o->main, &o->context, ours, seen, context_switch);
    ck_assert_mem_eq(seen, ours, N_REGISTERS * sizeof *ours);
    for (int k = 0; i && k < N_REGISTERS; k++) /* it has been back once */
      ck_assert_uint_eq(o->registers[k], 0x8000000000000000 + (unsigned)k);
  }
  end(o);
}
END_TEST

#endif

int main(void) {
  Suite *s = suite_create("lua_context");
  TCase *c = tcase_create("context");
  tcase_add_test(c, it_runs_on_its_stack_and_goes_on_where_it_was);
  tcase_add_test(c, a_size_that_is_no_multiple_of_16_is_fine);
  tcase_add_test(c, rounding_belongs_to_a_context);
#if defined(__x86_64__) || defined(__aarch64__)
  tcase_add_test(c, registers_belong_to_a_context);
#endif
  suite_add_tcase(s, c);
  return run_suite(s);
}
