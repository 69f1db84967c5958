/* SPDX-License-Identifier: MIT
 *
 * Growing byte strings, and the two ways in which bytes of strangers (names,
 * labels) are made safe to print: as a JSON string and for a terminal. Memory
 * that cannot be had ends the program: a command has nothing to save.
 */
#ifndef GAIJIN_TOOLS_TEXT_H
#define GAIJIN_TOOLS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "proto/logline.h"

/* A zeroed one is empty. `bytes` ends with a 0 that does not count, and is NULL while nothing was
 * added. */
struct text {
  char *bytes;
  size_t size;
  size_t room;
};

void text_deinit(struct text *t);
void text_add(struct text *t, const char *bytes, size_t size);
void text_print(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds a JSON string with its quotes. Bytes that are no UTF-8 become \u00NN, one by one, so that
 * the result is always valid JSON; characters that steer a terminal are escaped too. */
void text_add_json(struct text *t, const char *bytes, size_t size);
/* Adds bytes for a terminal: characters that steer it, and bytes that are no UTF-8, are spelled out
 * (proto/printable.h). */
void text_add_plain(struct text *t, const char *bytes, size_t size);
/* Adds a number as short as it can be read back; inf and nan in words. */
void text_add_number(struct text *t, double v);

/* For a table of texts; another with another seed. */
uint64_t text_hash(uint64_t seed, const char *bytes, size_t size);

/* At the begin of the program: the kind of characters is set for the words below. */
void text_begin(void);
/* Columns that valid UTF-8 takes on a terminal: wide characters two, combining ones none. */
size_t text_width(const char *bytes, size_t size);
/* How many bytes of it take so many columns at most: whole characters. */
size_t text_fit(const char *bytes, size_t size, size_t width);

/* malloc or the end of the program, with one line on stderr; zeroed. */
void *tool_alloc(size_t count, size_t size);
/* The array with room for so many items of `size` bytes, or the end of the program. What is beyond
 * the former room is not zeroed. NULL is an empty array. */
void *tool_resize(void *array, size_t room, size_t size);
/* The array with room for one item more than `count`: if it has none, for twice as many. *room
 * counts items, too. */
void *tool_grow(void *array, size_t count, size_t *room, size_t size);
char *tool_copy(const char *bytes, size_t size);
/* One line on stderr: "gaijinctl: " and the message, in which nothing ends the line or steers a
 * terminal. How grave it is stands only in a journal; an error is. */
void tool_say(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void tool_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* At the begin of the program: in which form they are, LOG_TEXT or LOG_JOURNAL. */
void tool_error_form(enum log_format form);
/* From here on these lines of this thread are added to a text instead, which stays its owner's;
 * NULL: they go to stderr again. What the text has when the thread calls exit goes there, too. */
void tool_error_to(struct text *t);

#endif
