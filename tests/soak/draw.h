/* SPDX-License-Identifier: MIT
 *
 * The picture of a soak: panels over one time axis, as an SVG file whose colours can be read on a
 * light and on a dark page.
 */
#ifndef GAIJIN_TESTS_SOAK_DRAW_H
#define GAIJIN_TESTS_SOAK_DRAW_H

#include "tests/soak/rows.h"

/* False: errno. */
bool draw_rows(const struct rows *r, const char *path);

#endif
