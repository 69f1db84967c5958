/* SPDX-License-Identifier: MIT
 *
 * What a word in a line of the repl may become: workers, labels, keys. Workers are asked for it,
 * for a second at most; whoever does not answer completes nothing.
 */
#ifndef GAIJIN_TOOLS_REPL_COMPLETE_H
#define GAIJIN_TOOLS_REPL_COMPLETE_H

#include "tools/base/text.h"
#include "tools/touch/ask.h"

/* As edit_hooks.complete. `current`: the worker in use, or NULL. */
void repl_complete(struct ask *a, const char *current, const char *text, size_t size,
                   size_t *from, struct text *out);

#endif
