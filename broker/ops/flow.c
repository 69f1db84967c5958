/* SPDX-License-Identifier: MIT
 *
 * A receiver that reports more than it was sent has broken the protocol; one that reports nothing
 * only keeps others from sending to it.
 */
#include "broker/ops/flow.h"

#include "broker/core/notify.h"
#include "broker/core/state.h"
#include "proto/body.h"

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
  taken.posts = (uint32_t)posts;
  uint32_t sender = hosts_find(&b->hosts, id);
  struct client *to = sender == SLAB_NONE ? NULL : hosts_at(&b->hosts, sender)->client;
  if (!to) return; /* it has ended meanwhile, and its books with it */
  if (flows_taken(&b->flows, sender, from->host, &taken))
    notify_grant(to, hosts_at(&b->hosts, from->host)->id, &taken, undone);
  else
    client_fault(from, "it says to have taken more one-way requests of %s than it was sent",
                 to->name);
}

void flow_forwarded(struct client *from, struct client *to) {
  struct broker *b = from->broker;
  const struct op_info *taken = op_info(OP_taken);
  if (op_in_version(taken, taken->least, to->version)) return;
  struct window sent = flows_outstanding(&b->flows, from->host, to->host);
  if (!window_is_due(&b->flows.window, &sent)) return;
  flows_taken(&b->flows, from->host, to->host, &sent);
  notify_grant(from, hosts_at(&b->hosts, to->host)->id, &sent, 0);
}
