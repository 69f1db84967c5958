/* SPDX-License-Identifier: MIT
 *
 * The descriptors are those from 3 on.
 */
#include "broker/net/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST = 3, MOST = 1024 };

/* A number of the environment; -1: there is none. */
static long take_number(const char *name) {
  const char *text = getenv(name);
  char *end;
  if (!text || *text < '0' || *text > '9') return -1;
  long n = strtol(text, &end, 10);
  return *end ? -1 : n;
}

/* How many were handed to this process. */
static int take_count(void) {
  static const char *const names[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
                                      "LISTEN_PIDFDID"};
  bool ours = take_number(names[0]) == (long)getpid();
  long count = take_number(names[1]);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
  return ours && count > 0 ? (int)(count < MOST ? count : MOST) : 0;
}

bool activation_path(int fd, char path[ACTIVATION_PATH_BYTES]) {
  struct sockaddr_un at = {0};
  socklen_t size = sizeof at;
  *path = '\0';
  if (getsockname(fd, (struct sockaddr *)&at, &size) < 0 || at.sun_family != AF_UNIX ||
      size <= offsetof(struct sockaddr_un, sun_path))
    return false;
  size_t n = strnlen(at.sun_path, sizeof at.sun_path);
  if (n == 0 || n >= ACTIVATION_PATH_BYTES) return false;
  memcpy(path, at.sun_path, n);
  path[n] = '\0';
  return true;
}

static int option(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -1 : value;
}

/* NULL, or what is wrong with the descriptor. */
static const char *fault_of(struct activation *a) {
  struct stat st;
  if (fstat(a->fd, &st) < 0) return "it is not open";
  if (!S_ISSOCK(st.st_mode)) return "it is no socket";
  if (option(a->fd, SO_DOMAIN) != AF_UNIX) return "it is no Unix socket";
  if (option(a->fd, SO_TYPE) != SOCK_STREAM) return "it is no stream socket (ListenStream=)";
  if (option(a->fd, SO_ACCEPTCONN) != 1) return "nobody can connect to it (use Accept=no)";
  if (!activation_path(a->fd, a->path)) return "it has no path, beside which there is a lock";
  if (lstat(a->path, &st) < 0 || !S_ISSOCK(st.st_mode))
    return "its path is another file's now; restart the socket's unit";
  int flags = fcntl(a->fd, F_GETFL);
  if (flags < 0 || fcntl(a->fd, F_SETFL, flags | O_NONBLOCK) < 0) return "it cannot be set up";
  return NULL;
}

bool activation_take(struct activation *a, char *error, size_t n) {
  int count = take_count();
  *a = (struct activation){0};
  for (int fd = FIRST; fd < FIRST + count; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
  if (count > 1)
    snprintf(error, n, "%d sockets were handed over by the service manager, and one is wanted; "
                       "leave one ListenStream= in the socket's unit", count);
  if (count != 1) return count == 0;
  a->fd = FIRST;
  const char *fault = fault_of(a);
  if (!fault) return true;
  snprintf(error, n, "descriptor %d, handed over by the service manager, is not to be used: %s",
           FIRST, fault);
  a->fd = 0;
  return false;
}
