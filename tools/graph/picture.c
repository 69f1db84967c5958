/* SPDX-License-Identifier: MIT
 *
 * What goes in and what comes out are files in memory, so neither end ever waits for the other.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include "tools/graph/picture.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/clock.h"

#define INSTALL "install Graphviz (Debian: apt install graphviz), or use --format dot"
enum { NOT_STARTED = 127 };

struct pipes {
  int in, out, err;
};

__attribute__((noreturn))
static void be_dot(const struct pipes *p, const char *flag, pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) _exit(NOT_STARTED);
  struct rlimit size = {PICTURE_BYTES_MOST, PICTURE_BYTES_MOST};
  setrlimit(RLIMIT_FSIZE, &size);
  if (dup2(p->in, 0) < 0 || dup2(p->out, 1) < 0 || dup2(p->err, 2) < 0) _exit(NOT_STARTED);
  execlp("dot", "dot", flag, (char *)NULL);
  dprintf(2, "%s", errno == ENOENT ? "there is no program 'dot': " INSTALL : strerror(errno));
  _exit(NOT_STARTED);
}

/* Its status, or -1: it has been killed, because its time was over. */
static int await(pid_t pid, double seconds) {
  double end = clock_seconds() + seconds;
  int status = 0;
  for (;;) {
    pid_t r = waitpid(pid, &status, WNOHANG);
    if (r == pid) return status;
    if (r < 0 && errno != EINTR) return -1;
    if (clock_seconds() >= end) break;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
  kill(pid, SIGKILL);
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return -1;
}

static bool write_all(int fd, const struct text *t) {
  for (size_t done = 0; done < t->size;) {
    ssize_t n = write(fd, t->bytes + done, t->size - done);
    if (n <= 0) return false;
    done += (size_t)n;
  }
  return lseek(fd, 0, SEEK_SET) == 0;
}

static void read_all(int fd, size_t most, struct text *t) {
  char part[16384];
  ssize_t n;
  if (lseek(fd, 0, SEEK_SET) != 0) return;
  while (t->size < most && (n = read(fd, part, sizeof part)) > 0) text_add(t, part, (size_t)n);
}

/* Whether it has drawn; the first line that it has written into err is told if not. */
static bool judge(int status, double seconds, const struct pipes *p, const struct text *picture) {
  struct text said = {0};
  if (status == -1) {
    tool_error("graph: dot has not drawn it within %g s; take less with --fold, --focus or --host, "
               "or more with --timeout", seconds);
    return false;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && picture->size) return true;
  read_all(p->err, 400, &said);
  if (said.bytes) said.bytes[strcspn(said.bytes, "\n")] = 0;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ)
    tool_error("graph: the picture has more than %d MiB; take less with --fold, --focus or --host",
               PICTURE_BYTES_MOST >> 20);
  else if (WIFSIGNALED(status))
    tool_error("graph: dot was ended by signal %d", WTERMSIG(status));
  else if (said.bytes && *said.bytes)
    tool_error("graph: %s%s", WEXITSTATUS(status) == NOT_STARTED ? "" : "dot: ", said.bytes);
  else
    tool_error("graph: dot ended with status %d", WEXITSTATUS(status));
  text_deinit(&said);
  return false;
}

bool picture_draw(const struct text *dot, const char *format, double seconds,
                  struct text *picture) {
  struct pipes p = {memfd_create("graph", MFD_CLOEXEC), memfd_create("picture", MFD_CLOEXEC),
                    memfd_create("errors", MFD_CLOEXEC)};
  char flag[16];
  bool good = p.in >= 0 && p.out >= 0 && p.err >= 0 && write_all(p.in, dot);
  snprintf(flag, sizeof flag, "-T%s", format);
  pid_t self = getpid(), pid = good ? fork() : -1;
  if (pid == 0) be_dot(&p, flag, self);
  if (pid < 0) {
    tool_error("graph: cannot start dot: %s", strerror(errno));
    good = false;
  } else {
    int status = await(pid, seconds);
    read_all(p.out, PICTURE_BYTES_MOST, picture);
    good = judge(status, seconds, &p, picture);
  }
  const int all[] = {p.in, p.out, p.err};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i] >= 0) close(all[i]);
  return good;
}
