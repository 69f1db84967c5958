/* SPDX-License-Identifier: MIT
 *
 * What a worker may be called. Names are shown in terminals and logs, so that nothing in them may
 * move the cursor or reorder what stands around them; `@` and `/` will name machines.
 */
#ifndef GAIJIN_PROTO_NAME_H
#define GAIJIN_PROTO_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/limits.h"

/* Option of hello: true, the client may wait to succeed the worker that has its name, and has it
 * itself when it says ready. The reply has it, too, if it does wait. */
#define SUCCEED_KEY "succeed"
/* Behind the name of a worker that has ended, if another had its name before that. */
#define SUCCEEDED_TEXT ", which another worker of that name has succeeded"

/* NULL if a worker may have this name, or what is wrong with it, as the end of a sentence about "a
 * worker's name". Static text. */
const char *name_fault(const char *text, size_t size);

/* The name of a worker that was given none: the script's base name without ".lua", with '_' for
 * each byte that is not allowed. NAME_MAX_BYTES + 1 bytes are written. *changed: there were such
 * bytes. False if it would have no bytes, or too many. */
bool name_of_script(char out[NAME_MAX_BYTES + 1], const char *script, bool *changed);

#endif
