/* SPDX-License-Identifier: MIT
 *
 * The answer is read to its end, or until its time is over.
 */
#include "tools/run/control/ask.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gaijin/gaijin.h>
#include "proto/clock.h"
#include "tools/base/text.h"
#include "tools/run/control/address.h"

struct answer {
  const struct ask_request *request;
  const char *what; /* the command */
  struct text read; /* what is no whole line yet */
  bool ended;
  enum ask_outcome outcome;
};

/* The socket's path, of which commands speak. */
static const char *socket_of(const struct invocation *in, char *usual, size_t n) {
  const char *given = settings_text(&in->settings, SETTING_socket);
  return given ? given : gaijin_default_socket(usual, n);
}

/* The connection; -1 and errno. */
static int connect_to(const char *socket_path) {
  struct sockaddr_un a;
  if (!address_of(&a, socket_path)) {
    errno = ENOENT;
    return -1;
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0) return fd;
  int e = errno;
  if (fd >= 0) close(fd);
  errno = e;
  return -1;
}

static void take_line(struct answer *a, char *line, size_t size) {
  line[size] = '\0';
  switch (*line) {
    case ADDRESS_ROW:
    case ADDRESS_TEXT:
      if (a->request->take && !a->request->take(a->request->user, line + 1, size - 1))
        a->ended = true;
      break;
    case ADDRESS_UNKNOWN: a->outcome = ASK_UNKNOWN; break;
    case ADDRESS_FAULT:
      tool_error("%s: %s", a->what, line + 1);
      a->outcome = ASK_FAILED;
      break;
    case ADDRESS_END: a->ended = true; break;
    default: break; /* of a later version */
  }
}

static void take_lines(struct answer *a) {
  struct text *t = &a->read;
  size_t at = 0;
  char *end;
  while (!a->ended && t->size > at && (end = memchr(t->bytes + at, '\n', t->size - at))) {
    size_t n = (size_t)(end - t->bytes) - at;
    if (n) take_line(a, t->bytes + at, n);
    at += n + 1;
  }
  if (at) memmove(t->bytes, t->bytes + at, t->size - at);
  t->size -= at;
}

/* What may be waited for yet, for poll. */
static int left_ms(double end) {
  if (end == INFINITY) return -1;
  double ms = ceil((end - clock_seconds()) * 1000);
  return ms < 0 ? 0 : ms > 1e9 ? 1000000000 : (int)ms;
}

static void read_answer(struct answer *a, int fd) {
  double seconds = a->request->seconds, end = seconds > 0 ? clock_seconds() + seconds : INFINITY;
  char bytes[1 << 16];
  while (!a->ended) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int ready = poll(&p, 1, left_ms(end));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) {
      tool_error("%s: the supervisor is not done after %g s%s", a->what, seconds,
                 strcmp(a->what, "ps") == 0 ? "" : "; gaijinctl ps shows how far it is");
      a->outcome = ASK_FAILED;
      return;
    }
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      tool_error("%s: the supervisor has gone", a->what);
      a->outcome = ASK_FAILED;
      return;
    }
    text_add(&a->read, bytes, (size_t)n);
    take_lines(a);
  }
}

/* Words with a 0 between them, and the end of a line. False if they are no request: one that has
 * such an end itself, or is too long. Then one of them names no worker. */
static bool put_words(const struct ask_request *q, struct text *t) {
  bool good = true;
  for (int i = 0; i < 4 && q->words[i]; i++) {
    if (i) text_add(t, "", 1);
    text_print(t, "%s", q->words[i]);
    good = good && !strchr(q->words[i], '\n');
  }
  text_print(t, "\n");
  return good && t->size <= ADDRESS_REQUEST_MOST;
}

static bool send_all(int fd, const struct text *t) {
  return send(fd, t->bytes, t->size, MSG_NOSIGNAL) == (ssize_t)t->size;
}

enum ask_outcome ask_supervisor(const struct invocation *in, const struct ask_request *request) {
  char usual[256];
  const char *path = socket_of(in, usual, sizeof usual);
  struct answer a = {.request = request, .what = command_info(in->command)->name};
  struct text words = {0};
  int fd = connect_to(path);
  if (fd < 0 && (errno == ENOENT || errno == ECONNREFUSED || errno == EACCES)) return ASK_NOBODY;
  if (fd >= 0 && !put_words(request, &words)) {
    a.outcome = ASK_UNKNOWN;
  } else if (fd >= 0 && send_all(fd, &words)) {
    read_answer(&a, fd);
  } else {
    tool_error("%s: cannot ask the supervisor beside %s: %s", a.what, path, strerror(errno));
    a.outcome = ASK_FAILED;
  }
  if (fd >= 0) close(fd);
  text_deinit(&words);
  text_deinit(&a.read);
  return a.outcome;
}

int ask_status(const struct invocation *in, enum ask_outcome outcome, const char *worker) {
  char usual[256];
  const char *what = command_info(in->command)->name;
  switch (outcome) {
    case ASK_GOOD: return EXIT_GOOD;
    case ASK_FAILED: return EXIT_FAILED;
    case ASK_UNKNOWN:
      tool_error("%s: the supervisor has no worker '%s'; gaijinctl ps shows those it has", what,
                 worker ? worker : "");
      return EXIT_FAILED;
    case ASK_NOBODY: break;
  }
  tool_error("%s: no supervisor that we may ask beside the socket %s; start one with gaijinctl "
             "run, or name its socket with -s",
             what, socket_of(in, usual, sizeof usual));
  return EXIT_NO_BROKER;
}

int ask_each(const struct invocation *in, const char *wish) {
  int status = EXIT_GOOD;
  for (int i = 0; i < in->count && status == EXIT_GOOD; i++) {
    struct ask_request q = {.words = {wish, in->words[i]},
                            .seconds = settings_seconds(&in->settings, SETTING_timeout)};
    status = ask_status(in, ask_supervisor(in, &q), in->words[i]);
  }
  return status;
}
