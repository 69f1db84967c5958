/* SPDX-License-Identifier: MIT
 *
 * A picture is written in one piece when it is whole, so that nothing flickers; what is said on
 * stderr meanwhile is kept and comes below it. Signals end the program where it
 * stands: nothing is held that another would miss.
 */
#include "tools/table/redraw.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/command.h"
#include "tools/base/terminal.h"
#include "tools/base/text.h"

/* A picture is written in one piece if it is not larger. */
enum { PICTURE_BYTES = 1 << 16 };

/* Another screen, without a cursor; and back. */
#define ENTER "\x1b[?1049h\x1b[?25l"
#define LEAVE "\x1b[?25h\x1b[?1049l"

static void end_plain(int sig) { _exit(sig == SIGINT ? EXIT_GOOD : 128 + sig); }

static void end_on_screen(int sig) {
  ssize_t written = write(STDOUT_FILENO, LEAVE, sizeof LEAVE - 1);
  (void)written;
  end_plain(sig);
}

/* No SA_RESTART: a wait that is interrupted is the end anyway. */
static void watch_signals(void (*end)(int)) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  struct sigaction a = {.sa_handler = end};
  sigemptyset(&a.sa_mask);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &a, NULL);
}

static void notice(int sig) { (void)sig; }

/* ---- Pictures ---- */

/* Draws one over the one before; what cannot be drawn the first time is said where it stays. */
static int draw_on_screen(const struct redraw *r, bool is_first) {
  struct text said = {0};
  printf("%s\x1b[H\x1b[J%s, every %g s; Ctrl-C ends\n", is_first ? ENTER : "", r->title,
         r->seconds);
  tool_error_to(&said);
  int status = r->draw(r->user);
  tool_error_to(NULL);
  bool is_end = is_first && status == EXIT_NO_BROKER;
  if (is_end) fputs(LEAVE, stdout);
  if (is_end) fflush(stdout);
  if (said.size) fwrite(said.bytes, 1, said.size, is_end ? stderr : stdout);
  fflush(stdout);
  text_deinit(&said);
  return status;
}

/* Until the next picture is due, or the terminal has another size. */
static void wait_for_next(double seconds) { poll(NULL, 0, (int)(seconds * 1000)); }

int redraw(const struct redraw *r) {
  bool is_screen = terminal_look(stdout).is_one;
  if (is_screen) setvbuf(stdout, tool_alloc(1, PICTURE_BYTES), _IOFBF, PICTURE_BYTES);
  watch_signals(is_screen ? end_on_screen : end_plain);
  if (is_screen) sigaction(SIGWINCH, &(struct sigaction){.sa_handler = notice}, NULL);
  for (bool is_first = true;; is_first = false) {
    int status = is_screen ? draw_on_screen(r, is_first) : r->draw(r->user);
    if (ferror(stdout)) return EXIT_FAILED;
    if (is_first && status == EXIT_NO_BROKER) return status;
    wait_for_next(r->seconds);
  }
}
