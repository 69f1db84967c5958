/* SPDX-License-Identifier: MIT
 *
 * Every record of every book, every connection, the log and the policy go through a state and are the same afterwards: each
 * record is compared byte by byte but for what is built anew. A field that is added and not carried shows here, if the scene
 * below gives it a value.
 */
#define _GNU_SOURCE /* memfd_create */
#include <sys/stat.h>
#include <sys/wait.h>

#include "broker/base/accounts_carried.h"
#include "broker/core/permissions.h"
#include "broker/core/releases.h"
#include "broker/net/limits.h"
#include "broker/ops/watch.h"
#include "tests/unit/broker_carried.h"

static struct wire w, v;
static struct end shop, till, watcher, observer, dead, silent, retired, deaf, flood, leaver;
static char policy[RUN_PATH + 16];
static struct broker_config config;
static uint8_t last_bytes[3]; /* of till's last message, not sent yet */

static void ask(struct end *e, const char *name, uint32_t deadline_ms, bool waits) {
  struct message h = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = ++e->last_id, .depth = 3, .target = OP_NAME,
                      .name = name, .name_size = (uint8_t)strlen(name), .deadline_ms = deadline_ms};
  struct pack *p = wire_begin_to(e, &h, 1 + waits);
  pack_text(p, "label");
  if (waits) pack_bool(p, true);
  wire_send(&w, e);
}

static void watch(struct end *e, const char *name, const char *event) {
  struct pack *p = wire_ask(e, OP_watch, NULL, NULL, 2);
  pack_text(p, name);
  pack_text(p, event);
  wire_send(&w, e);
}

static void write_policy(const char *text) {
  FILE *f = fopen(policy, "w");
  ck_assert_ptr_nonnull(f);
  fputs(text, f);
  ck_assert_int_eq(fclose(f), 0);
  ck_assert_int_eq(chmod(policy, 0600), 0);
}

/* till has collected once, when it held less, and watcher twice, when it held more. */
static void set_shadows(void) {
  struct end *who[] = {&till, &watcher, &watcher};
  static const char *const names[] = {"till", "watcher", "watcher"};
  for (int i = 0; i < 3; i++) {
    wire_ask(&observer, OP_gc, names[i], NULL, 0);
    wire_send(&w, &observer);
    wire_past_peers(&w, who[i]);
    ck_assert_int_eq(who[i]->m.op, OP_free);
    wire_begin(who[i], MESSAGE_REPLY, OP_free, who[i]->m.id, 0);
    wire_send(&w, who[i]);
    wire_expect(&w, &observer, MESSAGE_REPLY, OP_gc);
  }
  struct pt pt = wire_token(&shop, 6);
  wire_fetch(&w, &till, &shop, "shop", &pt);
  struct pack *p = wire_begin(&shop, MESSAGE_NOTICE, OP_weigh, 0, 2);
  pack_pt(p, &pt);
  pack_uint(p, 300);
  wire_send(&w, &shop);
}

/* Tokens: of the living and of a dead one, held once and often, by one and by several, weighed. */
static void set_tokens(void) {
  struct pt pt;
  for (uint64_t id = 1; id <= 5; id++) {
    pt = wire_token(&shop, id);
    wire_fetch(&w, &till, &shop, "shop", &pt);
    if (id < 3) wire_fetch(&w, &till, &shop, "shop", &pt);
    if (id < 4) wire_fetch(&w, &watcher, &shop, "shop", &pt);
  }
  pt = wire_token(&dead, 9);
  wire_fetch(&w, &till, &dead, "dead", &pt);
  pt = wire_token(&till, 3);
  wire_fetch(&w, &dead, &till, "till", &pt); /* gives back in the end */
  pt = wire_token(&deaf, 1);
  wire_fetch(&w, &watcher, &deaf, "deaf", &pt);
  pt = wire_token(&shop, 2);
  struct pack *p = wire_begin(&shop, MESSAGE_NOTICE, OP_weigh, 0, 2);
  pack_pt(p, &pt);
  pack_uint(p, 5000);
  wire_send(&w, &shop);
  set_shadows();
  wire_leave(&dead);
  for (int i = 0; i < 4; i++) wire_turn(&w);
}

/* Requests: with a deadline, without, given up, of one who waits for a label; collections; watches. */
static void set_requests(void) {
  ask(&till, "shop", 60000, false);
  ask(&till, "shop", 0, false);
  ask(&watcher, "shop", 0, true);
  ask(&till, "watcher", 5000000, false);
  uint64_t given_up = till.last_id;
  ask(&till, "watcher", 100000, false);
  pack_uint(wire_begin(&till, MESSAGE_NOTICE, OP_cancel, 0, 1), given_up);
  wire_send(&w, &till);
  wire_ask(&observer, OP_gc, "shop", NULL, 0);
  wire_send(&w, &observer);
  watch(&watcher, "nobody", "present");
  watch(&till, "nobody", "ready");
  watch(&till, "till", "ready");
}

/* Parts of messages both ways, and much that one leaves unread. */
static void set_streams(void) {
  static char text[300000];
  wire_ask(&till, OP_ping, NULL, NULL, 0);
  wire_end(&till);
  memcpy(last_bytes, till.out.bytes + till.out.size - sizeof last_bytes, sizeof last_bytes);
  wire_bytes(&w, &till, till.out.bytes, till.out.size - sizeof last_bytes);
  till.out.size = 0;
  wire_connect(&w, &silent);
  wire_bytes(&w, &silent, "\xce\0\0", 3);
  memset(text, 'x', sizeof text);
  for (int i = 0; i < 3; i++) {
    struct message h = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = ++watcher.last_id, .target = OP_PT,
                        .flags = MESSAGE_ONE_WAY, .pt = wire_token(&deaf, 1)};
    pack_string(wire_begin_to(&watcher, &h, 1), text, sizeof text);
    wire_send(&w, &watcher);
  }
  for (int i = 0; i < 20; i++) wire_turn(&w);
  const struct outbox *o = &wire_client(&w, &deaf)->outbox;
  ck_assert_uint_gt(o->bytes, 300000);
  ck_assert_uint_gt(o->written % (sizeof text + 20), 1000); /* one was written in part */
}

/* Writes so many pings that they are not handled in one turn, and does not turn the loop. */
enum { PINGS = 3000 };
static void write_pings(struct end *e) {
  for (int i = 0; i < PINGS; i++) {
    wire_ask(e, OP_ping, NULL, NULL, 0);
    wire_end(e);
  }
  ck_assert_int_eq(send(e->fd, e->out.bytes, e->out.size, MSG_NOSIGNAL), (int)e->out.size);
  e->out.size = 0;
}

/* Jobs: of one who floods, of one who did and has ended; the end of a dead one, and the telling of a name. */
static void set_jobs(void) {
  write_pings(&flood);
  write_pings(&leaver);
  wire_leave(&leaver);
  wire_turn(&w);
  struct client *c = wire_client(&w, &flood), *l = wire_client(&w, &leaver);
  ck_assert(job_is_queued(&c->job) && job_is_queued(&l->job) && l->has_hung_up);
  c->is_put_off = true; /* its socket was ready then */
  c->read_shift = 2;
  l->is_postponed = true;
  c = wire_client(&w, &retired);
  c->sandboxed = true;
  c->weighed = 4;
  c->uid = 1234;
  releases_go_on(&w.broker, hosts_find(&w.broker.hosts, dead.host));
  watch_go_on(wire_client(&w, &shop));
}

static void set_log_and_counts(void) {
  struct broker *b = &w.broker;
  struct client *c = wire_client(&w, &watcher);
  for (int i = 0; i < 30; i++) log_peer(&b->log, LOG_ERROR, CAUSE_FORGERY, 7, "a line of many");
  memcpy(b->log.waiting, "kept\n", 5);
  b->log.size = 5;
  b->log.lost = 3;
  b->log.lost_ever = 8;
  b->last_generated = 17;
  client_forged(c, "a test");
  c->budget = (struct budget){true, 77, 5};
  c->account->refused++;
  c->account->process->refused++;
  c->account->user->refused++;
  b->connections.accounts.refused++;
}

static void set_scene(void) {
  char dir[RUN_PATH];
  ck_assert_ptr_nonnull(run_directory(dir));
  snprintf(policy, sizeof policy, "%s/policy", dir);
  write_policy("[allow everybody]\nwho = all\nnames = *\nhosts = *\nops = read, call\nlabels = *\n[allow me]\nwho = all\nmay = inspect, act\n");
  config = wire_config();
  config.policy = policy;
  wire_open(&w, &config);
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  wire_join(&w, &watcher, "watcher");
  wire_join(&w, &dead, "dead");
  wire_join(&w, &deaf, "deaf");
  wire_join(&w, &retired, "retired");
  wire_join_as(&w, &observer, "observer", true);
  wire_join(&w, &flood, "flood");
  wire_join(&w, &leaver, "leaver");
  wire_begin(&shop, MESSAGE_NOTICE, OP_ready, 0, 0);
  wire_send(&w, &shop);
  wire_begin(&retired, MESSAGE_NOTICE, OP_leave, 0, 0);
  wire_send(&w, &retired);
  set_tokens();
  set_requests();
  set_streams();
  set_log_and_counts();
  snprintf(w.broker.permissions.refused, sizeof w.broker.permissions.refused, "a fault");
  w.broker.permissions.refused_ms = 5;
  set_jobs();
}

static void end_scene(struct wire *last) {
  struct end *all[] = {&shop, &till, &watcher, &observer, &silent, &retired, &deaf, &flood};
  for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) wire_leave(all[i]);
  unlink(policy);
  *strrchr(policy, '/') = 0;
  rmdir(policy);
  wire_close(last);
}

/* ---- Comparing ---- */

/* Copies of both, without the fields that are built anew. */
#define SAME_RECORDS(type, left, right, ...)                                                                           \
  do {                                                                                                                 \
    type l_, r_;                                                                                                       \
    memcpy(&l_, (left), sizeof l_);                                                                                    \
    memcpy(&r_, (right), sizeof r_);                                                                                   \
    type *both[] = {&l_, &r_};                                                                                         \
    for (int n_ = 0; n_ < 2; n_++) {                                                                                   \
      type *k = both[n_];                                                                                              \
      __VA_ARGS__;                                                                                                     \
    }                                                                                                                  \
    for (size_t at_ = 0; at_ < sizeof l_; at_++)                                                                       \
      ck_assert_msg(((uint8_t *)&l_)[at_] == ((uint8_t *)&r_)[at_], #type ": byte %zu of %zu differs", at_, sizeof l_); \
  } while (0)

/* The same records at the same indices. */
#define EACH_ITEM(i, left, right)                                                                          \
  ck_assert_uint_eq((left)->count, (right)->count);                                                        \
  ck_assert_uint_gt((left)->count, 0);                                                                     \
  for (uint32_t i = slab_next((left), 0); i != SLAB_NONE; i = slab_next((left), i + 1))                    \
    if (ck_assert(slab_live((right), i)), true)

#define ZERO(field) memset(&(field), 0, sizeof(field))

static void compare_accounts(const struct accounts *a, const struct accounts *b) {
  EACH_ITEM(i, &a->slab, &b->slab) {
    const struct account *p = accounts_at(a, i), *q = accounts_at(b, i);
    ck_assert(!p->process == !q->process && !p->user == !q->user && !p->owner == !q->owner);
    if (p->process) ck_assert_uint_eq(p->process->index, q->process->index);
    if (p->user) ck_assert_uint_eq(p->user->index, q->user->index);
    /* Blocks that were written in part are smaller, and so are buffers. */
    SAME_RECORDS(struct account, p, q, ZERO(k->process), ZERO(k->user), ZERO(k->owner), ZERO(k->link),
                 ZERO(k->used[ACCOUNT_BYTES]));
  }
  ck_assert_uint_eq(a->leaving, b->leaving);
  ck_assert_uint_eq(a->added, b->added);
  ck_assert_uint_eq(a->refused, b->refused);
}

static void compare_hosts(const struct hosts *a, const struct hosts *b) {
  EACH_ITEM(i, &a->all, &b->all) {
    ck_assert(!hosts_at(a, i)->client == !hosts_at(b, i)->client);
    ck_assert(job_is_queued(&hosts_at(a, i)->giving_back) == job_is_queued(&hosts_at(b, i)->giving_back));
    SAME_RECORDS(struct host, hosts_at(a, i), hosts_at(b, i), ZERO(k->client), ZERO(k->giving_back), ZERO(k->link),
                 ZERO(k->standing));
  }
}

static void compare_waits(const struct waits *a, const struct waits *b) {
  EACH_ITEM(i, &a->all, &b->all)
    SAME_RECORDS(struct wait, waits_at(a, i), waits_at(b, i), ZERO(k->link), ZERO(k->of_subject), ZERO(k->of_client));
}

static void compare_books(const struct broker *a, const struct broker *b) {
  compare_hosts(&a->hosts, &b->hosts);
  EACH_ITEM(i, &a->names.all, &b->names.all)
    SAME_RECORDS(struct name, names_at(&a->names, i), names_at(&b->names, i), ZERO(k->link));
  compare_waits(&a->names.watches, &b->names.watches);
  compare_waits(&a->collecting, &b->collecting);
  EACH_ITEM(i, &a->refs.tokens, &b->refs.tokens)
    SAME_RECORDS(struct token, refs_token(&a->refs, i), refs_token(&b->refs, i), ZERO(k->link), ZERO(k->holds));
  EACH_ITEM(i, &a->refs.holds, &b->refs.holds)
    SAME_RECORDS(struct hold, refs_hold_at(&a->refs, i), refs_hold_at(&b->refs, i), ZERO(k->link), ZERO(k->of_token),
                 ZERO(k->of_client));
  EACH_ITEM(i, &a->loads.all, &b->loads.all) {
    ck_assert_uint_eq(loads_at(&a->loads, i)->payer->index, loads_at(&b->loads, i)->payer->index);
    ck_assert_uint_eq(loads_shadow(&a->loads, i), loads_shadow(&b->loads, i));
    SAME_RECORDS(struct load, loads_at(&a->loads, i), loads_at(&b->loads, i), ZERO(k->link), ZERO(k->of_host),
                 ZERO(k->of_client), ZERO(k->payer));
  }
  EACH_ITEM(i, &a->calls.all, &b->calls.all) {
    const struct call *p = calls_at(&a->calls, i), *q = calls_at(&b->calls, i);
    ck_assert_uint_eq(p->payer->index, q->payer->index);
    ck_assert(p->deadline.in == q->deadline.in && (!p->deadline.in || p->deadline.due == q->deadline.due));
    SAME_RECORDS(struct call, p, q, ZERO(k->id_link), ZERO(k->asked_link), ZERO(k->of_asker), ZERO(k->of_host),
                 ZERO(k->deadline), ZERO(k->payer));
  }
  ck_assert_uint_eq(a->calls.last_id, b->calls.last_id);
  ck_assert_uint_eq(a->last_generated, b->last_generated);
}

/* All but handles, links, and buffers, whose contents the tests of streams look at. */
static void compare_clients(const struct connections *a, const struct connections *b) {
  const struct client *p = a->all, *q = b->all;
  unsigned n = 0;
  for (; p && q; p = p->next, q = q->next, n++) {
    ck_assert_uint_eq(p->account->index, q->account->index);
    ck_assert_str_eq(p->name, q->name);
    ck_assert(job_is_queued(&p->job) == job_is_queued(&q->job) && job_is_queued(&p->telling) == job_is_queued(&q->telling));
    ck_assert_uint_eq(p->outbox.bytes, q->outbox.bytes);
    ck_assert_uint_eq(p->outbox.written, q->outbox.written);
    ck_assert_uint_eq(p->rest.in.size - p->rest.start, q->rest.in.size - q->rest.start);
    ck_assert_int_eq(p->events, q->events);
    SAME_RECORDS(struct client, p, q, ZERO(k->connections), ZERO(k->prev), ZERO(k->next), ZERO(k->next_dirty),
                 ZERO(k->next_condemned), ZERO(k->job), ZERO(k->poll), ZERO(k->rest), ZERO(k->outbox), ZERO(k->account),
                 ZERO(k->kept), ZERO(k->name), ZERO(k->broker), ZERO(k->telling));
  }
  ck_assert(!p && !q);
  ck_assert_uint_eq(n, 9);
}

static void compare_rest(const struct broker *a, const struct broker *b) {
  /* The line that it goes on has been written since. */
  ck_assert_int_eq(memcmp(&a->log.thin.causes[CAUSE_FORGERY], &b->log.thin.causes[CAUSE_FORGERY], sizeof(struct thin_bucket)), 0);
  ck_assert_uint_eq(a->log.lost_ever, b->log.lost_ever);
  const struct permissions *p = &a->permissions, *q = &b->permissions;
  ck_assert_str_eq(p->text, q->text);
  ck_assert_str_eq(p->refused, q->refused);
  ck_assert(p->text_size == q->text_size && p->generation == q->generation && p->since_ms == q->since_ms &&
            p->refused_ms == q->refused_ms);
  ck_assert_uint_eq(policy_rules(p->policy), policy_rules(q->policy));
  ck_assert_str_eq(a->listener.path, b->listener.path);
  ck_assert_str_eq(a->listener.lock_path, b->listener.lock_path);
  ck_assert(a->listener.fd == b->listener.fd && a->listener.lock_fd == b->listener.lock_fd &&
            a->listener.inode == b->listener.inode && a->listener.device == b->listener.device);
}

/* Of two users, and of ended ones that still have something. */
START_TEST(accounts_are_as_before) {
  struct accounts a, b;
  struct sheet s;
  int fd = memfd_create("accounts", MFD_CLOEXEC);
  ck_assert(accounts_init(&a, 1) && accounts_init(&b, 2));
  a.record_bytes = b.record_bytes = 100;
  a.bytes_of[ACCOUNT_CONNECTIONS] = b.bytes_of[ACCOUNT_CONNECTIONS] = 1000;
  struct account *all[] = {accounts_open(&a, 5, 10, 77), accounts_open(&a, 5, 10, 77), accounts_open(&a, 0, 10, 0),
                           accounts_open(&a, 6, 11, 0), accounts_open(&a, 7, 12, 0)};
  account_charge(&a, all[3], ACCOUNT_BYTES, 50);
  accounts_close(&a, all[3]);
  accounts_close(&a, all[4]); /* nothing is left of it */
  all[1]->left = 3;
  all[1]->left_ms = 4;
  sheet_open_to_write(&s, fd);
  accounts_carry(&a, &s);
  sheet_close(&s);
  sheet_open_to_read(&s, fd);
  accounts_carry(&b, &s);
  ck_assert_ptr_null(s.fault);
  ck_assert_uint_eq(s.at, s.size);
  sheet_close(&s);
  account_charge(&b, accounts_at(&b, all[3]->index), ACCOUNT_BYTES, 50); /* as who has it does */
  accounts_carried(&b);
  compare_accounts(&a, &b);
  ck_assert_uint_eq(a.memory, b.memory);
  ck_assert_uint_eq(accounts_open(&b, 5, 10, 77)->process->index, all[0]->process->index);
  close(fd);
  accounts_deinit(&a);
  accounts_deinit(&b);
}
END_TEST

/* A policy that was being read is read again. */
START_TEST(a_reload_begins_anew) {
  set_scene();
  permissions_reload(&w.broker);
  carried_over(&v, &w, &config);
  ck_assert_ptr_nonnull(v.broker.permissions.reload);
  carried_forget(&w);
  while (v.broker.permissions.reload) wire_turn(&v);
  ck_assert_uint_eq(v.broker.permissions.generation, 2);
  end_scene(&v);
}
END_TEST

START_TEST(the_log_is_as_before) {
  struct log a, b;
  struct sheet s;
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC), fd = memfd_create("log", MFD_CLOEXEC);
  ck_assert(log_open(&a, LOG_INFO, null) && log_open(&b, LOG_INFO, null));
  for (unsigned i = 0; i < 30; i++) {
    log_peer(&a, LOG_ERROR, CAUSE_FORGERY, 7, "a line of many");
    log_peer(&a, LOG_ERROR, CAUSE_LIMIT, i, "a line of another");
  }
  memcpy(a.waiting, "kept\nand a half", 15);
  a.size = 15;
  a.lost = 3;
  a.lost_ever = 8;
  sheet_open_to_write(&s, fd);
  log_carry(&a, &s);
  sheet_close(&s);
  ck_assert_ptr_null(s.fault);
  sheet_open_to_read(&s, fd);
  log_carry(&b, &s);
  ck_assert_ptr_null(s.fault);
  ck_assert_uint_eq(s.at, s.size);
  sheet_close(&s);
  ck_assert_uint_gt(a.thin.left_out, 0);
  ck_assert_int_eq(memcmp(&a.thin, &b.thin, sizeof a.thin), 0);
  ck_assert(a.lost == b.lost && a.lost_ever == b.lost_ever && a.size == b.size);
  ck_assert_int_eq(memcmp(a.waiting, b.waiting, a.size), 0);
  a.size = b.size = 0;
  log_close(&a);
  log_close(&b);
  close(null);
  close(fd);
}
END_TEST

static void expect_large(struct end *e) {
  const char *text;
  uint32_t size;
  do {
    ck_assert_int_eq(wire_next(&v, e), 1);
  } while (e->m.op == OP_peer);
  ck_assert_int_eq(e->m.op, OP_call);
  ck_assert(reader_string(&e->r, &text, &size));
  ck_assert_uint_eq(size, 300000);
  for (uint32_t i = 0; i < size; i++) ck_assert_int_eq(text[i], 'x');
}

/* Sends `e` through the messages it has been sent, up to an answer of this id. */
static void expect_answer(struct end *e, enum message_kind kind, uint64_t id) {
  do
    ck_assert_int_eq(wire_next(&v, e), 1);
  while (e->m.id != id || e->m.kind == MESSAGE_REQUEST);
  ck_assert_int_eq(e->m.kind, kind);
}

/* Parts of messages are completed, calls are answered, given up and expire, who waits is told, and what the dead one held is
 * given back. */
START_TEST(what_was_begun_goes_on) {
  uint64_t asked[8] = {0}, ping;
  unsigned n = 0;
  set_scene();
  ping = till.last_id;
  carried_over(&v, &w, &config);
  carried_forget(&w);
  wire_bytes(&v, &till, last_bytes, sizeof last_bytes);
  expect_answer(&till, MESSAGE_REPLY, ping);
  for (int i = 0; i < 3; i++) expect_large(&deaf);
  for (int i = 0; i < PINGS; i++) wire_expect(&v, &flood, MESSAGE_REPLY, OP_ping);
  ck_assert_uint_eq(hosts_find(&v.broker.hosts, leaver.host), SLAB_NONE);
  while (wire_next(&v, &shop) == 1)
    if (shop.m.op == OP_s2t || shop.m.op == OP_free) asked[n++] = shop.m.op == OP_free ? shop.m.id : shop.m.id | 1ull << 63;
  ck_assert_uint_eq(n, 4); /* two of till, one of watcher, and free */
  for (unsigned i = 0; i < n; i++) {
    bool is_free = !(asked[i] >> 63);
    wire_begin(&shop, MESSAGE_REPLY, is_free ? OP_free : OP_s2t, asked[i] & ~(1ull << 63), is_free ? 0 : 1);
    if (!is_free) pack_text(&shop.p, "answer");
    wire_send(&v, &shop);
  }
  wire_expect(&v, &observer, MESSAGE_REPLY, OP_gc);
  wire_past_peers(&v, &watcher);
  for (n = 0; watcher.m.op != OP_watch && n < 2;) { /* what it was asked itself, and its answer */
    n += watcher.m.op == OP_s2t && watcher.m.kind == MESSAGE_REPLY;
    if (wire_next(&v, &watcher) != 1) break;
  }
  ck_assert_uint_eq(n, 1);
  for (n = 0; n < 2;) {
    ck_assert_int_eq(wire_next(&v, &till), 1);
    if (till.m.op == OP_s2t && till.m.kind == MESSAGE_REPLY) n++;
  }
  struct end late = {0};
  wire_join(&v, &late, "nobody");
  do
    ck_assert_int_eq(wire_next(&v, &watcher), 1);
  while (watcher.m.op != OP_watch);
  wire_leave(&late);
  /* A token of the dead one is given back by its last holder, and its record goes. */
  uint32_t tokens = v.broker.refs.tokens.count;
  struct pt pt = wire_token(&dead, 9);
  wire_unsub(&v, &till, &pt, 1);
  ck_assert_uint_eq(v.broker.refs.tokens.count, tokens - 1);
  ck_assert_uint_eq(hosts_find(&v.broker.hosts, dead.host), SLAB_NONE);
  end_scene(&v);
}
END_TEST

/* The bytes of a file. */
static uint8_t *bytes_of(int fd, size_t *size) {
  *size = (size_t)lseek(fd, 0, SEEK_END);
  uint8_t *bytes = malloc(*size);
  ck_assert_int_eq(pread(fd, bytes, *size, 0), (ssize_t)*size);
  return bytes;
}

START_TEST(all_is_as_before) {
  set_scene();
  write_policy("[deny]\nwho = all\n"); /* not what was in force */
  carried_over(&v, &w, &config);
  compare_accounts(&w.broker.connections.accounts, &v.broker.connections.accounts);
  compare_books(&w.broker, &v.broker);
  compare_clients(&w.broker.connections, &v.broker.connections);
  compare_rest(&w.broker, &v.broker);
  carried_forget(&w);
  end_scene(&v);
}
END_TEST

/* Whatever a state has, one that is read and written again has it, too, at the same place: but for the lists, which nobody sees
 * the order of, nothing is lost on the way. */
START_TEST(twice_is_as_once) {
  size_t sizes[2];
  set_scene();
  carried_over(&v, &w, &config);
  carried_forget(&w);
  v.broker.log.thin = (struct thin){0}; /* a line is written in between */
  int first = carried_write(&v.broker);
  static struct wire u;
  carried_over(&u, &v, &config);
  u.broker.log.thin = (struct thin){0};
  int second = carried_write(&u.broker);
  uint8_t *one = bytes_of(first, &sizes[0]), *two = bytes_of(second, &sizes[1]);
  ck_assert_uint_eq(sizes[0], sizes[1]);
  /* The head has the time. */
  ck_assert_int_eq(memcmp(one + 30, two + 30, sizes[0] - 30), 0);
  free(one);
  free(two);
  close(first);
  close(second);
  carried_forget(&v);
  end_scene(&u);
}
END_TEST

/* A state that ends early, wherever, is refused with a text: nothing reads on, nothing is served. */
START_TEST(a_state_that_ends_early_is_refused) {
  size_t whole;
  set_scene();
  int fd = carried_write(&w.broker);
  uint8_t *bytes = bytes_of(fd, &whole);
  close(fd);
  for (size_t size = whole - 1; size > 0; size -= size < 2000 || whole - size < 1000 ? 1 : size < 40000 ? 500 : 20000) {
    pid_t child = fork();
    if (child == 0) {
      char error[512];
      int cut = memfd_create("cut", MFD_CLOEXEC);
      if (cut < 0 || write(cut, bytes, size) != (ssize_t)size) _exit(3);
      _exit(carried_start(&v, &w, &config, cut, error) < 0 && strstr(error, "cannot go on in the place") ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(status == 0, "%zu of %zu bytes: status %x", size, whole, (unsigned)status);
  }
  free(bytes);
  end_scene(&w);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker carried");
  TCase *t = tcase_create("carried");
  suite_add_tcase(s, t);
  tcase_add_test(t, all_is_as_before);
  tcase_add_test(t, accounts_are_as_before);
  tcase_add_test(t, a_reload_begins_anew);
  tcase_add_test(t, the_log_is_as_before);
  tcase_add_test(t, what_was_begun_goes_on);
  tcase_add_test(t, twice_is_as_once);
  t = tcase_create("cut");
  suite_add_tcase(s, t);
  tcase_add_test(t, a_state_that_ends_early_is_refused);
  return run_suite(s);
}
