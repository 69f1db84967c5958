/* SPDX-License-Identifier: MIT
 *
 * A signal handler knows nothing but globals, so these are.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2 */
#endif
#include "tools/top/screen/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "tools/base/command.h"

/* All that end a program if nobody minds, but for SIGKILL, and SIGPIPE, which nobody sends here. */
static const int ends[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGSEGV,   SIGBUS,  SIGABRT,
                           SIGFPE,  SIGILL,  SIGSYS,  SIGTRAP, SIGALRM,   SIGUSR1, SIGUSR2,
                           SIGXCPU, SIGXFSZ, SIGPOLL, SIGPROF, SIGVTALRM};
enum { ENDS = sizeof ends / sizeof *ends, STACK_BYTES = 64 << 10 };

static struct {
  struct termios modes;
  char bytes[RESTORE_BYTES];
  size_t size;
  struct sigaction before[ENDS];
  int said[2]; /* a pipe; or -1 */
  int stderr_before;
  _Alignas(64) char stack[STACK_BYTES]; /* for handlers: the other one may have overflowed */
} kept = {.said = {-1, -1}, .stderr_before = -1};
static volatile sig_atomic_t is_changed;

int restore_said_fd(void) { return kept.said[0]; }

/* ---- stderr ---- */

static void divert(void) {
  kept.stderr_before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (kept.stderr_before >= 0 && pipe2(kept.said, O_CLOEXEC | O_NONBLOCK) == 0) {
    dup2(kept.said[1], STDERR_FILENO);
    return;
  }
  if (kept.stderr_before >= 0) close(kept.stderr_before);
  kept.stderr_before = kept.said[0] = kept.said[1] = -1;
}

static void write_all(int fd, const char *bytes, size_t size) {
  while (size) {
    ssize_t n = write(fd, bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    bytes += n;
    size -= (size_t)n;
  }
}

static void undivert(void) {
  char piece[512];
  ssize_t n;
  if (kept.stderr_before < 0) return;
  dup2(kept.stderr_before, STDERR_FILENO);
  while ((n = read(kept.said[0], piece, sizeof piece)) > 0)
    write_all(STDERR_FILENO, piece, (size_t)n);
}

/* ---- The terminal ---- */

void restore_now(void) {
  if (!is_changed) return;
  is_changed = 0;
  /* After Ctrl-S what follows would wait for Ctrl-Q: without IXON output goes on. */
  struct termios flows = kept.modes;
  flows.c_iflag &= (tcflag_t)~IXON;
  tcsetattr(STDIN_FILENO, TCSANOW, &flows);
  write_all(STDOUT_FILENO, kept.bytes, kept.size);
  tcsetattr(STDIN_FILENO, TCSANOW, &kept.modes);
  undivert();
}

/* With what had been done before about this signal, as if it came now. */
static void end(int number) {
  int error = errno;
  restore_now();
  if (number == SIGINT) _exit(EXIT_GOOD);
  for (size_t i = 0; i < ENDS; i++)
    if (ends[i] == number) sigaction(number, &kept.before[i], NULL);
  sigset_t this_one;
  sigemptyset(&this_one);
  sigaddset(&this_one, number);
  raise(number);
  sigprocmask(SIG_UNBLOCK, &this_one, NULL);
  errno = error;
}

static void watch(void) {
  stack_t stack = {.ss_sp = kept.stack, .ss_size = sizeof kept.stack};
  struct sigaction a = {.sa_handler = end};
  sigaltstack(&stack, NULL);
  sigfillset(&a.sa_mask);
  for (size_t i = 0; i < ENDS; i++) {
    sigaction(ends[i], NULL, &kept.before[i]);
    /* Those that come from outside find the usual stack whole, as what looks for leaks does. */
    a.sa_flags = ends[i] == SIGSEGV || ends[i] == SIGBUS ? SA_ONSTACK : 0;
    /* Who is to ignore one (nohup) goes on to do so. */
    if (kept.before[i].sa_handler != SIG_IGN) sigaction(ends[i], &a, NULL);
  }
}

bool restore_note(void) {
  if (tcgetattr(STDIN_FILENO, &kept.modes) != 0) return false;
  watch();
  return true;
}

void restore_begin(const char *bytes) {
  kept.size = strlen(bytes);
  if (kept.size > sizeof kept.bytes) kept.size = sizeof kept.bytes;
  memcpy(kept.bytes, bytes, kept.size);
  divert();
  atexit(restore_now);
  is_changed = 1;
}

void restore_pause(void) { restore_now(); }

void restore_resume(void) {
  if (kept.stderr_before >= 0) dup2(kept.said[1], STDERR_FILENO);
  is_changed = 1;
}
