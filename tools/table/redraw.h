/* SPDX-License-Identifier: MIT
 *
 * `--watch`: the same picture again and again, until Ctrl-C ends the program with status 0. On a
 * terminal it is drawn over the one before, on a screen of its own, with what was said on stderr
 * below; elsewhere one follows the other.
 */
#ifndef GAIJIN_TOOLS_REDRAW_H
#define GAIJIN_TOOLS_REDRAW_H

struct redraw {
  const char *title;
  double seconds; /* between two pictures */
  /* Prints one to stdout, errors to stderr; an exit status. */
  int (*draw)(void *user);
  void *user;
};

/* Comes back only when the first picture, or standard output, failed: the exit status. Later
 * failures are shown, and it is tried again. */
int redraw(const struct redraw *r);

#endif
