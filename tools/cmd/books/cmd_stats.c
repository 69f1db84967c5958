/* SPDX-License-Identifier: MIT
 *
 * gaijinctl stats: what went through the broker by op, as a table, or all there is for a monitoring
 * system.
 */
#include <stdio.h>

#include "tools/ask/list.h"
#include "tools/ask/openmetrics.h"
#include "tools/ask/ops_table.h"
#include "tools/base/text.h"

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
  if (!settings_flag(&in->settings, SETTING_openmetrics)) return list_run(in, ops_table_fill);
  const char *flag = flag_of_tables(in);
  if (!flag) return print_metrics(in);
  tool_error("stats: --openmetrics prints all there is, in its own form, and takes no --%s", flag);
  return EXIT_USAGE;
}
