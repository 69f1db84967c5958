/* SPDX-License-Identifier: MIT
 *
 * gaijinctl accounts: what each user, and each of its processes, has of what the broker limits.
 */
#include "proto/base.h"
#include "tools/observe.h"

/* A user's row has no pid. */
static const char *const fields[] = {"uid",      "pid",         "memory", "bytes",
                                     "requests", "waits",       "exports", "holds",
                                     "names",    "connections", "refused"};
enum { COLUMNS = ARRAY_SIZE(fields) };

static bool read_account(gaijin_body *b, void *user) {
  return observe_show(b, "accounts", COLUMNS, user);
}

int cmd_accounts(const struct invocation *in) {
  gaijin *g = observe_open(in);
  if (!g) return 1;
  struct show *s = show_new(settings_flag(&in->settings, SETTING_json), fields, COLUMNS);
  bool good = observe_read(g, &(struct observe_book){.what = "accounts",
                                                     .columns = COLUMNS,
                                                     .row = read_account,
                                                     .user = s});
  gaijin_close(g);
  if (good) return show_end(s);
  show_free(s);
  return 1;
}
