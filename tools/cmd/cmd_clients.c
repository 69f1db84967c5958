/* SPDX-License-Identifier: MIT
 *
 * gaijinctl clients: one row per worker that is connected.
 */
#include "tools/list.h"

enum { VALUES = 16 }; /* of a row, in the order of the columns */

static bool read_client(struct observer *o, gaijin_body *b, void *user) {
  struct show *s = user;
  struct gaijin_value v;
  if (!observe_show(o, b, "clients", 1, s) || !observe_value(o, b, "clients", &v)) return false;
  /* As a number a host id would lose bits in most readers of JSON. */
  show_hex(s, v.is_uint ? v.integer : 0);
  return observe_show(o, b, "clients", VALUES - 2, s);
}

bool cmd_clients(struct observer *o, struct show *s) {
  return observe_read(o, &(struct observe_book){
                             .what = "clients", .columns = VALUES, .row = read_client, .user = s});
}
