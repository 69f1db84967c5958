/* SPDX-License-Identifier: MIT
 *
 * Cells are in the order of the columns in commands.def.
 */
#include "tools/ask/ops_table.h"

#include "tools/ask/percentiles.h"
#include "tools/ask/stats.h"

bool ops_table_fill(struct observer *o, struct show *s) {
  struct stats t = {0};
  bool good = stats_read_ops(o, &t);
  for (size_t i = 0; good && i < t.n_ops; i++) {
    const struct stats_op *op = &t.ops[i];
    show_text(s, op->op);
    for (int kind = 0; kind < STATS_KINDS; kind++) show_uint(s, op->read[kind]);
    show_uint(s, op->made[0] + op->made[1] + op->made[2] + op->made[3]);
    percentiles_show(s, &op->took);
  }
  stats_deinit(&t);
  return good;
}
