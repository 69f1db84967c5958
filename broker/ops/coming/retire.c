/* SPDX-License-Identifier: MIT
 *
 * Both may be said again, and by observers, who have no name to give up: then nothing changes.
 */
#include "broker/ops/coming/retire.h"

#include "broker/core/grace.h"
#include "broker/core/succession.h"
#include "broker/ops/watch/watch.h"

void retire_on_retire(struct client *from, const struct message *m) {
  (void)m;
  from->serves = false;
  from->retired = true;
  if (from->name_record == SLAB_NONE) return;
  if (from->slot != SLAB_NONE) roster_retire(&from->broker->roster, from->slot);
  watch_forget(from);
  succession_give_up(from);
}

void retire_on_leave(struct client *from, const struct message *m) {
  retire_on_retire(from, m);
  /* What it is asked from now on is answered `dead`. */
  grace_give_up_slot(from);
  from->leaves = true;
}
