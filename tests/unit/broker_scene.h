/* SPDX-License-Identifier: MIT
 *
 * A broker (broker_wire.h) in the midst of everything: a scene in which every field of every record that goes over to the next
 * program has a value of its own.
 */
#ifndef GAIJIN_TESTS_BROKER_SCENE_H
#define GAIJIN_TESTS_BROKER_SCENE_H

#include <sys/stat.h>

#include "broker/core/permissions.h"
#include "broker/core/releases.h"
#include "broker/net/limits.h"
#include "broker/ops/watch/watch.h"
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
  c->weighed = 4;
  c->uid = 1234;
  c = wire_client(&w, &deaf);
  c->sandboxed = true;
  roster_at(&w.broker.roster, c->slot)->sandboxed = 1;
  releases_go_on(&w.broker, hosts_find(&w.broker.hosts, dead.host));
  watch_go_on(wire_client(&w, &shop));
}

static void set_log_and_counts(void) {
  struct broker *b = &w.broker;
  struct client *c = wire_client(&w, &watcher);
  for (int i = 0; i < 30; i++) log_peer(&b->log, LOG_ERROR, CAUSE_FORGERY, log_user(7), "a line of many");
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

/* A broker with a policy, and nobody. */
static void open_scene(void) {
  char dir[RUN_PATH];
  ck_assert_ptr_nonnull(run_directory(dir));
  snprintf(policy, sizeof policy, "%s/policy", dir);
  write_policy("[allow everybody]\nwho = all\nnames = *\nhosts = *\nops = read, call\nlabels = *\n[allow me]\nwho = all\nmay = inspect, act\n");
  config = wire_config();
  config.policy = policy;
  wire_open(&w, &config);
}

static void set_scene(void) {
  open_scene();
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

static void close_scene(struct wire *last) {
  unlink(policy);
  *strrchr(policy, '/') = 0;
  rmdir(policy);
  wire_close(last);
}

static void end_scene(struct wire *last) {
  struct end *all[] = {&shop, &till, &watcher, &observer, &silent, &retired, &deaf, &flood};
  for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) wire_leave(all[i]);
  close_scene(last);
}

#endif
