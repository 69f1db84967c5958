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

struct other {
  struct context main, context;
  char *stack; /* a zeroed block of STACK_BYTES */
  unsigned turns;
  uintptr_t local; /* address of a local variable of its function */
  int rounding;
  double third;
  uint64_t registers[6];
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

#if defined(__x86_64__)

/* Loads rbp, rbx and r12 to r15 from `in`, switches, and stores what they are afterwards in `out`.
 * The switch is an argument: link-time optimisation does not see names that assembly uses. */
void registers_across(struct context *from, struct context *to, const uint64_t in[6],
                      uint64_t out[6], void (*do_switch)(struct context *, struct context *));
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

static const uint64_t ours[6] = {~0ull, 0x1111111111111111, 0x2222222222222222, 0x3333333333333333, 0x4444444444444444, 0x5555555555555555};
static const uint64_t theirs[6] = {1, ~0x1111111111111111ull, 2, 3, 4, 0x8000000000000000};

static void keep_registers(void *user) {
  struct other *o = user;
  for (;;) registers_across(&o->context, &o->main, theirs, o->registers, context_switch);
}

START_TEST(registers_belong_to_a_context) {
  struct other *o = begin(keep_registers);
  uint64_t seen[6];
  for (int i = 0; i < ROUNDS; i++) {
    memset(seen, 0, sizeof seen);
    memset(o->registers, 0, sizeof o->registers);
    registers_across(&o->main, &o->context, ours, seen, context_switch);
    ck_assert_mem_eq(seen, ours, sizeof ours);
    if (i) ck_assert_mem_eq(o->registers, theirs, sizeof theirs); /* it has been back once */
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
#if defined(__x86_64__)
  tcase_add_test(c, registers_belong_to_a_context);
#endif
  suite_add_tcase(s, c);
  return run_suite(s);
}
