/* SPDX-License-Identifier: MIT
 *
 * Data into messages and out of them (docs/protocol.md, section 3).
 */
#ifndef GAIJIN_TOOLS_WIRE_H
#define GAIJIN_TOOLS_WIRE_H

#include "tools/touch/datum.h"

/* Puts a value into the message being written; a table with all it leads to. */
void wire_put(gaijin *g, const struct data *d, const struct datum *v);
/* Reads the next value of a body. False: there is none, or it has another form than a value has;
 * what was read of it stays in d. */
bool wire_read(gaijin *g, gaijin_body *b, struct data *d, struct datum *out);

#endif
