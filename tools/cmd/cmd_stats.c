/* SPDX-License-Identifier: MIT
 *
 * gaijinctl stats: what went through the broker by op, as a table, or all there is for a monitoring
 * system.
 */
#include <stdio.h>

#include "tools/ask/list.h"
#include "tools/ask/openmetrics.h"
#include "tools/ask/percentiles.h"
#include "tools/ask/stats.h"
#include "tools/base/text.h"

static bool fill(struct observer *o, struct show *s) {
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

/* A flag of tables, which the text format does not take; NULL: there is none. */
static const char *flag_of_tables(const struct invocation *in) {
  for (enum setting id = 0; id < SETTINGS; id++)
    if (in->settings.values[id].given && setting_info(id)->commands &&
        setting_belongs(id, SETTINGS_CTL, "tables"))
      return setting_info(id)->key;
  return NULL;
}

static int print_metrics(const struct invocation *in) {
  struct observer o;
  struct text out = {0};
  bool good = observe_open(&o, in) && openmetrics_read(&o, &out);
  if (good) fwrite(out.bytes, 1, out.size, stdout);
  text_deinit(&out);
  return observe_close(&o, good);
}

int cmd_stats(const struct invocation *in) {
  if (!settings_flag(&in->settings, SETTING_openmetrics)) return list_run(in, fill);
  const char *flag = flag_of_tables(in);
  if (!flag) return print_metrics(in);
  tool_error("stats: --openmetrics prints all there is, in its own form, and takes no --%s", flag);
  return EXIT_USAGE;
}
