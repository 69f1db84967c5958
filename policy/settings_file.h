/* SPDX-License-Identifier: MIT
 *
 * A file of settings: a line "key = value" for each, in any order, and comments that begin with '#'
 * or ';'. Keys, values and bounds are those of the program's flags (proto/settings/settings.def),
 * a flag without a value being true or false. Nothing else is taken: no sections, no line that goes
 * on in the next, no key twice.
 */
#ifndef GAIJIN_POLICY_SETTINGS_FILE_H
#define GAIJIN_POLICY_SETTINGS_FILE_H

#include "policy/errors.h"
#include "proto/settings/settings.h"

struct settings_file {
  struct settings values;   /* `given` are those that stand in the file */
  unsigned lines[SETTINGS]; /* where; 0: nowhere */
  unsigned count;           /* so many stand in it */
  char *words;              /* the texts among the values */
};

/* Reads `size` bytes of text. False: all that is wrong is in `errors`, which the caller has zeroed;
 * what was understood is in `f` all the same. settings_file_deinit ends it either way. */
bool settings_file_parse(struct settings_file *f, enum settings_program program, const char *text,
                         size_t size, struct policy_errors *errors);
/* A zeroed one is fine. */
void settings_file_deinit(struct settings_file *f);

#endif
