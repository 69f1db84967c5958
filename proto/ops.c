/* SPDX-License-Identifier: MIT
 *
 * The rows of ops.def as data.
 */
#include "proto/ops.h"

#include <stddef.h>

#include "proto/base.h"

#define ANY OP_ANY
#define SINCE(v) .since = v
#define GREW(v, w, n) .since = v, .grew = w, .before = n
static const struct op_info table[] = {
#define OP(number, n, k, w, t, lo, hi, v, b, s) \
  [number] = {.name = #n, .kind = OP_##k, .way = OP_##w, .target = OP_##t, .least = lo, \
              .most = hi, v, .body = b, .sentence = s},
#include "proto/ops.def"
#undef OP
};
#undef GREW
#undef SINCE
#undef ANY

const struct op_info *op_info(uint64_t op) {
  return op < ARRAY_SIZE(table) && table[op].name ? &table[op] : NULL;
}

bool op_in_version(const struct op_info *info, uint32_t values, uint32_t version) {
  return version >= info->since && (version >= info->grew || values <= info->before);
}

const char *op_name(uint64_t op) {
  const struct op_info *info = op_info(op);
  return info ? info->name : "unknown";
}
