/* SPDX-License-Identifier: MIT
 *
 * C stacks and their pool (lua/vm/stack.c).
 */
#define _GNU_SOURCE
#include "lua/vm/stack.h"

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "proto/sanitizer.h"
#include "tests/unit/captured.h"

enum { PAGE = 4096 };
#if WITH_ASAN && defined(GAIJIN_FIBER_UCONTEXT)
enum { MANY = 300 }; /* AddressSanitizer clears its notes of the whole stack at each switch by swapcontext */
#else
enum { MANY = 3000 };
#endif

/* What runs on a stack: adds its number to the sum, `steps` times, leaving in between. */
struct piece {
  struct stacks *stacks;
  struct stack *stack;
  unsigned number, steps, turns;
  const char *local; /* an address on its stack */
  void (*fn)(struct piece *p);
};

static void entry(void *user) {
  struct piece *p = user;
  volatile unsigned own = p->number;
  p->local = (const char *)&own;
  if (p->fn) p->fn(p);
  for (unsigned i = 0; i < p->steps; i++) {
    ck_assert_uint_eq(own, p->number + i);
    own++;
    p->turns++;
    stack_leave(p->stacks, p->stack);
  }
  ck_assert_uint_eq(own, p->number + p->steps);
  p->turns = ~0u;
  stack_leave(p->stacks, p->stack);
}

static void start(struct stacks *s, struct piece *p, unsigned number, unsigned steps) {
  *p = (struct piece){.stacks = s, .number = number, .steps = steps};
  p->stack = stack_get(s);
  ck_assert_ptr_nonnull(p->stack);
}

static void turn(struct piece *p) { stack_resume(p->stacks, p->stack, p); }

/* Bytes of address space in use. */
static size_t mapped(void) {
  size_t pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  ck_assert_ptr_nonnull(f);
  ck_assert_int_eq(fscanf(f, "%zu", &pages), 1);
  fclose(f);
  return pages * PAGE;
}

START_TEST(thousands_at_once_and_the_pool_shrinks) {
  static struct piece pieces[MANY];
  struct stacks s;
  stacks_init(&s, entry, false);
  for (unsigned i = 0; i < MANY; i++) start(&s, &pieces[i], i, 3);
  size_t all = mapped();
  for (unsigned round = 1; round <= 3; round++) {
    for (unsigned i = 0; i < MANY; i++) turn(&pieces[i * 7 % MANY]); /* all of them, 7 being no divisor */
    for (unsigned i = 0; i < MANY; i++) ck_assert_uint_eq(pieces[i].turns, round);
  }
  for (unsigned i = 0; i < MANY; i++) {
    turn(&pieces[i]);
    ck_assert_uint_eq(pieces[i].turns, ~0u);
    stack_put(&s, pieces[i].stack);
  }
  ck_assert_uint_gt(s.n_idle, 0);
  ck_assert_uint_le(s.n_idle, 100);
  ck_assert_uint_gt(all - mapped(), (size_t)(MANY - 200) * (2 << 20));
  stacks_deinit(&s);
  ck_assert_ptr_null(s.all);
  ck_assert_ptr_null(s.idle);
}
END_TEST

/* Those that were needed in between are not given back, and some never. */
START_TEST(idle_ones_are_kept_until_they_were_not_needed) {
  enum { SOME = 200, NEEDED = 50, AT_ONCE = 30 };
  static struct piece pieces[SOME];
  struct stacks s;
  stacks_init(&s, entry, false);
  s.keeps_all = true;
  for (unsigned round = 0; round < 2; round++) {
    unsigned n = round ? NEEDED : SOME;
    for (unsigned i = 0; i < n; i++) start(&s, &pieces[i], i, 0);
    for (unsigned i = 0; i < n; i++) {
      turn(&pieces[i]);
      stack_put(&s, pieces[i].stack);
    }
    ck_assert_uint_eq(s.n_idle, SOME);
    if (round == 0) stacks_watch_idle(&s);
  }
  unsigned n = SOME, least = STACKS_KEPT + NEEDED;
  for (; stacks_give_back(&s, AT_ONCE); n -= AT_ONCE) ck_assert_uint_eq(s.n_idle, n - AT_ONCE);
  ck_assert_uint_eq(s.n_idle, least);
  ck_assert(!stacks_give_back(&s, AT_ONCE));
  stacks_watch_idle(&s);
  ck_assert(!stacks_give_back(&s, SOME));
  ck_assert_uint_eq(s.n_idle, STACKS_KEPT);
  ck_assert_uint_eq(s.n_all, STACKS_KEPT);
  stacks_deinit(&s);
}
END_TEST

START_TEST(a_stack_given_back_is_used_again_from_the_start) {
  struct stacks s;
  struct piece p;
  stacks_init(&s, entry, false);
  start(&s, &p, 1, 1);
  struct stack *first = p.stack;
  for (unsigned i = 0; i < 100; i++) {
    turn(&p);
    ck_assert_uint_eq(p.turns, 1);
    turn(&p);
    stack_put(&s, p.stack);
    start(&s, &p, 100 * i, 1);
    ck_assert_ptr_eq(p.stack, first);
    ck_assert_uint_eq(s.n_idle, 0);
  }
  stacks_deinit(&s);
}
END_TEST

START_TEST(two_pools_side_by_side) {
  struct stacks s[2];
  struct piece p[2];
  for (int i = 0; i < 2; i++) {
    stacks_init(&s[i], entry, false);
    start(&s[i], &p[i], 10u * (unsigned)i, 2);
  }
  for (unsigned i = 0; i < 6; i++) turn(&p[i % 2]);
  ck_assert_uint_eq(p[0].turns, ~0u);
  ck_assert_uint_eq(p[1].turns, ~0u);
  stacks_deinit(&s[0]);
  stacks_deinit(&s[1]);
}
END_TEST

START_TEST(stacks_of_parked_pieces_go_with_the_pool) {
  struct stacks s;
  struct piece p[100];
  size_t before = mapped();
  stacks_init(&s, entry, false);
  for (unsigned i = 0; i < 100; i++) {
    start(&s, &p[i], i, 5);
    turn(&p[i]);
  }
  stacks_deinit(&s);
  ck_assert_uint_lt(mapped(), before + (100u << 20));
}
END_TEST

#if !WITH_ASAN /* whose allocator needs maps itself */
/* The kernel's limit of maps lets it be mapped, and not be given its guard, which would make it two. */
START_TEST(a_stack_without_a_guard_is_unmapped) {
  enum { TRIES = 200000 };
  if (getenv("GAIJIN_TEST_UNDER")) return; /* an emulator, which would have no maps left itself */
  struct stacks s;
  stacks_init(&s, entry, false);
  char *pages = mmap(NULL, (size_t)TRIES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ck_assert_ptr_ne(pages, MAP_FAILED);
  unsigned i = 1;
  while (i < TRIES && mprotect(pages + (size_t)i * PAGE, PAGE, PROT_READ) == 0) i += 2;
  size_t before = mapped();
  if (i < TRIES) ck_assert_ptr_null(stack_get(&s)); /* else the kernel has another limit, or none */
  ck_assert_uint_eq(mapped(), before);
  ck_assert_uint_eq(s.n_all, 0);
  munmap(pages, (size_t)TRIES * PAGE);
}
END_TEST
#endif

/* ---- Size ---- */

static void use_two_mebibytes(struct piece *p) {
  volatile char block[2 << 20];
  for (size_t i = sizeof block; i > 0; i -= PAGE / 2) block[i - 1] = (char)p->number;
  ck_assert_int_eq(block[sizeof block - 1], (char)p->number);
}

START_TEST(two_mebibytes_can_be_used) {
  struct stacks s;
  struct piece p;
  stacks_init(&s, entry, false);
  start(&s, &p, 7, 1);
  p.fn = use_two_mebibytes;
  turn(&p);
  ck_assert_uint_eq(p.turns, 1);
  stacks_deinit(&s);
}
END_TEST

START_TEST(a_waiting_stack_costs_a_few_pages) {
  struct stacks s;
  struct piece p;
  unsigned char there[256];
  stacks_init(&s, entry, false);
  start(&s, &p, 1, 2);
  turn(&p);
  uintptr_t page = (uintptr_t)p.local & ~(uintptr_t)(PAGE - 1);
  ck_assert_int_eq(mincore((void *)(page - 255 * PAGE), sizeof there * PAGE, there), 0);
  unsigned n = 0;
  for (size_t i = 0; i < sizeof there; i++) n += there[i] & 1u;
  ck_assert_uint_ge(n, 1);
  ck_assert_uint_le(n, 16);
  stacks_deinit(&s);
}
END_TEST

/* ---- Faults ---- */

struct end {
  int status;
  struct captured out;
};

static void switch_once(void) {
  struct stacks s;
  struct piece p;
  stacks_init(&s, entry, false);
  start(&s, &p, 1, 1);
  turn(&p);
  stacks_deinit(&s);
}

/* Runs fn in a process of its own, with its stderr in e->out.text. */
static void run_apart(struct end *e, void (*fn)(void)) {
  switch_once(); /* AddressSanitizer warns of the first switch by swapcontext; not in what is captured */
  captured_begin(&e->out, STDERR_FILENO);
  pid_t pid = fork();
  if (pid == 0) {
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    fn();
    _exit(0);
  }
  ck_assert_int_gt(pid, 0);
  ck_assert_int_eq(waitpid(pid, &e->status, 0), pid);
  captured_end(&e->out);
  char *emulator = strstr(e->out.text, "qemu: uncaught target signal ");
  if (emulator) *emulator = '\0'; /* it tells each death by a signal, last */
}

static void expect_signal(const struct end *e, int sig) {
  ck_assert_msg(WIFSIGNALED(e->status) && WTERMSIG(e->status) == sig, "status %x: %s", (unsigned)e->status, e->out.text);
}

static volatile unsigned deepest = ~0u;

static unsigned descend(unsigned n) {
  volatile char frame[512];
  frame[n % sizeof frame] = (char)n;
  if (n == deepest) return n;
  return descend(n + 1) + (unsigned)frame[n % sizeof frame];
}

static void descend_piece(struct piece *p) { p->number = descend(0); }

static struct stacks guarded;

static void overflow(void) {
  struct piece p[3];
  stacks_init(&guarded, entry, false);
  if (!stacks_guard_overflow(&guarded, false)) _exit(1);
  for (unsigned i = 0; i < 3; i++) start(&guarded, &p[i], i, 1);
  turn(&p[0]);
  turn(&p[2]);
  p[1].fn = descend_piece;
  turn(&p[1]);
}

enum { DEEP = 1 << 20 };

__attribute__((noinline)) static void go_deep(void) {
  volatile char frame[DEEP];
  for (size_t i = 0; i < sizeof frame; i += PAGE) frame[i] = 1;
}

static void is_deep_and_trims(struct piece *p) {
  go_deep();
  stack_trim(p->stack);
}

/* What lies below the pages that stack_used tells is nowhere: not counted is not kept. */
START_TEST(what_deeper_calls_left_is_given_back) {
  struct stacks s;
  struct piece p = {.stacks = &s, .fn = is_deep_and_trims, .steps = 1};
  unsigned char resident[DEEP / PAGE];
  stacks_init(&s, entry, false);
  ck_assert_ptr_nonnull(p.stack = stack_get(&s));
  stack_resume(&s, p.stack, &p);
  char *here = (char *)((uintptr_t)p.local & ~(uintptr_t)(PAGE - 1));
  unsigned kept = 0;
  ck_assert_int_eq(mincore(here - DEEP, DEEP, resident), 0);
  for (unsigned i = 0; i < DEEP / PAGE; i++) kept += resident[i] & 1;
  ck_assert_uint_le(kept, 1);
  stack_resume(&s, p.stack, &p);
  stacks_deinit(&s);
}
END_TEST

START_TEST(an_overflow_is_one_line_and_an_abort) {
  struct end e;
  run_apart(&e, overflow);
  expect_signal(&e, SIGABRT);
  captured_one_line(e.out.text, "gaijin: the C stack of a fiber overflowed; aborting");
}
END_TEST

static void touch_nothing(void) {
  stacks_init(&guarded, entry, false);
  if (!stacks_guard_overflow(&guarded, false)) _exit(1);
  struct piece p;
  start(&guarded, &p, 1, 1);
  turn(&p);
  volatile char *page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *page = 1;
}

static void send_segv(void) {
  stacks_init(&guarded, entry, false);
  if (!stacks_guard_overflow(&guarded, false)) _exit(1);
  kill(getpid(), SIGSEGV);
}

static void send_bus(void) {
  stacks_init(&guarded, entry, false);
  if (!stacks_guard_overflow(&guarded, false)) _exit(1);
  raise(SIGBUS);
}

START_TEST(another_fault_kills_as_ever) {
  struct end e;
  run_apart(&e, touch_nothing);
  expect_signal(&e, SIGSEGV);
  ck_assert_str_eq(e.out.text, "");
}
END_TEST

START_TEST(a_signal_sent_by_somebody_kills_too) {
  struct end e;
  run_apart(&e, send_segv);
  expect_signal(&e, SIGSEGV);
  ck_assert_str_eq(e.out.text, "");
  run_apart(&e, send_bus);
  expect_signal(&e, SIGBUS);
}
END_TEST

/* ---- In an interpreter, which may have handlers of its own ---- */

static void own_handler(int sig) {
  static const char text[] = "the program's\n";
  ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
  _exit(n > 0 ? sig : 1);
}
static void own_action(int sig, siginfo_t *info, void *context) {
  (void)context;
  own_handler(info ? sig : 1);
}

static void guard_with_own_handler(int sig, bool with_info, bool is_guest) {
  struct sigaction own = {.sa_flags = with_info ? SA_SIGINFO : 0};
  if (with_info)
    own.sa_sigaction = own_action;
  else
    own.sa_handler = own_handler;
  sigaction(sig, &own, NULL);
  stacks_init(&guarded, entry, false);
  if (!stacks_guard_overflow(&guarded, is_guest)) _exit(1);
  raise(sig);
}

static void guest_with_handler(void) { guard_with_own_handler(SIGSEGV, false, true); }
static void guest_with_action(void) { guard_with_own_handler(SIGBUS, true, true); }
static void program_with_handler(void) { guard_with_own_handler(SIGSEGV, false, false); }

#if !WITH_ASAN /* whose own handler is there */
static void guest_without(void) {
  struct piece p;
  stacks_init(&guarded, entry, false);
  if (!stacks_guard_overflow(&guarded, true)) _exit(1);
  start(&guarded, &p, 1, 1);
  p.fn = descend_piece;
  turn(&p);
}
#endif

START_TEST(a_handler_of_the_guest_s_is_kept) {
  struct end e;
  run_apart(&e, guest_with_handler);
  ck_assert_int_eq(WEXITSTATUS(e.status), SIGSEGV);
  ck_assert_str_eq(e.out.text, "the program's\n");
  run_apart(&e, guest_with_action);
  ck_assert_int_eq(WEXITSTATUS(e.status), SIGBUS);
  ck_assert_str_eq(e.out.text, "the program's\n");
#if !WITH_ASAN
  run_apart(&e, guest_without);
  expect_signal(&e, SIGABRT);
  captured_one_line(e.out.text, "gaijin: the C stack of a fiber overflowed; aborting");
#endif
  run_apart(&e, program_with_handler); /* no guest */
  expect_signal(&e, SIGSEGV);
  ck_assert_str_eq(e.out.text, "");
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_stack");
  TCase *c = tcase_create("stack");
  tcase_add_test(c, thousands_at_once_and_the_pool_shrinks);
  tcase_add_test(c, idle_ones_are_kept_until_they_were_not_needed);
  tcase_add_test(c, a_stack_given_back_is_used_again_from_the_start);
  tcase_add_test(c, two_pools_side_by_side);
  tcase_add_test(c, stacks_of_parked_pieces_go_with_the_pool);
#if !WITH_ASAN
  tcase_add_test(c, a_stack_without_a_guard_is_unmapped);
#endif
  tcase_add_test(c, two_mebibytes_can_be_used);
  tcase_add_test(c, a_waiting_stack_costs_a_few_pages);
  if (!WITH_ASAN) tcase_add_test(c, what_deeper_calls_left_is_given_back);
  tcase_add_test(c, an_overflow_is_one_line_and_an_abort);
  tcase_add_test(c, another_fault_kills_as_ever);
  tcase_add_test(c, a_signal_sent_by_somebody_kills_too);
  tcase_add_test(c, a_handler_of_the_guest_s_is_kept);
  suite_add_tcase(s, c);
  return run_suite(s);
}
