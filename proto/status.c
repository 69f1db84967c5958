/* SPDX-License-Identifier: MIT
 *
 * Texts of the statuses, from status.def.
 */
#include "proto/status.h"

#include "proto/base.h"

static const char *const names[] = {
#define STATUS(number, name, meaning) [number] = #name,
#include "proto/status.def"
#undef STATUS
};

const char *status_name(uint64_t status) {
  return status < ARRAY_SIZE(names) ? names[status] : "unknown";
}
