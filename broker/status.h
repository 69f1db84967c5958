/* SPDX-License-Identifier: MIT
 *
 * The broker's state in the log, for whoever asks with a signal.
 */
#ifndef GAIJIN_BROKER_STATUS_H
#define GAIJIN_BROKER_STATUS_H

#include "broker/core/state.h"

/* One line for each subject: clients, tokens, calls, memory, socket, log. At every level; who asks
 * again and again is thinned out. */
void status_tell(struct broker *b);

#endif
