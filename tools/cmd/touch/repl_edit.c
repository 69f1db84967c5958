/* SPDX-License-Identifier: MIT
 *
 * libedit reads bytes through get_char here, which waits for standard input and the connection at
 * once, so that who types is told what happens meanwhile. The one global is the flag that the
 * signal handler sets: a handler has no other way.
 *
 * The history is a file of the user's, 0600, in $XDG_STATE_HOME/gaijin, else
 * ~/.local/state/gaijin. Without a place for it there is none, which is said once.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* ppoll */
#endif
#include "tools/cmd/touch/repl_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

enum { HISTORY_LINES = 1000 };

struct edit {
  struct edit_hooks hooks;
  EditLine *el; /* NULL: standard input is no terminal */
  History *history;
  char path[PATH_MAX]; /* of the history; "": there is none */
  const char *prompt;
  bool told;   /* by wake, while the line was typed */
  char *line;  /* read without a terminal, or kept */
  size_t room;
  struct text kept; /* what was typed when something was told */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal) {
  (void)signal;
  interrupted = 1;
}

volatile sig_atomic_t *edit_interrupted(void) { return &interrupted; }

/* ---- Bytes ---- */

/* Waits until standard input has something. False: interrupted, or told. */
static bool wait_for_input(struct edit *e) {
  for (;;) {
    struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                          {.fd = e->hooks.fd(e->hooks.user), .events = POLLIN}};
    int n = poll(p, p[1].fd < 0 ? 1 : 2, -1);
    if (interrupted) return false;
    if (n < 0 && errno != EINTR) return false;
    if (n < 0) continue;
    if (p[1].fd >= 0 && p[1].revents && e->hooks.wake(e->hooks.user)) {
      e->told = true;
      return false;
    }
    if (p[0].revents) return true;
  }
}

static int get_char(EditLine *el, wchar_t *out) {
  struct edit *e;
  mbstate_t state = {0};
  el_get(el, EL_CLIENTDATA, &e);
  for (;;) {
    char byte;
    if (!wait_for_input(e)) return -1;
    ssize_t n = read(STDIN_FILENO, &byte, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? -1 : 0;
    size_t used = mbrtowc(out, &byte, 1, &state);
    if (used == (size_t)-2) continue;
    if (used == (size_t)-1) *out = L'?';
    if (used == 0) *out = L'\0';
    return 1;
  }
}

static char *prompt_of(EditLine *el) {
  struct edit *e;
  el_get(el, EL_CLIENTDATA, &e);
  return (char *)e->prompt;
}

/* ---- Completion ---- */

/* The bytes that all of the words have in common from the first on. */
static size_t common_bytes(const struct text *words) {
  size_t n = strcspn(words->bytes, "\n");
  for (const char *w = words->bytes + n; *w;) {
    size_t same = 0;
    w++;
    while (same < n && w[same] == words->bytes[same]) same++;
    n = same;
    w += strcspn(w, "\n");
  }
  while (n && (words->bytes[n] & 0xc0) == 0x80) n--; /* whole characters */
  return n;
}

static unsigned char complete(EditLine *el, int key) {
  struct edit *e;
  struct text words = {0};
  const LineInfo *line = el_line(el);
  size_t size = (size_t)(line->cursor - line->buffer), from = size;
  (void)key;
  el_get(el, EL_CLIENTDATA, &e);
  e->hooks.complete(e->hooks.user, line->buffer, size, &from, &words);
  unsigned char result = CC_ERROR;
  if (words.size) {
    size_t n = common_bytes(&words), typed = size - from;
    bool only_one = !strchr(words.bytes, '\n');
    if (n > typed) {
      char *more = strndup(words.bytes + typed, n - typed);
      if (more && el_insertstr(el, more) == 0) result = CC_REFRESH;
      free(more);
    } else if (!only_one) {
      for (char *c = words.bytes; *c; c++)
        if (*c == '\n') *c = ' ';
      printf("\n%s\n", words.bytes);
      fflush(stdout);
      result = CC_REDISPLAY;
    }
  }
  text_deinit(&words);
  return result;
}

/* ---- History ---- */

/* Makes each directory of the path up to its last '/'. */
static bool make_directories(char *path) {
  for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = '\0';
    int r = mkdir(path, 0700);
    *slash = '/';
    if (r != 0 && errno != EEXIST) return false;
  }
  return true;
}

static void open_history(struct edit *e) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  HistEvent event;
  e->history = history_init();
  if (!e->history) return;
  history(e->history, &event, H_SETSIZE, HISTORY_LINES);
  history(e->history, &event, H_SETUNIQUE, 1);
  el_set(e->el, EL_HIST, history, e->history);
  int n = -1;
  if (state && *state == '/')
    n = snprintf(e->path, sizeof e->path, "%s/gaijin/history", state);
  else if (home && *home == '/')
    n = snprintf(e->path, sizeof e->path, "%s/.local/state/gaijin/history", home);
  int fd = n > 0 && (size_t)n < sizeof e->path && make_directories(e->path)
               ? open(e->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)
               : -1;
  if (fd >= 0 && fchmod(fd, 0600) == 0) {
    history(e->history, &event, H_LOAD, e->path);
  } else {
    tool_error("no history is kept: %s: %s", n > 0 ? e->path : "no home directory",
               strerror(errno));
    e->path[0] = '\0';
  }
  if (fd >= 0) close(fd);
}

static void save_history(struct edit *e) {
  HistEvent event;
  if (!*e->path) return;
  mode_t was = umask(077);
  if (history(e->history, &event, H_SAVE, e->path) < 0)
    tool_error("cannot write the history to %s", e->path);
  umask(was);
}

void edit_remember(struct edit *e, const char *line) {
  HistEvent event;
  if (e->history && *line) history(e->history, &event, H_ENTER, line);
}

/* ---- Lines ---- */

struct edit *edit_new(const struct edit_hooks *hooks) {
  struct edit *e = tool_alloc(1, sizeof *e);
  struct sigaction act = {.sa_handler = on_interrupt};
  e->hooks = *hooks;
  sigemptyset(&act.sa_mask);
  sigaction(SIGINT, &act, NULL);
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) return e;
  e->el = el_init("gaijinctl", stdin, stdout, stderr);
  if (!e->el) return e;
  el_set(e->el, EL_CLIENTDATA, e);
  el_set(e->el, EL_SIGNAL, 1);
  el_set(e->el, EL_EDITOR, "emacs");
  el_set(e->el, EL_PROMPT, prompt_of);
  el_set(e->el, EL_GETCFN, get_char);
  /* Wide, because el_set makes copies of these texts that it never frees. */
  el_wset(e->el, EL_ADDFN, L"gaijin-complete", L"completes labels and keys", complete);
  el_set(e->el, EL_BIND, "^I", "gaijin-complete", NULL);
  open_history(e);
  return e;
}

void edit_free(struct edit *e) {
  if (e->history) {
    save_history(e);
    history_end(e->history);
  }
  if (e->el) el_end(e->el);
  text_deinit(&e->kept);
  free(e->line);
  free(e);
}

bool edit_is_terminal(const struct edit *e) { return e->el != NULL; }

static enum edit_outcome read_plain(struct edit *e, const char **line) {
  errno = 0;
  ssize_t n = getline(&e->line, &e->room, stdin);
  if (n < 0) return interrupted ? EDIT_INTERRUPTED : EDIT_END;
  if (n && e->line[n - 1] == '\n') e->line[n - 1] = '\0';
  *line = e->line;
  return EDIT_LINE;
}

enum edit_outcome edit_read(struct edit *e, const char *prompt, const char **line) {
  int n = 0;
  interrupted = 0;
  if (!e->el) return read_plain(e, line);
  e->prompt = prompt;
  e->told = false;
  if (e->kept.size) el_push(e->el, e->kept.bytes);
  e->kept.size = 0;
  const char *got = el_gets(e->el, &n);
  if (interrupted || e->told) {
    const LineInfo *typed = el_line(e->el);
    if (!interrupted)
      text_add(&e->kept, typed->buffer, (size_t)(typed->lastchar - typed->buffer));
    if (interrupted) fputs("^C\n", stdout);
    el_reset(e->el);
    return interrupted ? EDIT_INTERRUPTED : EDIT_TOLD;
  }
  if (!got || n <= 0) return EDIT_END;
  text_deinit(&e->kept);
  free(e->line);
  e->line = tool_copy(got, (size_t)n);
  if (e->line[n - 1] == '\n') e->line[n - 1] = '\0';
  *line = e->line;
  return EDIT_LINE;
}
