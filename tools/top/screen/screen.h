/* SPDX-License-Identifier: MIT
 *
 * The terminal as a grid of characters, and its keys. All that is known of curses is in screen.c.
 * There is one screen in a program.
 */
#ifndef GAIJIN_TOOLS_SCREEN_H
#define GAIJIN_TOOLS_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum screen_look {
  SCREEN_PLAIN,
  SCREEN_DIM,
  SCREEN_BAD,
  SCREEN_BOLD,
  SCREEN_BAR,    /* heads of columns, titles */
  SCREEN_CHOSEN, /* the chosen line */
  SCREEN_CHOSEN_BAD
};

enum screen_key_type {
  KEY_IS_NONE, /* no more keys for now */
  KEY_IS_CHARACTER,
  KEY_IS_UP,
  KEY_IS_DOWN,
  KEY_IS_LEFT,
  KEY_IS_RIGHT,
  KEY_IS_PAGE_UP,
  KEY_IS_PAGE_DOWN,
  KEY_IS_HOME,
  KEY_IS_END,
  KEY_IS_ENTER,
  KEY_IS_ESCAPE,
  KEY_IS_TAB,
  KEY_IS_BACK_TAB,
  KEY_IS_BACKSPACE,
  KEY_IS_OTHER
};

struct screen_key {
  enum screen_key_type type;
  uint32_t code; /* of a character */
};

/* Whether stdin and stdout are a terminal of which enough is known; if not, why, in `error` (n
 * bytes). */
bool screen_check(char *error, size_t n);
/* Takes a terminal that was checked. False, and why, with the terminal as it was. */
bool screen_open(char *error, size_t n);
/* Gives it back as it was. */
void screen_close(void);
/* The same for a while (Ctrl-Z), and anew. */
void screen_pause(void);
void screen_resume(void);

/* Its size, also after the window has got another one. */
void screen_measure(void);
size_t screen_width(void);
size_t screen_height(void);

/* An empty picture. */
void screen_clear(void);
/* Writes valid UTF-8 without what steers at a place, as much as fits into `width` columns and the
 * screen; and fills the rest of the width. The columns that the text takes. */
size_t screen_text(size_t line, size_t column, size_t width, const char *bytes, size_t size,
                   enum screen_look look);
/* Shows the picture. */
void screen_show(void);

/* The next key that was typed; does not wait. After Ctrl-L all of the next picture is written. */
struct screen_key screen_key(void);

#endif
