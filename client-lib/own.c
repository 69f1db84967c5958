/* SPDX-License-Identifier: MIT
 *
 * Notices of the library's own to the broker: each is written in one go, all or nothing, past the
 * writer of a program's messages (write.c), which must not be open.
 */
#include <gaijin/gaijin.h>
#include "client-lib/internal.h"

/* Begins a notice of the library's own, which no open message is in the way of. 0, or a status. */
static int begin_own(gaijin *g, struct pack *p, enum op op, uint32_t count) {
  struct message m = {.kind = MESSAGE_NOTICE, .op = op};
  if (!gj_is_up(g)) return gj_fail_lost(g);
  if (gj_is_fork(g)) return gj_fork_refuse(g);
  if (g->writer.open)
    return gj_fail(g, GAIJIN_STATUS_BUSY,
                   "a message was begun while another one was being written");
  pack_begin(p, &g->out, g->max_message, &m, count);
  return 0;
}

int gj_write_weight(gaijin *g, const struct gaijin_pt *pt, uint32_t weight) {
  struct pt wire = gj_pt_wire(pt);
  struct pack p;
  int status = gj_version_check(g, op_info(OP_weigh), 2);
  if (!status) status = begin_own(g, &p, OP_weigh, 2);
  if (status) return status;
  pack_pt(&p, &wire);
  pack_uint(&p, weight);
  return gj_write_outcome(g, &p, pack_end(&p));
}

int gj_write_cancel(gaijin *g, uint64_t id) {
  struct pack p;
  int status = begin_own(g, &p, OP_cancel, 1);
  if (status) return status;
  pack_uint(&p, id);
  return gj_write_outcome(g, &p, pack_end(&p));
}

int gj_write_ring(gaijin *g, uint32_t step) {
  struct pack p;
  int status = begin_own(g, &p, OP_ring, 1);
  if (status) return status;
  pack_uint(&p, step);
  return gj_write_outcome(g, &p, pack_end(&p));
}

int gaijin_withdraw(gaijin *g, uint64_t round) {
  struct pack p;
  int status = gj_version_check(g, op_info(OP_withdraw), 1);
  if (!status) status = begin_own(g, &p, OP_withdraw, 1);
  if (status) return status;
  pack_uint(&p, round);
  return gj_write_outcome(g, &p, pack_end(&p));
}
