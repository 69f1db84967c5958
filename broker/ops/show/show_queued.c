/* SPDX-License-Identifier: MIT
 *
 * A page goes through outboxes, each message by message. A cursor is the number of a receiver and
 * the position of a message in its outbox, in steps that are shorter than any message, modulo more
 * than an outbox can have. A message is in one page: of one that has more objects than a page has
 * rows, or values than are walked for one, the first are told, and how many more, or 0: not known.
 */
#include "broker/ops/show/show_queued.h"

#include <string.h>

#include "broker/core/notify.h"
#include "broker/core/state.h"
#include "proto/base.h"
#include "proto/body.h"

/* Rows of a page; receivers and messages that are looked at for one; values walked. */
enum { ROWS_MOST = 500, LOOKED_MOST = 2000, VALUES_MOST = 20000 };
/* Units of work: for a row; values and receivers for a unit. */
enum { ROW_COST = 10, VALUES_PER_UNIT = 16, LOOKED_PER_UNIT = 4 };
/* An upper bound of a row on the wire. */
enum { ROW_BYTES = 3 * (TOLD_NAME_MAX_BYTES + 5) + 16 + 4 * 9 };
enum { STEP = 32, STEP_BITS = 30, STEPS = (1 << STEP_BITS) - 1 };

struct row {
  uint32_t to;
  uint8_t kind, op;
  uint64_t from; /* host's id; 0: the broker */
  struct pt pt;  /* host 0: the row of what is not told */
  uint32_t more;
};

struct page {
  struct broker *b;
  const struct show_queued *ask;
  struct row rows[ROWS_MOST + 1];
  uint32_t count, most;
  uint32_t looked, values;
  uint64_t cursor;
  bool has_cursor;
  struct row row; /* of the message that is walked */
  uint32_t first; /* its first row */
  uint32_t over;  /* its objects that have no row */
};

static bool is_named(const struct host *h, const char *name, uint32_t size) {
  return !name || (strlen(h->name) == size && memcmp(h->name, name, size) == 0);
}

static const struct host *host_of(const struct broker *b, uint64_t id) {
  uint32_t host = hosts_find(&b->hosts, id);
  return host == SLAB_NONE ? NULL : hosts_at(&b->hosts, host);
}

static void add_object(void *user, const struct value *v) {
  struct page *g = user;
  if (v->type != VALUE_PT) return;
  const struct host *host = host_of(g->b, v->pt.host);
  if (!host || v->pt.host == hosts_at(&g->b->hosts, g->row.to)->id) return; /* its own */
  if (!is_named(host, g->ask->host, g->ask->host_size)) return;
  if (g->count == g->most) {
    g->over++;
    return;
  }
  g->row.pt = v->pt;
  g->rows[g->count++] = g->row;
}

/* Walks a message; false: it belongs into the next page. */
static bool walk(struct page *g, const uint8_t *bytes, uint32_t size) {
  struct message m;
  const char *fault;
  if (message_parse(bytes, size, &m) || m.kind == MESSAGE_NOTICE) return true;
  struct body_walker w;
  g->row = (struct row){
      .to = g->row.to, .kind = (uint8_t)m.kind, .op = (uint8_t)m.op, .from = m.peer};
  g->first = g->count;
  g->over = 0;
  body_walker_start(&w);
  enum body_walked o =
      body_walker_go_on(&w, m.body, m.body_size, VALUES_MOST - g->values, add_object, g, &fault);
  if (o != BODY_MORE && !g->over) {
    g->values += w.values;
    return true;
  }
  if (g->first > 0 || g->values > 0) {
    g->count = g->first;
    return false;
  }
  g->values += w.values;
  g->row.pt = (struct pt){0};
  g->row.more = o == BODY_MORE ? 0 : g->over;
  g->rows[g->count++] = g->row;
  return true;
}

/* The next page begins there. */
static void end_before(struct page *g, uint32_t host, uint64_t step) {
  g->cursor = (uint64_t)host << STEP_BITS | (step & STEPS);
  g->has_cursor = true;
}

/* From a receiver's message at `from` on; false: the page is full, and its cursor is set. */
static bool look_at(struct page *g, uint32_t host, uint64_t from) {
  const struct client *c = hosts_at(&g->b->hosts, host)->client;
  struct outbox_eye e;
  uint32_t size;
  outbox_look(&c->outbox, &e, from);
  for (;;) {
    uint64_t position = e.position;
    const uint8_t *bytes = outbox_see(&e, &size);
    if (!bytes) return true;
    g->row.to = host;
    bool full = g->count >= g->most || g->looked >= LOOKED_MOST || g->values >= VALUES_MOST;
    if (full || !walk(g, bytes, size)) {
      end_before(g, host, position / STEP);
      return false;
    }
    g->looked++;
  }
}

/* Where the message of a cursor begins, or a little before it. */
static uint64_t position_of(const struct outbox *o, uint64_t cursor) {
  uint64_t now = o->written / STEP, ahead = ((cursor & STEPS) - now) & STEPS;
  /* Half of all is behind: the message has been written meanwhile, or in part, and is the first. */
  return ahead > STEPS / 2 ? 0 : (now + ahead) * STEP;
}

static void fill(struct page *g) {
  const struct slab *all = &g->b->hosts.all;
  uint64_t cursor = g->ask->cursor;
  uint64_t first = cursor >> STEP_BITS;
  uint32_t begin = first < SLAB_NONE ? (uint32_t)first : SLAB_NONE - 1;
  for (uint32_t i = slab_next(all, begin); i != SLAB_NONE; i = slab_next(all, i + 1)) {
    const struct host *h = hosts_at(&g->b->hosts, i);
    bool waits = h->client && h->client->state != CLIENT_CONDEMNED && h->client->outbox.bytes > 0;
    if (g->looked++ >= LOOKED_MOST) {
      end_before(g, i, waits ? h->client->outbox.written / STEP - 1 : 0); /* all of it */
      return;
    }
    if (!waits || !is_named(h, g->ask->holder, g->ask->holder_size)) continue;
    uint64_t from = i == begin && cursor ? position_of(&h->client->outbox, cursor) : 0;
    if (!look_at(g, i, from)) return;
  }
}

static void pack_name(struct pack *p, const struct host *h) {
  if (h)
    pack_text(p, h->name);
  else
    pack_nil(p);
}

static void write_row(const struct page *g, const struct row *r, struct pack *p) {
  pack_array(p, 7);
  pack_text(p, hosts_at(&g->b->hosts, r->to)->name);
  pack_name(p, host_of(g->b, r->from));
  pack_uint(p, r->kind);
  pack_text(p, op_name(r->op));
  pack_name(p, r->pt.host ? host_of(g->b, r->pt.host) : NULL);
  if (r->pt.host)
    pack_uint(p, r->pt.id);
  else
    pack_nil(p);
  pack_uint(p, r->pt.host ? 1 : r->more);
}

void show_queued(struct client *from, const struct message *m, const struct show_queued *ask) {
  struct broker *b = from->broker;
  struct page g = {.b = b, .ask = ask, .most = (uint32_t)(ask->bytes_most / ROW_BYTES)};
  g.most = g.most > ROWS_MOST ? ROWS_MOST : g.most > 1 ? g.most - 1 : 1;
  fill(&g);
  client_charge(from, (uint64_t)g.count * ROW_COST + g.values / VALUES_PER_UNIT +
                          g.looked / LOOKED_PER_UNIT);
  struct pack *p = notify_begin(b, MESSAGE_REPLY, OP_inspect, m->id, 1 + g.count);
  if (g.has_cursor)
    pack_uint(p, g.cursor);
  else
    pack_nil(p);
  for (uint32_t i = 0; i < g.count; i++) write_row(&g, &g.rows[i], p);
  notify_send(b, from);
}
