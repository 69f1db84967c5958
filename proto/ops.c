/* SPDX-License-Identifier: MIT
 *
 * The rows of ops.def as data.
 */
#include "proto/ops.h"

#define ANY OP_ANY
#define SINCE(v) .since = v
#define GREW(v, w, n) .since = v, .grew = w, .before = n
const struct op_info op_rows[OP_COUNT] = {
#define OP(number, n, k, w, t, lo, hi, v, b, s) \
  [number] = {.name = #n, .kind = OP_##k, .way = OP_##w, .target = OP_##t, .least = lo, \
              .most = hi, v, .body = b, .sentence = s},
#include "proto/ops.def"
#undef OP
};
#undef GREW
#undef SINCE
#undef ANY

const char *op_name(uint64_t op) {
  const struct op_info *info = op_info(op);
  return info ? info->name : "unknown";
}
