/* SPDX-License-Identifier: MIT
 *
 * The socket is connected once, so that a sandboxed program can still send. Descriptor 0 is a
 * standard stream, so a zeroed struct has none.
 */
#include "proto/settings/manager.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MESSAGE_BYTES = 1024 };

/* The value of a variable, which is taken out of the environment; NULL: it is not set. */
static const char *take(struct manager *m, unsigned slot, const char *name) {
  const char *value = getenv(name);
  int size = value ? snprintf(m->words[slot], sizeof m->words[slot], "%s=%s", name, value) : 0;
  unsetenv(name);
  if (size <= 0) return NULL;
  if ((size_t)size < sizeof m->words[slot]) {
    unsigned count = 0;
    while (m->variables[count]) count++;
    m->variables[count] = m->words[slot];
  }
  return m->words[slot] + strlen(name) + 1;
}

/* "/path" or "@abstract"; a path fits with its 0, an abstract name has none. */
static bool read_address(const char *text, struct sockaddr_un *to, socklen_t *size) {
  size_t n = strlen(text);
  if ((*text != '/' && *text != '@') || n < 2 || n >= sizeof to->sun_path) return false;
  *to = (struct sockaddr_un){.sun_family = AF_UNIX};
  memcpy(to->sun_path, text, n);
  if (*text == '@') to->sun_path[0] = '\0';
  *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (*text == '/'));
  return true;
}

static bool open_socket(struct manager *m, const char *text) {
  struct sockaddr_un to;
  socklen_t size;
  errno = EINVAL;
  if (!read_address(text, &to, &size)) return false;
  m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (m->fd >= 0 && connect(m->fd, (const struct sockaddr *)&to, size) == 0) return true;
  int why = errno;
  if (m->fd >= 0) close(m->fd);
  m->fd = -1;
  errno = why;
  return false;
}

static uint64_t read_watchdog(const char *usec, const char *pid) {
  if (pid && strtol(pid, NULL, 10) != (long)getpid()) return 0;
  return usec && *usec >= '0' && *usec <= '9' ? strtoull(usec, NULL, 10) : 0;
}

bool manager_open(struct manager *m, char *error, size_t n) {
  *m = (struct manager){.fd = -1};
  const char *socket = take(m, 0, "NOTIFY_SOCKET"), *usec = take(m, 1, "WATCHDOG_USEC"),
             *pid = take(m, 2, "WATCHDOG_PID");
  if (!socket) return true;
  if (open_socket(m, socket)) {
    m->watchdog_us = read_watchdog(usec, pid);
    return true;
  }
  snprintf(error, n,
           "the service manager is told nothing: cannot send to %.120s ($NOTIFY_SOCKET): %s",
           socket, strerror(errno));
  return false;
}

void manager_close(struct manager *m) {
  if (m->fd > 0) close(m->fd);
  m->fd = -1;
}

static bool send_now(const struct manager *m, const char *text, size_t size) {
  ssize_t r;
  do
    r = send(m->fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (r < 0 && errno == EINTR);
  return r >= 0 || errno != EAGAIN;
}

/* `text` (MESSAGE_BYTES) has `used` bytes already. A message that is cut ends with a whole line at
 * most, so what is short comes first. */
static size_t put(char *text, size_t used, const char *format, va_list args) {
  int more = vsnprintf(text + used, MESSAGE_BYTES - used, format, args);
  size_t size = used + (more > 0 ? (size_t)more : 0);
  return size < MESSAGE_BYTES ? size : MESSAGE_BYTES - 1;
}

void manager_tell(const struct manager *m, const char *format, ...) {
  char text[MESSAGE_BYTES];
  va_list args;
  if (!m || m->fd <= 0) return;
  va_start(args, format);
  size_t size = put(text, 0, format, args);
  va_end(args);
  send_now(m, text, size);
}

void manager_ready(const struct manager *m, const char *format, ...) {
  char text[MESSAGE_BYTES] = "READY=1\nSTATUS=";
  va_list args;
  if (!m || m->fd <= 0) return;
  va_start(args, format);
  size_t size = put(text, strlen(text), format, args);
  va_end(args);
  struct pollfd room = {.fd = m->fd, .events = POLLOUT};
  if (!send_now(m, text, size) && poll(&room, 1, MANAGER_WAIT_MS) > 0) send_now(m, text, size);
}

bool manager_is_journal(int fd) {
  const char *stream = getenv("JOURNAL_STREAM");
  struct stat st;
  char own[64];
  if (!stream || fstat(fd, &st) != 0) return false;
  snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)st.st_dev,
           (unsigned long long)st.st_ino);
  return strcmp(own, stream) == 0;
}
