/* SPDX-License-Identifier: MIT
 *
 * A text in lines "key = value" and "[section]", which libinih takes apart. The library does not
 * say where it is, nor where a section without keys begins, and cuts off, joins or overlooks some
 * things without a word. So each line is looked at first: it is counted, and what is refused
 * reaches the library as an empty line.
 */
#ifndef GAIJIN_POLICY_INI_H
#define GAIJIN_POLICY_INI_H

#include <stdbool.h>
#include <stddef.h>

/* A line without its end. */
struct ini_line {
  unsigned number; /* from 1 */
  const char *bytes;
  size_t size, blanks; /* of the latter, those at its begin */
  bool is_section, is_comment, is_empty;
  const char *fault; /* why the library cannot have it, or NULL */
};

struct ini {
  const char *too_long; /* what is said of a line that the library would cut */
  /* Sees each line before the library does; gives NULL, or why it is refused: `fault` at least. */
  const char *(*look)(void *user, const struct ini_line *line);
  /* A line was refused. */
  void (*refused)(void *user, unsigned line, const char *why);
  /* A key; always before the next line is looked at. */
  void (*key)(void *user, const char *section, const char *name, const char *value);
  void *user;
};

/* What the library keeps of a section's name. */
enum { INI_SECTION_MOST = 49 };

bool ini_is_blank(char c);
/* Reads the whole text. What a line has that is nothing of the above is refused; all that the
 * library finds by itself is told last. False: memory is too short. */
bool ini_read(const struct ini *ini, const char *text, size_t size);

#endif
