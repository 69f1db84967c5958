/* SPDX-License-Identifier: MIT
 *
 * A receiver that reports more than it was sent has broken the protocol; one that reports nothing
 * only keeps others from sending to it.
 */
#include "broker/ops/route/flow.h"

#include <assert.h>

#include "broker/core/notify.h"
#include "broker/core/state.h"
#include "proto/body.h"
#include "proto/limits.h"

void flow_on_taken(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  struct reader r;
  uint32_t count;
  uint64_t id, posts, undone;
  struct window taken = {0};
  reader_open(&r, m->body, m->body_size, &count);
  if (!reader_uint(&r, &id) || !reader_uint(&r, &posts) || !reader_uint(&r, &taken.bytes) ||
      !reader_uint(&r, &undone) || posts == 0 || posts > UINT32_MAX || undone > posts) {
    client_fault(from, "'taken' wants a host, how many requests, their bytes, and how many of "
                       "them are not done");
    return;
  }
  taken.requests = (uint32_t)posts;
  uint32_t sender = hosts_find(&b->hosts, id);
  struct client *to = sender == SLAB_NONE ? NULL : hosts_at(&b->hosts, sender)->client;
  if (!to) return; /* it has ended meanwhile, and its books with it */
  uint32_t load = loads_find(&b->loads, sender, from->host);
  if (load != SLAB_NONE && flows_taken(&b->flows, load, &taken))
    notify_grant(to, hosts_at(&b->hosts, from->host)->id, &taken, undone);
  else
    client_fault(from, "it says to have taken more requests of %s than it was sent",
                 to->name);
}

bool flow_waits_for_label(const struct message *m) {
  struct reader r;
  struct value label;
  uint32_t count;
  bool waits;
  return reader_open(&r, m->body, m->body_size, &count) && count == 2 &&
         reader_next(&r, &label) && label.type != VALUE_ARRAY && reader_bool(&r, &waits) && waits;
}

static enum flows_kind kind_of(const struct client *from, const struct message *m) {
  if (flow_waits(m)) return FLOWS_WAITING;
  return from->version < WIRE_VERSION_COUNTED ? FLOWS_OLDER : FLOWS_NEWER;
}

bool flow_enter(const struct client *from, uint32_t load, const struct message *m) {
  struct flows *f = &from->broker->flows;
  return flow_counts(from, m) ? flows_sent(f, load, m->size)
                              : flows_opened(f, load, m->size, kind_of(from, m));
}

void flow_undo(const struct client *from, uint32_t load, const struct message *m) {
  struct flows *f = &from->broker->flows;
  if (flow_counts(from, m))
    flows_taken(f, load, &(struct window){.requests = 1, .bytes = m->size});
  else
    flows_closed(f, load, m->size, flow_waits(m));
}

void flow_take_for(struct client *from, struct client *to, uint32_t load,
                   const struct message *m) {
  struct broker *b = from->broker;
  struct window sent = {.requests = 1, .bytes = m->size};
  if (to->version >= op_info(OP_taken)->since) {
    if (m->flags & MESSAGE_ONE_WAY) return; /* it reports these */
  } else {
    sent = flows_outstanding(&b->flows, load);
    if (!window_is_due(&b->flows.window, &sent)) return;
  }
  flows_taken(&b->flows, load, &sent);
  notify_grant(from, hosts_at(&b->hosts, to->host)->id, &sent, 0);
}
