/* SPDX-License-Identifier: MIT
 *
 * All rounds that are remembered are one page.
 */
#include "broker/ops/show/show_cycles.h"

#include "broker/core/notify.h"
#include "broker/cycles/cycles.h"

/* Units of work for a row. */
enum { ROW_COST = 10 };

void show_cycles(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  uint32_t n = cycles_remembered(b);
  struct pack *p = notify_begin(b, MESSAGE_REPLY, OP_inspect, m->id, 1 + n);
  pack_nil(p); /* no other page */
  for (uint32_t i = 0; i < n; i++) cycles_write_row(b, i, p);
  notify_send(b, from);
  client_charge(from, (uint64_t)n * ROW_COST);
}

void show_cycles_token(const struct broker *b, uint32_t token, struct pack *p) {
  struct token *t = refs_token(&b->refs, token);
  pack_uint(p, refs_quiet(t, broker_now(b)));
  if (refs_is_condemned(&b->refs, token))
    pack_text(p, "condemned");
  else if (t->mark & TOKEN_TRIAL)
    pack_text(p, "suspect");
  else
    pack_nil(p);
}
