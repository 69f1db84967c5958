/* SPDX-License-Identifier: MIT
 *
 * What the kernel refuses a sandboxed worker (lua/sandbox/kernel.h), tried with machine code, as
 * one that has broken out of its VM would. Each piece runs in a process of its own, twice:
 * without the sandbox it must succeed, so that no refusal is empty.
 */
#define _GNU_SOURCE
#include "lua/sandbox/forks.h"
#include "lua/sandbox/kernel.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/run.h"

/* Exit status of a child. */
enum { DID = 0, REFUSED = 1, NOT_CONFINED = 2 };

typedef bool (*piece)(void); /* whether it succeeded */

static int run_piece(piece fn, int (*confine)(void)) {
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    if (confine && confine() != 0) _exit(NOT_CONFINED);
    _exit(fn() ? DID : REFUSED);
  }
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  return status;
}

static int confine_all(void) {
  char text[256];
  return kernel_confine(text, sizeof text);
}

static int confine_in_order(void) { return kernel_refuse_rings() == 0 ? confine_all() : -1; }

static int confine_files(void) {
  int version;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return kernel_close_files(&version);
}

/* ---- What is refused ---- */

/* Descriptors end with the process of the piece. */
static bool opens_a_file(void) {
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return fd >= 0 && close(fd) == 0;
}
static bool opens_a_file_at(void) { return syscall(SYS_openat, AT_FDCWD, "/", O_PATH | O_CLOEXEC) >= 0; }
static bool makes_a_file(void) {
  char name[] = "/tmp/gaijin-XXXXXX";
  int fd = mkstemp(name);
  return fd >= 0 && close(fd) == 0 && unlink(name) == 0;
}
static bool looks_at_a_file(void) { return access("/", F_OK) == 0; }
static bool looks_at_a_path_as_fstat(void) {
  struct stat s;
  return syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", &s, AT_EMPTY_PATH) == 0;
}
static bool begins_a_thread(void) {
  static char stack[4096];
  long child = syscall(SYS_clone, CLONE_VM | SIGCHLD, stack + sizeof stack, NULL, NULL, NULL);
  return child > 0; /* it has nowhere to go, and dies */
}
static bool changes_directory(void) { return chdir("/") == 0; }
static bool makes_a_socket_of(int family) {
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return fd >= 0 && close(fd) == 0;
}
static bool makes_a_socket(void) { return makes_a_socket_of(AF_UNIX); }
static bool makes_a_network_socket(void) { return makes_a_socket_of(AF_INET); }
static bool makes_a_pair(void) {
  int fds[2];
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0;
}
static bool makes_code(void) {
  void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return p != MAP_FAILED && munmap(p, 4096) == 0;
}
static bool makes_memory_code(void) {
  void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}
static bool signals_its_parent(void) { return kill(getppid(), 0) == 0; }
static bool signals_a_thread_of_its_parent(void) {
  return syscall(SYS_tgkill, getppid(), getppid(), 0) == 0;
}
static bool reads_limits_of_others(void) { return syscall(SYS_prlimit64, getppid(), 7, NULL, NULL) == 0; }
static bool makes_a_namespace_with_clone(void) {
  long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
  if (child == 0) _exit(0);
  return child > 0;
}
static bool waits_for_a_terminal_s_size(void) { return ioctl(0, FIONREAD, &(int){0}) == 0 || errno != EPERM; }
static bool owns_a_descriptor_s_signals(void) { return fcntl(0, F_SETOWN, getpid()) == 0; }
static bool changes_its_umask(void) { return umask(0) != (mode_t)-1; }
static bool sets_a_process_flag(void) { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0; }
static bool lists_extended_attributes(void) { return syscall(SYS_listxattr, "/", NULL, 0) >= 0; }
static bool asks_for_the_system_s_name(void) { char b[512]; return syscall(SYS_uname, b) == 0; }

static const struct {
  const char *name;
  piece fn;
} refused[] = {
    {"opens a file", opens_a_file},
    {"opens a file by openat", opens_a_file_at},
    {"makes a file", makes_a_file},
    {"looks at a file", looks_at_a_file},
    {"looks at a path as if for fstat", looks_at_a_path_as_fstat},
    {"begins something that shares its memory", begins_a_thread},
    {"changes its directory", changes_directory},
    {"makes a socket", makes_a_socket},
    {"makes a network socket", makes_a_network_socket},
    {"makes a pair of sockets", makes_a_pair},
    {"maps memory that is code", makes_code},
    {"makes memory code", makes_memory_code},
    {"signals its parent", signals_its_parent},
    {"signals a thread of its parent", signals_a_thread_of_its_parent},
    {"reads limits of its parent", reads_limits_of_others},
    {"an ioctl that is not on the list", waits_for_a_terminal_s_size},
    {"has the kernel signal for a descriptor", owns_a_descriptor_s_signals},
    {"changes its umask", changes_its_umask},
    {"makes itself dumpable", sets_a_process_flag},
    {"lists extended attributes", lists_extended_attributes},
    {"asks for the system's name", asks_for_the_system_s_name},
};

START_TEST(what_is_not_on_the_list_is_refused) {
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    int before = run_piece(refused[i].fn, NULL), after = run_piece(refused[i].fn, confine_all);
    ck_assert_msg(WIFEXITED(before) && WEXITSTATUS(before) == DID, "%s: not without the sandbox either: %x",
                  refused[i].name, (unsigned)before);
    ck_assert_msg(WIFEXITED(after) && WEXITSTATUS(after) == REFUSED, "%s: %x", refused[i].name, (unsigned)after);
  }
}
END_TEST

static bool starts_a_program(void) {
  execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL);
  return false;
}
static bool starts_a_program_at(void) {
  char *arguments[] = {(char *)"sh", (char *)"-c", (char *)"exit 0", NULL};
  syscall(SYS_execveat, AT_FDCWD, "/bin/sh", arguments, NULL, 0);
  return false;
}
static bool is_traced(void) { return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0; }
static bool reads_its_parent(void) {
  syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
  return true;
}
static bool leaves_its_namespaces(void) { return syscall(SYS_unshare, 0) == 0; }
static bool changes_personality(void) { return syscall(SYS_personality, 0xffffffff) >= 0; }

static const struct {
  const char *name;
  piece fn;
} deadly[] = {
    {"starts a program", starts_a_program},
    {"starts a program by execveat", starts_a_program_at},
    {"lets itself be traced", is_traced},
    {"reads another process", reads_its_parent},
    {"leaves its namespaces", leaves_its_namespaces},
    {"changes its personality", changes_personality},
};

START_TEST(what_only_broken_out_code_calls_kills) {
  for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
    int before = run_piece(deadly[i].fn, NULL), after = run_piece(deadly[i].fn, confine_all);
    /* Containers refuse some of these to everybody, but do not kill for them. */
    ck_assert_msg(WIFEXITED(before), "%s: kills without the sandbox: %x", deadly[i].name, (unsigned)before);
    ck_assert_msg(WIFSIGNALED(after) && WTERMSIG(after) == SIGSYS, "%s: %x", deadly[i].name, (unsigned)after);
  }
}
END_TEST

/* libuv makes one for each loop, also for the one of a forked copy, and goes without where it cannot. That is also so in
 * systems that have none. */
static bool makes_a_ring(void) { return syscall(SYS_io_uring_setup, 0, NULL) >= 0 || errno == EFAULT || errno == EINVAL; }
static bool makes_a_ring_where_there_are_none(void) { return makes_a_ring() || errno != ENOSYS; }

START_TEST(rings_are_refused_before_and_after) {
  int early = run_piece(makes_a_ring_where_there_are_none, kernel_refuse_rings);
  ck_assert_msg(WIFEXITED(early) && WEXITSTATUS(early) == REFUSED, "%x", (unsigned)early);
  int late = run_piece(makes_a_ring, confine_all);
  ck_assert_msg(WIFEXITED(late) && WEXITSTATUS(late) == REFUSED, "%x", (unsigned)late);
  int both = run_piece(makes_a_ring, confine_in_order);
  ck_assert_msg(WIFEXITED(both) && WEXITSTATUS(both) == REFUSED, "%x", (unsigned)both);
  /* What was let through early must go on: all else. */
  int open_still = run_piece(opens_a_file, kernel_refuse_rings);
  ck_assert_msg(WIFEXITED(open_still) && WEXITSTATUS(open_still) == DID, "%x", (unsigned)open_still);
}
END_TEST

/* Not every system lets us without the sandbox. */
START_TEST(clone_makes_no_namespace) {
  int after = run_piece(makes_a_namespace_with_clone, confine_all);
  ck_assert_msg(WIFEXITED(after) && WEXITSTATUS(after) == REFUSED, "%x", (unsigned)after);
}
END_TEST

/* ---- What must go on ---- */

static bool works_with_memory(void) {
  char *p = malloc(64 << 20);
  if (!p) return false;
  memset(p, 1, 64 << 20);
  free(p);
  p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  return p != MAP_FAILED && mprotect(p, 4096, PROT_NONE) == 0 && munmap(p, 1 << 20) == 0;
}

/* As a walk of the heap will: a copy that writes what it found, and a parent that reads and waits. */
static bool forks(void) {
  int pipes[2], status = -1;
  char c = 0;
  int memory = memfd_create("walk", MFD_CLOEXEC);
  if (memory < 0 || ftruncate(memory, 4096) != 0 || pipe2(pipes, O_CLOEXEC) != 0) return false;
  pid_t child = fork();
  if (child == 0) {
    char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (shared == MAP_FAILED) _exit(1);
    shared[0] = 'm';
    _exit(write(pipes[1], "p", 1) == 1 ? 7 : 1);
  }
  if (child < 0 || read(pipes[0], &c, 1) != 1 || waitpid(child, &status, 0) != child) return false;
  const char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, memory, 0);
  if (shared == MAP_FAILED) return false;
  bool told = shared[0] == 'm';
  munmap((void *)(uintptr_t)shared, 4096);
  return told && c == 'p' && WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

static bool tells_the_time(void) {
  struct timespec little = {.tv_nsec = 1000};
  time_t now = time(NULL);
  struct tm parts;
  char text[64];
  return clock() != (clock_t)-1 && nanosleep(&little, NULL) == 0 && now != (time_t)-1 &&
         strftime(text, sizeof text, "%c", localtime_r(&now, &parts)) > 0;
}

static bool writes(void) {
  return fprintf(stderr, "%s", "") == 0 && fflush(stdout) == 0;
}

START_TEST(what_a_worker_needs_goes_on) {
  static const piece pieces[] = {works_with_memory, forks, tells_the_time, writes};
  for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
    int status = run_piece(pieces[i], confine_all);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == DID, "piece %zu: %x", i, (unsigned)status);
  }
}
END_TEST

static bool aborts(void) { abort(); }

START_TEST(an_assertion_still_ends_it_without_a_core) {
  int status = run_piece(aborts, confine_all);
  ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && !WCOREDUMP(status));
}
END_TEST

static bool is_dumped(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1; }

/* The filter refuses to tell, so this is tried before it. */
START_TEST(memory_is_shut_for_pipes_too) {
  int before = run_piece(is_dumped, NULL), after = run_piece(is_dumped, kernel_shut_memory);
  ck_assert(WIFEXITED(before) && WEXITSTATUS(before) == DID);
  ck_assert(WIFEXITED(after) && WEXITSTATUS(after) == REFUSED);
}
END_TEST

/* ---- Forks ---- */

enum { NOBODYS_UID = 54321, ENDLESS = 4 * FORKS_SPARE };

static int be_nobody(void) { return setresuid(NOBODYS_UID, NOBODYS_UID, NOBODYS_UID); }
static int be_nobody_bound(void) { return be_nobody() == 0 && forks_bound() ? 0 : -1; }

/* Forks until it cannot, or quite often; the children live as long as it does. */
static unsigned forks_made(void) {
  int gate[2];
  char c;
  unsigned n = 0;
  if (pipe2(gate, O_CLOEXEC) != 0) return 0;
  for (pid_t child = 1; n < ENDLESS && child > 0; n += child > 0) {
    child = fork();
    if (child != 0) continue;
    close(gate[1]);
    _exit(read(gate[0], &c, 1) == 0 ? 0 : 1);
  }
  close(gate[1]);
  while (wait(NULL) > 0) continue;
  return n;
}
static bool forks_without_end(void) { return forks_made() == ENDLESS; }
static bool forks_to_the_bound(void) { return forks_made() == FORKS_SPARE; }
static bool forks_are_bound_again(void) { return forks_bound() && forks_to_the_bound(); }
static bool bounds_forks(void) { return forks_bound(); }

/* Of a user who has no other process; and only root can become him. */
START_TEST(forks_have_a_bound) {
  int status = run_piece(bounds_forks, NULL);
  if (geteuid() != 0) return;
  ck_assert_int_eq(WEXITSTATUS(status), REFUSED); /* root has none, and it is said */
  status = run_piece(forks_without_end, be_nobody);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == DID, "%x", (unsigned)status);
  status = run_piece(forks_to_the_bound, be_nobody_bound);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == DID, "%x", (unsigned)status);
  status = run_piece(forks_are_bound_again, be_nobody_bound); /* it cannot be raised */
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == DID, "%x", (unsigned)status);
}
END_TEST

/* ---- Landlock alone ---- */

static bool has_landlock(void) {
  return syscall(444 /* landlock_create_ruleset */, NULL, 0, 1) > 0;
}

START_TEST(landlock_closes_files_without_the_filter) {
  static const piece pieces[] = {opens_a_file, makes_a_file};
  if (!has_landlock()) return;
  for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
    int status = run_piece(pieces[i], confine_files);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == REFUSED, "piece %zu: %x", i, (unsigned)status);
  }
}
END_TEST

static bool says_what_is_in_force(void) {
  char text[256];
  bool is_root = getuid() == 0;
  if (kernel_confine(text, sizeof text) != 0) return false;
  return strstr(text, "system calls are filtered") && strstr(text, "Landlock") &&
         (strstr(text, "; forks are not bounded") != NULL) == is_root &&
         prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) < 0; /* no call of prctl any more */
}

START_TEST(what_is_in_force_is_said) {
  int status = run_piece(says_what_is_in_force, NULL);
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == DID);
}
END_TEST

/* Emulators of other processors, and some containers, have none of it. */
static bool kernel_filters(void) { return kernel_can_filter() && prctl(PR_GET_SECCOMP) == 0; }

int main(void) {
  Suite *s = suite_create("lua_kernel");
  TCase *c = tcase_create("kernel");
  if (kernel_filters()) {
    tcase_add_test(c, what_is_not_on_the_list_is_refused);
    tcase_add_test(c, what_only_broken_out_code_calls_kills);
    tcase_add_test(c, rings_are_refused_before_and_after);
    tcase_add_test(c, clone_makes_no_namespace);
    tcase_add_test(c, what_a_worker_needs_goes_on);
    tcase_add_test(c, an_assertion_still_ends_it_without_a_core);
    tcase_add_test(c, memory_is_shut_for_pipes_too);
    tcase_add_test(c, what_is_in_force_is_said);
  }
  /* An emulator needs threads of its own, which are bound too. */
  if (!getenv("GAIJIN_TEST_UNDER")) tcase_add_test(c, forks_have_a_bound);
  if (kernel_can_filter()) tcase_add_test(c, landlock_closes_files_without_the_filter);
  suite_add_tcase(s, c);
  return run_suite(s);
}
