/* SPDX-License-Identifier: MIT
 *
 * Each kind of row is a slab to walk, a filter, an upper bound of a row's bytes,
 * and a writer. A page first chooses its rows, because their number comes before
 * them on the wire, then writes them.
 */
#include "broker/ops/show/inspect.h"

#include <string.h>

#include "broker/core/notify.h"
#include "broker/core/permissions.h"
#include "broker/core/state.h"
#include "broker/core/succession.h"
#include "broker/net/carrier.h"
#include "broker/ops/show/show_cycles.h"
#include "broker/ops/show/show_policy.h"
#include "broker/ops/show/show_queued.h"
#include "broker/ops/show/show_status.h"
#include "broker/ops/show/show_traffic.h"
#include "proto/base.h"
#include "proto/body.h"

/* A page examines so many records (rows and holders of tokens) at most, about 0.2 ms of work, and
 * one token's holders more: it may have no row, and a cursor. */
enum { ROWS_MOST = 1000, EXAMINED_MOST = 2000, BYTES_MOST = 256 << 10 };
/* Units of work for a record examined, and for a row written; a connection looked at costs less. */
enum { EXAMINED_COST = 1, ROW_COST = 10, CONNECTIONS_PER_UNIT = 8 };
/* Holders of one token that are counted; it is said to have so many when there are more. */
enum { HOLDERS_MOST = 4096 };
/* Connections among which an observer is looked for by its name. */
enum { CONNECTIONS_MOST = 16384 };
/* Upper bounds on the wire: a name, a number, a row without what varies. */
enum { NAME_BYTES = TOLD_NAME_MAX_BYTES + 5, NUMBER_BYTES = 9, ROW_BYTES = 240 };
/* A token without its holders; one of these: name, count, age (32 bits). */
enum { TOKEN_BYTES = NAME_BYTES + 12 * NUMBER_BYTES, PAIR_BYTES = NAME_BYTES + NUMBER_BYTES + 5 };

struct page {
  struct broker *b;
  const struct kind *kind;
  /* Filters, not terminated; NULL: none. In loads the holder is called client. */
  const char *host, *holder;
  uint32_t host_size, holder_size;
  const char *what; /* is asked for; not terminated */
  uint32_t what_size;
  enum pt_kind type;      /* of tokens; 0: any */
  bool unknown_type; /* asked for, and there is none such */
  uint64_t least_age;     /* of tokens, in seconds */
  uint64_t id; /* of tokens; 0: any. Then hosts are examined, each of which has one or none */
  uint32_t holder_number; /* of the holder; SLAB_NONE: nobody has that name */
  uint64_t bytes_most;
  uint32_t examined; /* records, so far */
  uint32_t rows[ROWS_MOST], count;
  uint32_t next; /* where the next page starts; SLAB_NONE: there is none */
  bool status; /* the broker itself (show_status.h) */
  bool tells_ages; /* of holders: who asks knows these, */
  bool tells_trials; /* and these, of tokens */
  bool policy; /* is asked for, which is no kind of row (show_policy.h) */
};

struct kind {
  const char *name;
  const struct slab *(*slab)(const struct broker *b);
  bool (*wanted)(const struct page *g, uint32_t index);
  uint64_t (*size)(struct page *g, uint32_t index);
  void (*write)(const struct page *g, uint32_t index, struct pack *p);
};

static const char *name_of(const struct broker *b, uint32_t host) {
  return hosts_at(&b->hosts, host)->name;
}

static bool is_named(const struct broker *b, uint32_t host, const char *name, uint32_t size) {
  const char *own = name_of(b, host);
  return strlen(own) == size && memcmp(own, name, size) == 0;
}

static uint64_t plain_size(struct page *g, uint32_t index) {
  (void)g;
  (void)index;
  return ROW_BYTES;
}

/* ---- clients ---- */

static const struct slab *clients_slab(const struct broker *b) { return &b->hosts.all; }

static bool client_wanted(const struct page *g, uint32_t index) {
  const struct host *h = hosts_at(&g->b->hosts, index);
  return h->client && h->client->state != CLIENT_CONDEMNED && !h->observer;
}

static void client_write(const struct page *g, uint32_t index, struct pack *p) {
  const struct broker *b = g->b;
  const struct host *h = hosts_at(&b->hosts, index);
  const struct client *c = h->client;
  pack_array(p, 18);
  pack_text(p, h->name);
  pack_uint(p, h->id);
  pack_uint(p, (uint64_t)c->pid);
  pack_uint(p, c->uid);
  pack_uint(p, (uv_now(b->loop) - c->since_ms) / 1000);
  pack_uint(p, refs_export_count(&b->refs, index));
  pack_uint(p, refs_held_count(&b->refs, index));
  pack_uint(p, calls_asked_count(&b->calls, index));
  pack_uint(p, c->outbox.bytes);
  pack_uint(p, c->messages_in);
  pack_uint(p, c->messages_out);
  pack_bool(p, c->serves);
  pack_bool(p, client_is_responsive(c));
  pack_uint(p, c->account->used[ACCOUNT_BYTES]);
  pack_uint(p, c->account->used[ACCOUNT_WAITS]);
  pack_uint(p, c->account->refused);
  pack_text(p, carrier_name(c));
  pack_text(p, succession_has_name(c) ? "named" : succession_waits(c) ? "successor" : "retired");
}

/* ---- accounts ---- */

static const struct slab *accounts_slab(const struct broker *b) {
  return &b->connections.accounts.slab;
}

static bool account_wanted(const struct page *g, uint32_t index) {
  const struct account *k = slab_at(accounts_slab(g->b), index);
  return k->level != ACCOUNT_CONNECTION;
}

static void account_write(const struct page *g, uint32_t index, struct pack *p) {
  const struct account *k = slab_at(accounts_slab(g->b), index);
  pack_array(p, 4 + ACCOUNT_OTHER);
  pack_uint(p, k->uid);
  if (k->level == ACCOUNT_USER)
    pack_nil(p);
  else
    pack_uint(p, (uint64_t)k->pid);
  pack_uint(p, accounts_memory(&g->b->connections.accounts, k));
  for (unsigned i = 0; i < ACCOUNT_OTHER; i++) pack_uint(p, k->used[i]);
  pack_uint(p, k->refused);
}

/* ---- tokens ---- */

static const struct slab *tokens_slab(const struct broker *b) { return &b->refs.tokens; }

static bool token_wanted(const struct page *g, uint32_t index) {
  const struct token *t = refs_token(&g->b->refs, index);
  if (g->host && !is_named(g->b, t->host, g->host, g->host_size)) return false;
  if (g->type && t->kind != g->type) return false;
  if (broker_now(g->b) - t->made < g->least_age) return false;
  if (!g->holder) return true;
  return g->holder_number != SLAB_NONE && refs_count(&g->b->refs, index, g->holder_number) > 0;
}

/* How many holders of a token are named: as many as fit into a page of its own. */
static uint32_t named_holders(const struct page *g, uint32_t index, uint32_t *all) {
  uint32_t n = 0, fit = (uint32_t)((g->bytes_most - TOKEN_BYTES) / PAIR_BYTES) - 1;
  for (uint32_t i = refs_token(&g->b->refs, index)->holds; i != SLAB_NONE && n < HOLDERS_MOST;
       i = refs_next_holder(&g->b->refs, i))
    n++;
  *all = n;
  return n < fit ? n : fit;
}

static uint64_t token_size(struct page *g, uint32_t index) {
  uint32_t all, named = named_holders(g, index, &all);
  g->examined += all;
  return TOKEN_BYTES + (uint64_t)(named + 1) * PAIR_BYTES;
}

static void token_write(const struct page *g, uint32_t index, struct pack *p) {
  const struct broker *b = g->b;
  const struct token *t = refs_token(&b->refs, index);
  uint32_t all, named = named_holders(g, index, &all), i = t->holds;
  pack_array(p, g->tells_trials ? 9 : g->tells_ages ? 7 : 6);
  pack_text(p, name_of(b, t->host));
  pack_uint(p, t->id);
  pack_text(p, pt_kind_name(t->kind));
  pack_uint(p, broker_now(b) - t->made);
  pack_bool(p, !hosts_at(&b->hosts, t->host)->client);
  pack_array(p, 2 * (named < all ? named + 1 : named));
  for (uint32_t k = 0; k < named; k++, i = refs_next_holder(&b->refs, i)) {
    pack_text(p, name_of(b, refs_hold_at(&b->refs, i)->client));
    pack_uint(p, refs_hold_at(&b->refs, i)->count);
  }
  if (named < all) {
    pack_text(p, "...");
    pack_uint(p, all - named);
  }
  if (!g->tells_ages) return;
  pack_array(p, named);
  i = t->holds;
  for (uint32_t k = 0; k < named; k++, i = refs_next_holder(&b->refs, i))
    pack_uint(p, broker_now(b) - refs_hold_at(&b->refs, i)->since);
  if (g->tells_trials) show_cycles_token(b, index, p);
}

/* ---- loads ---- */

static const struct slab *loads_slab(const struct broker *b) { return &b->loads.all; }

static bool load_wanted(const struct page *g, uint32_t index) {
  const struct load *l = loads_at(&g->b->loads, index);
  return l->held > 0 && (!g->host || is_named(g->b, l->host, g->host, g->host_size)) &&
         (!g->holder || is_named(g->b, l->client, g->holder, g->holder_size));
}

/* What is known of how the client collects: budget_ms, put_off, free_waiting_s. */
static void write_collecting(const struct broker *b, const struct client *c, struct pack *p) {
  if (c && c->budget.known) {
    pack_uint(p, c->budget.ms);
    pack_uint(p, c->budget.put_off);
  } else {
    pack_nil(p);
    pack_nil(p);
  }
  if (c && c->free_id)
    pack_number(p, (double)(uv_now(b->loop) - c->free_ms) / 1e3);
  else
    pack_nil(p);
}

static void load_write(const struct page *g, uint32_t index, struct pack *p) {
  const struct broker *b = g->b;
  const struct load *l = loads_at(&b->loads, index);
  const struct client *c = hosts_at(&b->hosts, l->client)->client;
  pack_array(p, 10);
  pack_text(p, name_of(b, l->host));
  pack_text(p, name_of(b, l->client));
  pack_uint(p, l->held);
  pack_uint(p, loads_shadow(&b->loads, index));
  pack_uint(p, (uint64_t)loads_allowance(&b->loads, index));
  pack_bool(p, c && c->free_id);
  write_collecting(b, c, p);
  pack_bool(p, !hosts_at(&b->hosts, l->host)->client);
}

/* ---- pages ---- */

enum { KIND_TOKENS = 1 };
static const struct kind kinds[] = {
    {"clients", clients_slab, client_wanted, plain_size, client_write},
    [KIND_TOKENS] = {"tokens", tokens_slab, token_wanted, token_size, token_write},
    {"loads", loads_slab, load_wanted, plain_size, load_write},
    {"accounts", accounts_slab, account_wanted, plain_size, account_write},
};

/* The row that an item of the slab that is walked stands for; SLAB_NONE: none that is wanted. */
static uint32_t row_of(const struct page *g, uint32_t index) {
  if (g->id) index = refs_find_id(&g->b->refs, index, g->id);
  return index != SLAB_NONE && g->kind->wanted(g, index) ? index : SLAB_NONE;
}

/* Chooses the rows from `index` on. */
static void choose(struct page *g, uint32_t index) {
  const struct slab *s = g->id ? &g->b->hosts.all : g->kind->slab(g->b);
  uint64_t bytes = 0;
  index = slab_next(s, index);
  for (; index != SLAB_NONE && g->examined < EXAMINED_MOST && g->count < ROWS_MOST;
       g->examined++) {
    uint32_t row = row_of(g, index);
    if (row != SLAB_NONE) {
      bytes += g->kind->size(g, row);
      if (bytes > g->bytes_most && g->count > 0) break;
      g->rows[g->count++] = row;
    }
    index = slab_next(s, index + 1);
  }
  g->next = index;
}

static void send_page(struct client *to, const struct page *g, uint64_t request) {
  struct pack *p = notify_begin(g->b, MESSAGE_REPLY, OP_inspect, request, 1 + g->count);
  if (g->next == SLAB_NONE)
    pack_nil(p);
  else
    pack_uint(p, g->next);
  for (uint32_t i = 0; i < g->count; i++) g->kind->write(g, g->rows[i], p);
  notify_send(g->b, to);
}

/* The living client of a name, observers included: they are not found by it, so connections are
 * looked at, the newest ones first. */
static uint32_t find_holder(struct client *from, const char *name, uint32_t size) {
  struct broker *b = from->broker;
  uint32_t host = names_host(&b->names, name, size), n = 0;
  const struct client *c = b->connections.all;
  for (; host == SLAB_NONE && c && n < CONNECTIONS_MOST; c = c->next, n++)
    if (c->host != SLAB_NONE && is_named(b, c->host, name, size)) host = c->host;
  client_charge(from, n / CONNECTIONS_PER_UNIT);
  return host;
}

static bool read_filter(struct reader *r, const char **text, uint32_t *size) {
  struct value v;
  if (!reader_next(r, &v) || (v.type != VALUE_NIL && v.type != VALUE_STRING)) return false;
  *text = v.type == VALUE_STRING ? v.bytes : NULL;
  *size = v.type == VALUE_STRING ? v.size : 0;
  return true;
}

/* *type of none: *unknown, a name that is no kind's. */
static bool read_type(struct reader *r, enum pt_kind *type, bool *unknown) {
  const char *name;
  uint32_t size;
  if (!read_filter(r, &name, &size)) return false;
  for (unsigned kind = PT_TABLE; name && kind <= PT_USERDATA; kind++)
    if (strlen(pt_kind_name(kind)) == size && memcmp(pt_kind_name(kind), name, size) == 0)
      *type = kind;
  *unknown = name && !*type;
  return true;
}

/* A number, or nil, which leaves *n as it is. */
static bool read_optional(struct reader *r, uint64_t *n) {
  struct value v;
  if (!reader_next(r, &v)) return false;
  if (v.type == VALUE_NUMBER && v.is_uint) *n = v.integer;
  return v.type == VALUE_NIL || (v.type == VALUE_NUMBER && v.is_uint);
}

/* Reads the request into the page; NULL, or what is wrong with it. */
static const char *read_request(const struct message *m, struct page *g, uint64_t *cursor) {
  struct reader r;
  uint32_t count, size;
  reader_open(&r, m->body, m->body_size, &count);
  if (!reader_string(&r, &g->what, &g->what_size)) return "'inspect' wants to know what";
  const char *what = g->what;
  size = g->what_size;
  for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
    if (strlen(kinds[i].name) == size && memcmp(kinds[i].name, what, size) == 0)
      g->kind = &kinds[i];
  g->policy = size == 6 && memcmp(what, "policy", 6) == 0;
  g->status = size == 6 && memcmp(what, "status", 6) == 0;
  *cursor = 0;
  if (count > 1 && !read_optional(&r, cursor)) return "'inspect': the cursor is no number";
  if (count > 2 && !read_filter(&r, &g->host, &g->host_size))
    return "'inspect': the host's name is no string";
  if (count > 3 && !read_filter(&r, &g->holder, &g->holder_size))
    return "'inspect': the holder's name is no string";
  if (count > 4 && !read_type(&r, &g->type, &g->unknown_type))
    return "'inspect': the kind of object is no string";
  if (count > 5 && !read_optional(&r, &g->least_age)) return "'inspect': the age is no number";
  if (count > 6 && !read_optional(&r, &g->id)) return "'inspect': the id is no number";
  if (g->kind != &kinds[KIND_TOKENS]) g->id = 0;
  return NULL;
}

void inspect_on_inspect(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  uint32_t half = b->connections.max_message / 2;
  struct page g = {.b = b, .bytes_most = half < BYTES_MOST ? half : BYTES_MOST};
  uint64_t cursor;
  const char *fault = read_request(m, &g, &cursor);
  if (fault) {
    client_fault(from, "%s", fault);
    return;
  }
  if (m->flags & MESSAGE_ONE_WAY) return;
  if (!permission_to(from, POLICY_INSPECT, "look into the broker")) {
    notify_refuse(from, m, STATUS_denied,
                  "this broker's policy does not let user %u look into it", (unsigned)from->uid);
    return;
  }
  if (g.unknown_type) {
    notify_refuse(from, m, STATUS_unsupported,
                  "there are objects of kind \"table\", \"function\", \"thread\" and "
                  "\"userdata\" only");
    return;
  }
  if (g.policy || g.status) {
    if (g.policy)
      show_policy_page(from, m, cursor);
    else
      show_status(from, m);
    return;
  }
  if (show_traffic(from, m, g.what, g.what_size, cursor, g.bytes_most)) return;
  if (g.what_size == 6 && memcmp(g.what, "cycles", 6) == 0) {
    show_cycles(from, m);
    return;
  }
  if (g.what_size == 6 && memcmp(g.what, "queued", 6) == 0) {
    show_queued(from, m, &(struct show_queued){.host = g.host, .host_size = g.host_size,
                                               .holder = g.holder, .holder_size = g.holder_size,
                                               .cursor = cursor, .bytes_most = g.bytes_most});
    return;
  }
  if (!g.kind) {
    notify_refuse(from, m, STATUS_unsupported,
                  "this broker can show \"clients\", \"tokens\", \"loads\", \"accounts\", "
                  "\"policy\", \"status\", \"stats\", \"pairs\", \"sums\", \"queued\" and "
                  "\"cycles\" only");
    return;
  }
  g.tells_ages = from->version >= op_info(OP_lend)->since;
  g.tells_trials = from->version >= WIRE_VERSION_CYCLES;
  if (g.holder) g.holder_number = find_holder(from, g.holder, g.holder_size);
  choose(&g, cursor < SLAB_NONE ? (uint32_t)cursor : SLAB_NONE - 1);
  send_page(from, &g, m->id);
  client_charge(from, (uint64_t)g.examined * EXAMINED_COST + (uint64_t)g.count * ROW_COST);
}
