/* SPDX-License-Identifier: MIT
 *
 * What must be true of the whole broker, in one walk through all its books. Tests do it, and so
 * do hostile builds (make HOSTILE=1) after every message.
 */
#ifndef GAIJIN_BROKER_CHECK_H
#define GAIJIN_BROKER_CHECK_H

#include "broker/core/state.h"

/* NULL, or a static text that says which invariant is broken. Valid between messages, from
 * broker_start to broker_stop. Takes time in proportion to all there is. */
const char *broker_check(const struct broker *b);

#endif
