/* SPDX-License-Identifier: MIT
 *
 * Numbers as people read them at a glance, in six characters at most.
 */
#ifndef GAIJIN_TOOLS_NUMBER_H
#define GAIJIN_TOOLS_NUMBER_H

#include "tools/base/text.h"

void number_count(struct text *t, double v); /* 12345, 123k, 1.2M */
void number_rate(struct text *t, double v);  /* of a second: 0, 0.5, 12, 1234 */
void number_bytes(struct text *t, double v); /* 512, 12K, 1.2M */
void number_part(struct text *t, double v);  /* of one: 12% */
void number_us(struct text *t, double us);   /* 458us, 1.2ms, 3.4s */
void number_age(struct text *t, double s);   /* 45s, 12m, 3.5h, 5d */
void number_whole(struct text *t, double v); /* all digits */

#endif
