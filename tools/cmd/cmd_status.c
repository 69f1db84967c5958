/* SPDX-License-Identifier: MIT
 *
 * gaijinctl status: the broker on one screen: how often it was started on its socket, and, after it
 * was killed, for how long it waits still, and for whom.
 */
#include "tools/list.h"

enum { VALUES = 5 }; /* of the row; the last is an array */

static bool read_status(struct observer *o, gaijin_body *b, void *user) {
  struct show *s = user;
  struct gaijin_value list, name;
  if (!observe_show(o, b, "status", VALUES - 1, s) || !observe_value(o, b, "status", &list))
    return false;
  show_list_begin(s);
  for (uint32_t i = 0; i < list.count; i++) {
    if (!observe_value(o, b, "status", &name)) return false;
    show_list_value(s, &name);
  }
  show_list_end(s);
  return true;
}

bool cmd_status(struct observer *o, struct show *s) {
  return observe_read(o, &(struct observe_book){
                             .what = "status", .columns = VALUES, .row = read_status, .user = s});
}
