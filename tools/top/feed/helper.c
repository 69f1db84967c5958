/* SPDX-License-Identifier: MIT
 *
 * The program runs itself by /proc/self/exe, which is its own file also when another one has its
 * path by now.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2 */
#endif
#include "tools/top/feed/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

bool helper_begin(struct helper *h, const char *const *words) {
  int ends[2];
  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  sigset_t none;
  helper_end(h);
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, ends[1], STDERR_FILENO);
  sigemptyset(&none);
  posix_spawnattr_init(&how);
  /* A group of its own: Ctrl-C ends top, not what was begun. */
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&how, 0);
  posix_spawnattr_setsigmask(&how, &none);
  int why = posix_spawn(&h->pid, "/proc/self/exe", &files, &how, (char *const *)words, environ);
  posix_spawnattr_destroy(&how);
  posix_spawn_file_actions_destroy(&files);
  close(ends[1]);
  if (why != 0) {
    close(ends[0]);
    h->pid = 0;
    errno = why;
    return false;
  }
  h->fd = ends[0];
  fcntl(h->fd, F_SETFL, O_NONBLOCK);
  return true;
}

static bool has_ended(struct helper *h) {
  int status;
  if (waitpid(h->pid, &status, WNOHANG) != h->pid) return false;
  h->pid = 0;
  h->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

bool helper_read(struct helper *h) {
  char piece[4096];
  ssize_t n = -1;
  while (h->fd >= 0 && (n = read(h->fd, piece, sizeof piece)) > 0)
    if (h->said.size < HELPER_BYTES) text_add(&h->said, piece, (size_t)n);
  if (h->fd >= 0 && n == 0) {
    close(h->fd);
    h->fd = -1;
  }
  return h->pid && h->fd < 0 && has_ended(h);
}

void helper_leave(struct helper *h) {
  if (h->pid && h->fd >= 0) close(h->fd);
  text_deinit(&h->said);
  *h = (struct helper){.fd = -1};
}

void helper_end(struct helper *h) {
  if (h->pid) {
    kill(h->pid, SIGKILL);
    waitpid(h->pid, NULL, 0);
  }
  helper_leave(h);
}
