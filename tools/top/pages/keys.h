/* SPDX-License-Identifier: MIT
 *
 * What each key does. The list of them is here, for the help and docs/cli.md.
 */
#ifndef GAIJIN_TOOLS_KEYS_H
#define GAIJIN_TOOLS_KEYS_H

#include "tools/top/pages/state.h"
#include "tools/top/screen/screen.h"

enum { KEYS_INTERVAL_MOST = 3600 };
#define KEYS_INTERVAL_LEAST 0.1

void keys_take(struct top *t, struct screen_key k);

#endif
