/* SPDX-License-Identifier: MIT
 *
 * gaijinctl logs: what a supervisor keeps of its workers' lines, and with --follow what comes. Its
 * lines are safe to print.
 */
#include <stdio.h>

#include "tools/base/text.h"
#include "tools/run/control/ask.h"

static bool print_line(void *user, char *line, size_t size) {
  (void)user;
  return fwrite(line, 1, size, stdout) == size && putchar('\n') != EOF && fflush(stdout) == 0;
}

int cmd_logs(const struct invocation *in) {
  const struct settings *s = &in->settings;
  const char *worker = in->count ? in->words[0] : "";
  char lines[16];
  snprintf(lines, sizeof lines, "%u", settings_count(s, SETTING_lines));
  struct ask_request q = {
      .words = {"logs", worker, lines, settings_flag(s, SETTING_follow) ? "follow" : "all"},
      .seconds = settings_flag(s, SETTING_follow) ? 0 : 5,
      .take = print_line};
  return ask_status(in, ask_supervisor(in, &q), worker);
}
