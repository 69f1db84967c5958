/* SPDX-License-Identifier: MIT
 *
 * The errors of the system's own, from the one list in status.def.
 */
#ifndef GAIJIN_PROTO_STATUS_H
#define GAIJIN_PROTO_STATUS_H

#include <stdint.h>

enum status {
#define STATUS(number, name, meaning) STATUS_##name = number,
#include "proto/status.def"
#undef STATUS
  STATUS_COUNT
};

/* Name of a status as scripts see it ("too_large"); "unknown" for a number outside the list. Static
 * text. */
const char *status_name(uint64_t status);

#endif
