/* SPDX-License-Identifier: MIT
 *
 * One request per host is under way, and no more of all than the broker lets an observer have. They
 * are waited for in the order in which they were sent, each until its own time is over, so a host
 * that hangs holds up nothing for longer than its time.
 *
 * Answers are kept, for descriptions have their bytes: each is so long at most as rows are
 * (description_read), and when all together have KEPT_BYTES nothing more is asked for.
 */
#include "tools/ask/describe.h"

#include <stdlib.h>
#include <string.h>

#include "proto/clock.h"
#include "proto/ops.h"
#include "tools/base/text.h"

/* Requests under way: what docs/limits.md allows. Objects in one: what the op does. */
enum { UNDER_WAY = 16, AT_ONCE = 64 };
/* Bytes of answers, beside those that are under way. */
#define KEPT_BYTES ((size_t)64 << 20)

#define NONE SIZE_MAX

struct item {
  uint64_t id;
  size_t next; /* of the same host; NONE: the last */
  struct description d;
};

enum { BUCKETS = 1024 };

struct host {
  char *name;
  size_t size;
  size_t next; /* number + 1 of the next in its bucket; 0: the last */
  size_t first, last; /* of its items that are not asked about yet; NONE: there is none */
  bool failed;
};

struct batch {
  size_t host;
  uint64_t request;
  double end;
  size_t items[AT_ONCE], count;
};

struct descriptions {
  struct item *items;
  size_t n_items, items_room;
  struct host *hosts;
  size_t n_hosts, hosts_room, last; /* last: the host of the item that was added last */
  size_t buckets[BUCKETS];          /* of hosts, by name: number + 1 of the first; 0: none */
  gaijin_body **bodies; /* the answers, whose bytes descriptions have */
  size_t n_bodies, bodies_room, kept; /* kept: their bytes */
};

struct descriptions *descriptions_new(void) { return tool_alloc(1, sizeof(struct descriptions)); }

void descriptions_free(struct descriptions *d) {
  if (!d) return;
  for (size_t i = 0; i < d->n_hosts; i++) free(d->hosts[i].name);
  for (size_t i = 0; i < d->n_bodies; i++) gaijin_body_free(d->bodies[i]);
  free(d->items);
  free(d->hosts);
  free(d->bodies);
  free(d);
}

static bool is_named(const struct host *h, const char *name, size_t size) {
  return h->size == size && memcmp(h->name, name, size) == 0;
}

static struct host *find_host(struct descriptions *d, const char *name, size_t size) {
  /* Objects of one host often follow each other. */
  if (d->n_hosts && is_named(&d->hosts[d->last], name, size)) return &d->hosts[d->last];
  size_t *bucket = &d->buckets[text_hash(0, name, size) % BUCKETS];
  for (size_t i = *bucket; i; i = d->hosts[i - 1].next) {
    d->last = i - 1;
    if (is_named(&d->hosts[d->last], name, size)) return &d->hosts[d->last];
  }
  d->hosts = tool_grow(d->hosts, d->n_hosts, &d->hosts_room, sizeof *d->hosts);
  d->last = d->n_hosts++;
  d->hosts[d->last] = (struct host){.name = tool_copy(name, size), .size = size, .next = *bucket,
                                    .first = NONE, .last = NONE};
  *bucket = d->n_hosts;
  return &d->hosts[d->last];
}

size_t descriptions_add(struct descriptions *d, const char *host, size_t size, uint64_t id) {
  struct host *h = find_host(d, host, size);
  size_t number = d->n_items;
  d->items = tool_grow(d->items, d->n_items, &d->items_room, sizeof *d->items);
  d->items[d->n_items++] = (struct item){.id = id, .next = NONE};
  if (h->last == NONE)
    h->first = number;
  else
    d->items[h->last].next = number;
  h->last = number;
  return number;
}

const struct description *descriptions_at(const struct descriptions *d, size_t number) {
  return &d->items[number].d;
}

/* ---- Asking ---- */

static char *title(const struct host *h) {
  struct text t = {0};
  text_print(&t, "descriptions of %s", h->name);
  return t.bytes;
}

static void give_up(struct host *h) {
  h->failed = true;
  h->first = h->last = NONE;
}

/* Sends the next request to a host that has items left. False: it could not be. */
static bool send(struct descriptions *d, struct observer *o, size_t host, double seconds,
                 struct batch *b) {
  struct host *h = &d->hosts[host];
  size_t most = gaijin_max_message(o->g) / DESCRIPTION_BYTES;
  if (most > AT_ONCE) most = AT_ONCE;
  *b = (struct batch){.host = host};
  for (size_t i = h->first; i != NONE && b->count < (most ? most : 1); i = d->items[i].next)
    b->items[b->count++] = i;
  h->first = d->items[b->items[b->count - 1]].next;
  if (h->first == NONE) h->last = NONE;
  gaijin_begin_request(o->g, &(struct gaijin_send){.op = GAIJIN_OP_DESCRIBE, .name = h->name},
                       (uint32_t)b->count);
  for (size_t i = 0; i < b->count; i++)
    gaijin_put_number(o->g, (double)d->items[b->items[i]].id);
  b->end = clock_seconds() + seconds;
  char *what = title(h);
  bool sent = observe_send(o, what, &b->request);
  free(what);
  if (!sent) give_up(h);
  return sent;
}

/* Takes the answer over, which it frees if it has another form: false. */
static bool read_answer(struct descriptions *d, const struct batch *b, gaijin_body *body) {
  uint64_t ids[AT_ONCE];
  struct description all[AT_ONCE];
  for (size_t i = 0; i < b->count; i++) ids[i] = d->items[b->items[i]].id;
  if (!description_read(body, ids, b->count, all)) {
    gaijin_body_free(body);
    return false;
  }
  d->bodies = tool_grow(d->bodies, d->n_bodies, &d->bodies_room, sizeof *d->bodies);
  d->bodies[d->n_bodies++] = body;
  d->kept += gaijin_body_size(body);
  for (size_t i = 0; i < b->count; i++) d->items[b->items[i]].d = all[i];
  return true;
}

static bool await(struct descriptions *d, struct observer *o, const struct batch *b,
                  double seconds) {
  struct host *h = &d->hosts[b->host];
  char *what = title(h);
  double left = b->end - clock_seconds();
  gaijin_body *body = observe_await_left(o, what, b->request, left > 0 ? left : 0, seconds);
  bool came = body, good = came && read_answer(d, b, body);
  if (came && !good) tool_error("%s: its answer has another form than this version knows", what);
  if (!good) give_up(h);
  free(what);
  return good;
}

/* When there is no room for more: after one line nothing more is asked for. */
static void stop_if_full(struct descriptions *d) {
  bool said = false;
  if (d->kept < KEPT_BYTES) return;
  for (size_t i = 0; i < d->n_hosts; i++) {
    if (d->hosts[i].first == NONE || d->hosts[i].failed) continue;
    if (!said)
      tool_error("descriptions: %zu MiB were told, the most that is kept; nothing more is asked "
                 "for, ask about fewer objects (--host, --kind)", KEPT_BYTES >> 20);
    said = true;
    give_up(&d->hosts[i]);
  }
}

bool descriptions_ask(struct descriptions *d, struct observer *o, double seconds) {
  struct batch *ring = tool_alloc(UNDER_WAY, sizeof *ring);
  size_t first = 0, count = 0, next = 0;
  while (!o->no_broker && (count || next < d->n_hosts)) {
    stop_if_full(d);
    for (; count < UNDER_WAY && next < d->n_hosts && !o->no_broker; next++)
      if (d->hosts[next].first != NONE && !d->hosts[next].failed)
        count += send(d, o, next, seconds, &ring[(first + count) % UNDER_WAY]);
    if (!count) continue;
    struct batch done = ring[first];
    first = (first + 1) % UNDER_WAY;
    count--;
    if (await(d, o, &done, seconds) && d->hosts[done.host].first != NONE)
      count += send(d, o, done.host, seconds, &ring[(first + count) % UNDER_WAY]);
  }
  free(ring);
  bool good = !o->no_broker;
  for (size_t i = 0; i < d->n_hosts; i++) good = good && !d->hosts[i].failed;
  return good;
}
