/* SPDX-License-Identifier: MIT
 *
 * Data as JSON; print.h has the form.
 */
#ifndef GAIJIN_TOOLS_PRINT_JSON_H
#define GAIJIN_TOOLS_PRINT_JSON_H

#include "tools/base/text.h"
#include "tools/touch/datum.h"

/* Adds a value in one line. `depth`: tables in tables that are shown. */
void print_json(struct text *t, int depth, const struct data *d, const struct datum *v);

#endif
