/* SPDX-License-Identifier: MIT
 *
 * ncurses writes only what differs from the picture before. Signals are ours (restore.h, top.c): it
 * sets handlers only where there are none, so ours are there first.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define NCURSES_WIDECHAR 1
#include "tools/top/screen/screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/base/terminal.h"
#include "tools/top/model/width.h"
#include "tools/top/screen/restore.h"
/* Behind all others: they make macros of common words. */
#include <curses.h>
#include <term.h>

/* Milliseconds after which an ESC alone is the key, unless $ESCDELAY says how many. */
enum { ESCAPE_MS = 25 };
enum { REDRAW = 12 }; /* Ctrl-L */
enum { PAIR_BAD = 1, PAIR_BAR, PAIR_CHOSEN };

static SCREEN *its_screen; /* there is one in a program */
static attr_t looks[SCREEN_CHOSEN_BAD + 1];
static short pairs[SCREEN_CHOSEN_BAD + 1];

/* ---- What brings the terminal back ---- */

/* Adds a capability without its padding, "$<5>", which no terminal of today needs. */
static void add_capability(char *out, size_t n, const char *name) {
  const char *text = tigetstr(name);
  size_t at = strlen(out);
  if (!text || text == (char *)-1) return;
  while (*text && at + 1 < n) {
    if (text[0] == '$' && text[1] == '<' && strchr(text, '>'))
      text = strchr(text, '>') + 1;
    else
      out[at++] = *text++;
  }
  out[at] = 0;
}

static void prepare_restore(void) {
  static const char *const names[] = {"sgr0", "op", "rmkx", "cnorm", "rmcup"};
  char bytes[RESTORE_BYTES] = "";
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    add_capability(bytes, sizeof bytes, names[i]);
  if (!exit_ca_mode) { /* there is no other screen: the picture stays, but for its last line */
    strncat(bytes, "\r", sizeof bytes - strlen(bytes) - 1);
    add_capability(bytes, sizeof bytes, "el");
  }
  restore_begin(bytes);
}

/* ---- Begin and end ---- */

static void choose_looks(void) {
  bool colours = terminal_look(stdout).colours && has_colors() && start_color() == OK;
  looks[SCREEN_DIM] = A_DIM;
  looks[SCREEN_BAD] = looks[SCREEN_BOLD] = A_BOLD;
  looks[SCREEN_BAR] = looks[SCREEN_CHOSEN] = A_REVERSE;
  looks[SCREEN_CHOSEN_BAD] = A_REVERSE | A_BOLD;
  if (!colours) return;
  use_default_colors();
  init_pair(PAIR_BAD, COLOR_RED, -1);
  init_pair(PAIR_BAR, COLOR_BLACK, COLOR_GREEN);
  init_pair(PAIR_CHOSEN, COLOR_BLACK, COLOR_CYAN);
  pairs[SCREEN_BAD] = PAIR_BAD;
  pairs[SCREEN_BAR] = PAIR_BAR;
  pairs[SCREEN_CHOSEN] = PAIR_CHOSEN;
  looks[SCREEN_BAR] = looks[SCREEN_CHOSEN] = A_NORMAL;
}

static bool is_known(char *error, size_t n) {
  const char *term = getenv("TERM");
  int known;
  if (setupterm(NULL, STDOUT_FILENO, &known) != OK) {
    snprintf(error, n, "nothing is known of this terminal: TERM is '%.40s'", term ? term : "");
    return false;
  }
  const char *place = tigetstr("cup");
  bool places = place && place != (char *)-1;
  del_curterm(cur_term); /* the screen has one of its own */
  if (!places)
    snprintf(error, n, "this terminal cannot place its cursor: TERM is '%.40s'", term ? term : "");
  return places;
}

bool screen_check(char *error, size_t n) {
  if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) return is_known(error, n);
  snprintf(error, n, "standard input and output have to be a terminal; elsewhere --watch and "
                     "--json of other commands show what it shows");
  return false;
}

bool screen_open(char *error, size_t n) {
  width_begin();
  if (!restore_note()) {
    snprintf(error, n, "cannot ask the terminal how it is: %s", strerror(errno));
    return false;
  }
  its_screen = newterm(NULL, stdout, stdin);
  if (!its_screen) {
    snprintf(error, n, "cannot set up this terminal");
    return false;
  }
  prepare_restore();
  if (!getenv("ESCDELAY")) set_escdelay(ESCAPE_MS); /* curses has read it */
  cbreak();
  noecho();
  nonl();
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  curs_set(0);
  choose_looks();
  screen_measure();
  return true;
}

void screen_close(void) {
  endwin();
  restore_now();
  delscreen(its_screen);
}

void screen_pause(void) {
  endwin();
  restore_pause();
}

void screen_resume(void) {
  restore_resume();
  reset_prog_mode();
  screen_measure();
  clearok(stdscr, TRUE);
  refresh();
  curs_set(0);
}

/* ---- The picture ---- */

void screen_measure(void) {
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || !size.ws_row || !size.ws_col) return;
  if (size.ws_row != LINES || size.ws_col != COLS) resize_term(size.ws_row, size.ws_col);
  clearok(stdscr, TRUE);
}

size_t screen_width(void) { return COLS > 0 ? (size_t)COLS : 1; }
size_t screen_height(void) { return LINES > 0 ? (size_t)LINES : 1; }

void screen_clear(void) { erase(); }

size_t screen_text(size_t line, size_t column, size_t width, const char *bytes, size_t size,
                   enum screen_look look) {
  if (line >= screen_height() || column >= screen_width()) return 0;
  if (width > screen_width() - column) width = screen_width() - column;
  attr_set(looks[look], pairs[look], NULL);
  move((int)line, (int)column);
  size_t end = width_fit(bytes, size, width), used = 0;
  for (size_t at = 0; at < end;) {
    wchar_t c;
    size_t takes;
    at += width_next(bytes + at, end - at, &c, &takes);
    addnwstr(&c, 1);
    used += takes;
  }
  for (size_t i = used; i < width; i++) addch(' ');
  attr_set(A_NORMAL, 0, NULL);
  return used;
}

void screen_show(void) { refresh(); }

/* ---- Keys ---- */

static const struct {
  wint_t code;
  enum screen_key_type type;
} special[] = {{KEY_UP, KEY_IS_UP},
               {KEY_DOWN, KEY_IS_DOWN},
               {KEY_LEFT, KEY_IS_LEFT},
               {KEY_RIGHT, KEY_IS_RIGHT},
               {KEY_PPAGE, KEY_IS_PAGE_UP},
               {KEY_NPAGE, KEY_IS_PAGE_DOWN},
               {KEY_HOME, KEY_IS_HOME},
               {KEY_END, KEY_IS_END},
               {KEY_ENTER, KEY_IS_ENTER},
               {KEY_BTAB, KEY_IS_BACK_TAB},
               {KEY_BACKSPACE, KEY_IS_BACKSPACE}};

/* Keys that are characters. */
static enum screen_key_type type_of(wint_t c) {
  switch (c) {
    case L'\r':
    case L'\n': return KEY_IS_ENTER;
    case L'\t': return KEY_IS_TAB;
    case 27: return KEY_IS_ESCAPE;
    case 8:
    case 127: return KEY_IS_BACKSPACE;
    default: return c < 32 ? KEY_IS_OTHER : KEY_IS_CHARACTER;
  }
}

struct screen_key screen_key(void) {
  wint_t c;
  int what = get_wch(&c);
  if (what == ERR) return (struct screen_key){.type = KEY_IS_NONE};
  if (what == OK && c == REDRAW) clearok(stdscr, TRUE);
  if (what == OK) return (struct screen_key){.type = type_of(c), .code = c};
  for (size_t i = 0; i < sizeof special / sizeof *special; i++)
    if (special[i].code == c) return (struct screen_key){.type = special[i].type};
  return (struct screen_key){.type = KEY_IS_OTHER};
}
