/* SPDX-License-Identifier: MIT
 *
 * Which of their objects workers expose, and under which labels: asked of the
 * workers themselves, of all at once. One that does not answer (a script in a long
 * computation, or its access function) costs a line on stderr, and its labels are unknown.
 */
#ifndef GAIJIN_TOOLS_EXPOSED_H
#define GAIJIN_TOOLS_EXPOSED_H

#include <stddef.h>
#include <stdint.h>

#include <gaijin/gaijin.h>
#include "tools/ask/observe.h"
#include "tools/base/text.h"

/* So long all workers together may take. */
#define EXPOSED_SECONDS 1.0

struct exposed;

struct exposed *exposed_new(void);
/* Before the connection that was asked over is closed. */
void exposed_free(struct exposed *e);

/* Notes a worker that is to be asked; its number. The name is copied; the same name gives the same
 * number. */
size_t exposed_worker(struct exposed *e, const char *name, size_t size);
const char *exposed_name(const struct exposed *e, size_t worker);
/* Asks all of them, once. */
void exposed_ask(struct exposed *e, struct observer *o);
/* Whether the worker was asked and has not answered in time. */
bool exposed_is_late(const struct exposed *e, size_t worker);
/* Puts the labels of a worker's token into the table as a list; nil when the worker did not answer.
 */
void exposed_show(const struct exposed *e, size_t worker, uint64_t token, struct show *s);

/* Adds the first labels of a worker's token, `most` at most, each as text with a 0 behind it; how
 * many it has. A 0 within one is escaped. */
size_t exposed_texts(const struct exposed *e, size_t worker, uint64_t token, size_t most,
                     struct text *out);

#endif
