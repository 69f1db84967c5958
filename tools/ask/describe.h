/* SPDX-License-Identifier: MIT
 *
 * Has hosts describe objects: several hosts at once, each some objects at a time. A host that does
 * not answer costs its time once and one line on stderr; what it was not asked for any more stays
 * unknown. So does what is beyond the bytes that all answers together may have, 64 MiB.
 */
#ifndef GAIJIN_TOOLS_DESCRIBE_H
#define GAIJIN_TOOLS_DESCRIBE_H

#include "tools/ask/description.h"
#include "tools/ask/observe.h"

struct descriptions;

struct descriptions *descriptions_new(void);
/* Before the connection that was asked over is closed. NULL is fine. */
void descriptions_free(struct descriptions *d);

/* Notes an object that is to be described; its number, counted from 0. The name is copied. */
size_t descriptions_add(struct descriptions *d, const char *host, size_t size, uint64_t id);
/* Asks about all that were added since it was called last; a host may take so many seconds for each
 * answer. One that has not answered is not asked again. False after error lines, of this time or an
 * earlier one: not all was told. */
bool descriptions_ask(struct descriptions *d, struct observer *o, double seconds);
const struct description *descriptions_at(const struct descriptions *d, size_t number);

#endif
