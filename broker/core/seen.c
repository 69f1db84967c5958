/* SPDX-License-Identifier: MIT
 *
 * Rows are written by hand, in msgpack's widest forms: a monitor under full load must not cost
 * much.
 */
#include "broker/core/seen.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "broker/core/meter.h"
#include "broker/core/notify.h"
#include "broker/core/seen_row.h"
#include "broker/core/transfer.h"
#include "proto/base.h"
#include "proto/body.h"

/* Units of work: rows for one. Bytes of a notice beside its rows. */
enum { COMPARED_PER_UNIT = 32 }; /* objects of messages with those that are to be seen */
enum { ROWS_PER_UNIT = 4, NOTICE_BYTES = 64 };

struct monitor {
  struct client *client;
  uint64_t request;
  struct seen_filter filter;
  uint32_t place;  /* in the list of all */
  uint32_t begun;  /* a serial: a call's bit of before is of another in its place */
  uint32_t serial; /* hosts that have it at this place were introduced to it */
  uint64_t lost;   /* messages since it was told last */
  uint32_t messages; /* whose rows are in the buffer, */
  uint32_t rows, size, room; /* and rows, introductions of hosts among them */
  uint8_t bytes[]; /* the rows */
};

/* ---- Sending ---- */

static void drop_rows(struct broker *b, struct monitor *m) {
  m->lost += m->messages;
  m->messages = m->rows = m->size = 0;
  m->serial = ++b->monitors.serials; /* introductions may have been among them */
}

static bool is_behind(const struct monitor *m) {
  return m->client->outbox.bytes > SEEN_UNREAD_MOST - SEEN_BUFFER;
}

static void send_rows(struct broker *b, struct monitor *m) {
  if (is_behind(m)) {
    if (m->rows) drop_rows(b, m);
    return;
  }
  struct pack *p = notify_begin(b, MESSAGE_NOTICE, OP_seen, 0, 1 + m->rows);
  pack_uint(p, m->lost);
  pack_raw(p, m->bytes, m->size);
  notify_send(b, m->client);
  work_charge(&b->work, m->rows / ROWS_PER_UNIT);
  m->lost = 0;
  m->messages = m->rows = m->size = 0;
}

static void on_later(uv_timer_t *timer) {
  struct broker *b = timer->data;
  for (uint32_t i = 0; i < HOSTS_MONITORS; i++) {
    struct monitor *m = b->monitors.all[i];
    if (m && (m->rows || m->lost)) send_rows(b, m);
  }
}

/* ---- Begin and end ---- */

static void see_error(struct broker *b, const struct client *to, enum op op, uint64_t id,
                      uint64_t status, const char *text, const struct message *refused);

void seen_open(struct broker *b) {
  uv_timer_init(b->loop, &b->monitors.later);
  b->monitors.error = see_error;
  b->monitors.later.data = b;
}

void seen_close(struct broker *b) { uv_close((uv_handle_t *)&b->monitors.later, NULL); }

void seen_deinit(struct broker *b) {
  for (uint32_t i = 0; i < HOSTS_MONITORS; i++) free(b->monitors.all[i]);
  b->monitors = (struct monitors){0};
}

/* How many bytes of rows go into one notice. */
static uint32_t room_for_rows(const struct broker *b) {
  uint32_t most = b->connections.max_message - NOTICE_BYTES;
  return most < SEEN_BUFFER ? most : SEEN_BUFFER;
}

/* NULL, or who has too many. */
static const char *find_too_many(const struct broker *b, const struct client *c) {
  uint32_t process = 0, user = 0;
  for (uint32_t i = 0; i < HOSTS_MONITORS; i++) {
    const struct monitor *m = b->monitors.all[i];
    if (!m) continue;
    process += m->client->account->process == c->account->process;
    user += m->client->account->user == c->account->user;
  }
  if (b->monitors.count == HOSTS_MONITORS) return "as many monitor already as may at a time";
  if (process >= HOSTS_MONITORS - b->monitors.count)
    return "this process monitors as often already as it leaves places to others";
  if (user >= HOSTS_MONITORS - SEEN_SPARED)
    return "this user monitors as often already as a user may";
  return NULL;
}

bool seen_has(const struct client *c, uint64_t request) {
  for (uint32_t i = 0; i < HOSTS_MONITORS; i++) {
    const struct monitor *m = c->broker->monitors.all[i];
    if (m && m->client == c && m->request == request) return true;
  }
  return false;
}

bool seen_begin(struct client *c, uint64_t request, const struct seen_filter *filter,
                const char **why) {
  struct broker *b = c->broker;
  struct monitors *all = &b->monitors;
  uint32_t place = 0, room = room_for_rows(b);
  while (place < HOSTS_MONITORS && all->all[place]) place++;
  if ((*why = find_too_many(b, c))) return false;
  struct monitor *m = malloc(sizeof *m + room);
  *why = "the broker's memory is too short; try again later";
  if (!m) return false;
  *m = (struct monitor){.client = c, .request = request, .filter = *filter, .place = place,
                        .begun = all->serials + 1, .serial = all->serials + 1, .room = room};
  all->serials++;
  account_charge(&b->connections.accounts, c->account, ACCOUNT_OTHER, sizeof *m + room);
  all->all[place] = m;
  if (all->count++ == 0) {
    all->wall_us = log_wall_us() - traffic_now(&b->traffic) / 1000;
    uv_timer_start(&all->later, on_later, SEEN_LATER_MS, SEEN_LATER_MS);
  }
  send_rows(b, m);
  return true;
}

static void end(struct broker *b, struct monitor *m) {
  account_discharge(&b->connections.accounts, m->client->account, ACCOUNT_OTHER,
                    sizeof *m + m->room);
  b->monitors.all[m->place] = NULL;
  if (--b->monitors.count == 0) uv_timer_stop(&b->monitors.later);
  free(m);
}

bool seen_cancel(struct client *c, uint64_t request) {
  struct broker *b = c->broker;
  for (uint32_t i = 0; i < HOSTS_MONITORS; i++) {
    struct monitor *m = b->monitors.all[i];
    if (!m || m->client != c || m->request != request) continue;
    end(b, m);
    return true;
  }
  return false;
}

void seen_forget(struct client *c) {
  struct broker *b = c->broker;
  for (uint32_t i = 0; b->monitors.count && i < HOSTS_MONITORS; i++)
    if (b->monitors.all[i] && b->monitors.all[i]->client == c) end(b, b->monitors.all[i]);
}

static void end_told(struct broker *b, struct monitor *m, enum status status, const char *text) {
  struct client *to = m->client;
  uint64_t request = m->request;
  if (m->rows || m->lost) send_rows(b, m);
  end(b, m);
  notify_error(to, OP_monitor, request, status, "%s", text);
}

void seen_end_all(struct broker *b) {
  for (uint32_t i = 0; b->monitors.count && i < HOSTS_MONITORS; i++)
    if (b->monitors.all[i])
      end_told(b, b->monitors.all[i], STATUS_away,
               "another program goes on in the broker's place: monitor again");
}

void seen_judge(struct broker *b, seen_may_fn may) {
  char why[SEEN_WHY_BYTES];
  for (uint32_t i = 0; b->monitors.count && i < HOSTS_MONITORS; i++)
    if (b->monitors.all[i] && !may(b->monitors.all[i]->client, why))
      end_told(b, b->monitors.all[i], STATUS_denied, why);
}

/* ---- Choosing ---- */

static bool has_name(const struct seen_filter *f, const char *name) {
  for (uint32_t i = 0; i < f->workers; i++)
    if (strcmp(f->worker[i], name) == 0) return true;
  return false;
}

static uint32_t bit_of(uint64_t host, uint64_t id) {
  return (uint32_t)(mix64(host ^ mix64(id)) % SEEN_TOKEN_BITS);
}

void seen_choose(struct seen_filter *f, uint64_t host, uint64_t id) {
  uint32_t bit = bit_of(host, id);
  f->token[f->tokens++] = (struct seen_token){host, id};
  f->bits[bit / 64] |= UINT64_C(1) << bit % 64;
}

static bool has_token(const struct seen_filter *f, uint64_t host, uint64_t id) {
  uint32_t bit = bit_of(host, id);
  if (!(f->bits[bit / 64] >> bit % 64 & 1)) return false;
  for (uint32_t i = 0; i < f->tokens; i++)
    if (f->token[i].id == id && f->token[i].host == host) return true;
  return false;
}

/* It is who monitors that pays for the search. */
static bool carries_token(const struct monitor *m, const struct transfer *t) {
  const struct seen_filter *f = &m->filter;
  uint32_t i = 0;
  if (!f->tokens) return false;
  while (i < t->count && !has_token(f, t->pts[i].pt.host, t->pts[i].pt.id)) i++;
  client_charge(m->client, i / COMPARED_PER_UNIT);
  return i < t->count;
}

static bool has_label(const struct seen_filter *f, const struct message *m) {
  struct reader r;
  uint32_t count, size;
  const char *label;
  if (!f->labels || m->op != OP_s2t || !reader_open(&r, m->body, m->body_size, &count) ||
      !reader_string(&r, &label, &size))
    return false;
  for (uint32_t i = 0; i < f->labels; i++)
    if (f->label_size[i] == size && memcmp(f->label[i], label, size) == 0) return true;
  return false;
}

static bool fits_pair(const struct seen_filter *f, enum op op, const char *from, const char *to) {
  if (f->ops && !(f->ops >> op & 1)) return false;
  return !f->workers || has_name(f, from) || has_name(f, to);
}

static bool is_any_object(const struct seen_filter *f) { return !f->tokens && !f->labels; }

static bool fits_request(const struct monitor *k, const char *from, const char *to,
                         const struct transfer *t, const struct message *m) {
  const struct seen_filter *f = &k->filter;
  if (!fits_pair(f, m->op, from, to)) return false;
  return is_any_object(f) || (m->target == OP_PT && has_token(f, m->pt.host, m->pt.id)) ||
         carries_token(k, t) || has_label(f, m);
}

/* ---- Rows ---- */

/* Introduces a host of this number; a row has room after it. */
static void introduce(struct monitor *m, struct host *h) {
  h->seen_by[m->place] = m->serial;
  m->size += seen_row_host(m->bytes + m->size, h->id, h->name);
  m->rows++;
}

static void add_row(struct broker *b, struct monitor *m, const struct seen_row *row, uint32_t from,
                    uint32_t to) {
  if (is_behind(m)) {
    if (m->rows) drop_rows(b, m);
    m->lost++;
    return;
  }
  if (m->room - m->size < SEEN_ROW_MOST + 2 * SEEN_HOST_MOST) send_rows(b, m);
  for (int i = 0; i < 2; i++) {
    uint32_t host = i ? to : from;
    if (host != SLAB_NONE && hosts_at(&b->hosts, host)->seen_by[m->place] != m->serial)
      introduce(m, hosts_at(&b->hosts, host));
  }
  m->size += seen_row_write(m->bytes + m->size, row, m->filter.bytes);
  m->rows++;
  m->messages++;
}

static uint64_t time_us(struct broker *b) {
  return traffic_now(&b->traffic) / 1000 + b->monitors.wall_us;
}

void seen_request(struct broker *b, const struct client *from, const struct client *to,
                  uint32_t call, const struct transfer *t, const struct message *m) {
  struct seen_row row = {.time_us = time_us(b),
                         .kind = call == SLAB_NONE ? SEEN_POST : MESSAGE_REQUEST,
                         .op = (uint8_t)m->op,
                         .id = m->id,
                         .from = hosts_at(&b->hosts, from->host)->id,
                         .to = hosts_at(&b->hosts, to->host)->id,
                         .size = m->size,
                         .target_kind = m->target == OP_PT ? m->pt.kind : 0,
                         .target = m->target == OP_PT ? m->pt.id : 0,
                         .body = m->body,
                         .body_size = m->body_size,
                         .has_no_pts = t->count == 0 && !t->too_many};
  unsigned seen = 0;
  for (uint32_t i = 0; i < HOSTS_MONITORS; i++) {
    struct monitor *k = b->monitors.all[i];
    if (!k || !fits_request(k, from->name, to->name, t, m)) continue;
    seen |= 1u << i;
    if (!k->filter.slower_ns) add_row(b, k, &row, from->host, to->host);
  }
  if (call == SLAB_NONE) return;
  struct call *c = calls_at(&b->calls, call);
  c->seen = (uint8_t)seen;
  c->seen_at = b->monitors.serials;
  c->token = row.target;
  c->kind = row.target_kind;
}

static bool has_seen(const struct monitor *k, const struct call *c) {
  return (c->seen >> k->place & 1) && (int32_t)(c->seen_at - k->begun) >= 0;
}

/* Whether this monitor is to see an answer: it has seen the request, or would have. */
static bool fits_answer(const struct monitor *k, const struct call *c, const char *asker,
                        const char *host, const struct transfer *t, uint64_t took_ns) {
  const struct seen_filter *f = &k->filter;
  if (f->slower_ns && took_ns < f->slower_ns) return false;
  if (has_seen(k, c)) return true;
  return fits_pair(f, c->op, asker, host) && (is_any_object(f) || carries_token(k, t));
}

void seen_answer(struct broker *b, uint32_t call, const struct transfer *t,
                 const struct message *m, uint64_t took_ns, bool is_told) {
  const struct call *c = calls_at(&b->calls, call);
  /* The number of an asker that is gone may be another's. */
  uint32_t asker = pairs_count(b, c) ? c->from : SLAB_NONE, told = is_told ? c->asker : SLAB_NONE;
  const struct host *host = hosts_at(&b->hosts, c->host);
  const char *name = asker == SLAB_NONE ? "" : hosts_at(&b->hosts, asker)->name;
  struct seen_row row = {.time_us = time_us(b),
                         .kind = (uint8_t)m->kind,
                         .op = (uint8_t)m->op,
                         .id = c->asked_id,
                         .from = host->id,
                         .to = told == SLAB_NONE ? 0 : hosts_at(&b->hosts, told)->id,
                         .size = m->size,
                         .took_ns = took_ns,
                         .target_kind = c->kind,
                         .target = c->token,
                         .body = m->body,
                         .body_size = m->body_size,
                         .has_no_pts = t->count == 0 && !t->too_many};
  for (uint32_t i = 0; i < HOSTS_MONITORS; i++) {
    struct monitor *k = b->monitors.all[i];
    if (k && fits_answer(k, c, name, host->name, t, took_ns))
      add_row(b, k, &row, c->host, told);
  }
}

static void see_error(struct broker *b, const struct client *to, enum op op, uint64_t id,
                      uint64_t status, const char *text, const struct message *refused) {
  if (to->host == SLAB_NONE || !op_info(op) || op_info(op)->way != OP_ROUTED) return;
  const struct host *host = hosts_at(&b->hosts, to->host);
  uint8_t body[SEEN_BYTES_MOST];
  struct seen_row row = {.time_us = time_us(b),
                         .kind = MESSAGE_ERROR,
                         .op = (uint8_t)op,
                         .id = id,
                         .to = host->id,
                         .body = body,
                         .body_size = seen_error_body(body, status, text)};
  /* A refused request may have the id of one that is open. */
  uint32_t call = refused ? SLAB_NONE : calls_find_asked(&b->calls, to->host, id);
  if (call != SLAB_NONE && calls_at(&b->calls, call)->begun_ns)
    row.took_ns = traffic_now(&b->traffic) - calls_at(&b->calls, call)->begun_ns;
  for (uint32_t i = 0; i < HOSTS_MONITORS; i++) {
    struct monitor *k = b->monitors.all[i];
    if (!k || (k->filter.slower_ns && row.took_ns < k->filter.slower_ns)) continue;
    bool is_seen = call != SLAB_NONE && has_seen(k, calls_at(&b->calls, call));
    if (is_seen || (fits_pair(&k->filter, op, host->name, "") && is_any_object(&k->filter)))
      add_row(b, k, &row, SLAB_NONE, to->host);
  }
}

uint64_t seen_charged(const struct broker *b) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < HOSTS_MONITORS; i++)
    if (b->monitors.all[i]) bytes += sizeof(struct monitor) + b->monitors.all[i]->room;
  return bytes;
}

const char *seen_check(const struct broker *b) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < HOSTS_MONITORS; i++) {
    const struct monitor *m = b->monitors.all[i];
    if (!m) continue;
    count++;
    if (m->place != i) return "monitors: one is at another's place";
    if (m->client->state == CLIENT_GREETING) return "monitors: one has not said hello";
    if (m->size > m->room || (m->rows == 0) != (m->size == 0) ||
        m->messages > m->rows)
      return "monitors: other bytes than rows";
  }
  if (count != b->monitors.count) return "monitors: another number of them";
  return NULL;
}
