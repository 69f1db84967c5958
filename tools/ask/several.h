/* SPDX-License-Identifier: MIT
 *
 * Commands whose words are names of workers: those are asked, all at once, or all that there are.
 */
#ifndef GAIJIN_TOOLS_SEVERAL_H
#define GAIJIN_TOOLS_SEVERAL_H

#include "tools/ask/observe.h"

struct several {
  struct observe_names names;
  bool owns_names;
  struct observe_heard *heard; /* one for each name */
};

/* Asks for an op without values, OBSERVE_SECONDS long; `about` as in observe_each. False after an
 * error line: nobody could be asked. several_deinit ends it in either case. */
bool several_ask(struct several *s, struct observer *o, enum gaijin_op op, const char *about);
void several_deinit(struct several *s);

#endif
