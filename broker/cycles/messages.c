/* SPDX-License-Identifier: MIT
 *
 * The messages of a round. Whoever is sent one pays for it with its own account: a liar gains
 * nothing by being asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/core/notify.h"
#include "broker/cycles/internal.h"
#include "proto/body.h"

/* Units of work for a message, and so many values of one for another. */
enum { MESSAGE_COST = 10, VALUES_PER_UNIT = 8 };
/* Bytes of an edge on the wire. */
enum { EDGE_BYTES = 8 };
/* More than that nobody is believed to have taken. */
enum { TOLD_MS_MOST = 10000 };

struct client *messages_client_of(const struct cycles *k, uint32_t host, uint64_t id) {
  const struct hosts *hosts = &k->b->hosts;
  if (!id || !slab_live(&hosts->all, host) || hosts_at(hosts, host)->id != id) return NULL;
  struct client *c = hosts_at(hosts, host)->client;
  return c && c->state == CLIENT_READY ? c : NULL;
}

struct client *messages_client(const struct cycles *k, const struct cycles_member *m) {
  return messages_client_of(k, m->host, m->id);
}

const char *messages_name(const struct cycles *k, const struct cycles_member *m) {
  const struct hosts *hosts = &k->b->hosts;
  bool is_known = slab_live(&hosts->all, m->host) && hosts_at(hosts, m->host)->id == m->id;
  return is_known ? hosts_at(hosts, m->host)->name : NULL;
}

static void charge(struct cycles *k, uint32_t values) {
  work_charge(&k->b->work, MESSAGE_COST + values / VALUES_PER_UNIT);
}

/* What has ended since the list was filled goes. */
static void tidy(struct cycles *k, struct cycles_list *l) {
  uint32_t n = 0, *places = &k->places[l->at];
  for (uint32_t i = 0; i < l->count; i++)
    if (round_is_on(k, places[i])) places[n++] = places[i];
  l->count = n;
}

static const struct token *token_at(const struct cycles *k, const struct cycles_list *l,
                                    uint32_t n) {
  return refs_token(&k->b->refs, k->suspects[k->places[l->at + n]].token);
}

static void send_cycle(struct cycles *k, struct cycles_member *m, struct client *to) {
  struct broker *b = k->b;
  m->request = calls_next_id(&b->calls);
  m->asked_ms = uv_now(b->loop);
  client_answer_due(to);
  struct pack *p = notify_begin(b, MESSAGE_REQUEST, OP_cycle, m->request, 4);
  pack_uint(p, k->number);
  pack_uint(p, k->phase);
  pack_array(p, m->hosted.count);
  for (uint32_t i = 0; i < m->hosted.count; i++) pack_uint(p, token_at(k, &m->hosted, i)->id);
  pack_array(p, m->held.count);
  for (uint32_t i = 0; i < m->held.count; i++) {
    const struct token *t = token_at(k, &m->held, i);
    pack_pt(p, &(struct pt){.host = hosts_at(&b->hosts, t->host)->id,
                            .id = t->id,
                            .stamp = t->stamp,
                            .kind = t->kind});
  }
  notify_send(b, to);
  k->hosts[m->host].asked = m->id;
  halt_note_asked(k, m, to);
  charge(k, m->hosted.count + m->held.count);
}

bool messages_ask(struct cycles *k) {
  for (bool goes_on = true; goes_on && k->cursor < k->member_count;
       goes_on = !work_is_spent(&k->b->work)) {
    struct cycles_member *m = &k->members[k->cursor++];
    struct client *to = messages_client(k, m);
    tidy(k, &m->hosted);
    tidy(k, &m->held);
    m->answered = m->hosted.count + m->held.count == 0;
    if (m->answered) continue;
    if (!to) {
      round_drop(k, m);
      if (k->is_lost) return false;
      continue;
    }
    k->waiting++;
    send_cycle(k, m, to);
  }
  return k->cursor == k->member_count;
}

static void note_stood_still(struct cycles *k, const struct cycles_member *m) {
  k->hosts[m->host].spent_ms += uv_now(k->b->loop) - m->asked_ms;
}

/* What is condemned it collects before it goes on: that takes about as long as its look, but it is
 * not believed to take longer than all have agreed to wait for. */
static void note_collects(struct cycles *k, const struct cycles_member *m) {
  struct cycles_host *h = &k->hosts[m->host];
  h->spent_ms += h->checked_ms < k->halt_ms ? h->checked_ms : k->halt_ms;
}

static void send_condemn(struct cycles *k, const struct cycles_member *m, struct client *to) {
  uint32_t n = 0;
  const uint32_t *places = &k->places[m->hosted.at];
  for (uint32_t i = 0; i < m->hosted.count; i++) n += round_is_on(k, places[i]);
  struct pack *p = notify_begin(k->b, MESSAGE_NOTICE, OP_condemn, 0, 1 + n);
  pack_uint(p, k->number);
  for (uint32_t i = 0; i < m->hosted.count; i++)
    if (round_is_on(k, places[i])) pack_uint(p, token_at(k, &m->hosted, i)->id);
  notify_send(k->b, to);
  charge(k, m->hosted.count);
}

bool messages_condemn(struct cycles *k) {
  for (bool goes_on = true; goes_on && k->cursor < k->member_count;
       goes_on = !work_is_spent(&k->b->work)) {
    const struct cycles_member *m = &k->members[k->cursor++];
    struct client *to = messages_client(k, m);
    if (!to || !m->request) continue;
    to->strikes = 0;
    note_stood_still(k, m);
    note_collects(k, m);
    send_condemn(k, m, to);
  }
  return k->cursor == k->member_count;
}

void messages_resume(struct cycles *k) {
  for (uint32_t i = 0; i < k->member_count; i++) {
    struct client *to = k->members[i].request ? messages_client(k, &k->members[i]) : NULL;
    if (!to) continue;
    note_stood_still(k, &k->members[i]);
    pack_uint(notify_begin(k->b, MESSAGE_NOTICE, OP_resume, 0, 1), k->number);
    notify_send(k->b, to);
    charge(k, 0);
  }
}

/* ---- Answers ---- */

/* Memory of its own for bytes of a message; NULL: there are none, or memory is short. */
static uint8_t *copy(const char *bytes, size_t n) {
  uint8_t *own = n ? malloc(n) : NULL;
  return own ? memcpy(own, bytes, n) : NULL;
}

static bool is_any_set(const char *bytes, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (bytes[i]) return true;
  return false;
}

bool messages_read(struct cycles *k, struct cycles_member *m, struct client *from,
                   const struct message *msg) {
  struct reader r;
  uint32_t count, live_size, edges_size;
  uint64_t ms;
  const char *live, *edges;
  if (!reader_open(&r, msg->body, msg->body_size, &count) || count != 3 || !reader_uint(&r, &ms) ||
      !reader_string(&r, &live, &live_size) || !reader_string(&r, &edges, &edges_size) ||
      live_size != (m->hosted.count + m->held.count + 7) / 8 || edges_size % EDGE_BYTES) {
    client_fault(from, "answer to 'cycle': not a time, a bit for each object, and pairs of places");
    return false;
  }
  client_charge(from, (live_size + edges_size) / READ_PER_UNIT);
  if (ms > TOLD_MS_MOST) ms = TOLD_MS_MOST;
  if (ms > k->longest_ms) k->longest_ms = (uint32_t)ms;
  uint64_t took = uv_now(k->b->loop) - m->asked_ms;
  struct cycles_host *h = &k->hosts[m->host];
  if (k->phase == CYCLES_CHECK) h->checked_ms = (uint32_t)(took > ms ? took : ms);
  if (k->phase != CYCLES_HALT) h->spent_ms += ms < took ? ms : took;
  if (is_any_set(live, live_size)) {
    m->live = copy(live, live_size);
    m->is_unable = !m->live; /* memory is short: all of it counts as live */
    k->has_grown = true;
  }
  uint32_t pairs = edges_size / EDGE_BYTES, room = CYCLES_EDGES_MOST - k->edges_told;
  if (k->phase != CYCLES_SCAN) pairs = 0;
  if (pairs > room) pairs = room; /* the others are not known */
  m->edges = copy(edges, (size_t)pairs * EDGE_BYTES);
  m->edge_count = m->edges ? pairs : 0;
  k->edges_told += m->edge_count;
  return true;
}
