/* SPDX-License-Identifier: MIT
 *
 * The check of a connection's books (client-lib/check.c): content with those of every state a
 * connection gets into, and naming each thing that is broken.
 */
#include <signal.h>

#include "tests/unit/fake_broker.h"

static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE};

static void ok(const struct fake *f) {
  const char *broken = gj_check(f->g);
  ck_assert_msg(!broken, "%s", broken);
}
static void broken(const struct fake *f, const char *text) {
  const char *found = gj_check(f->g);
  ck_assert_msg(found && strstr(found, text), "%s", found ? found : "nothing is found");
}

/* A connection with something of everything: a token out, a holding in use, one to be released, a call
 * under way, one answered for await, a spare one, and a dead host. */
struct world {
  struct fake f;
  gaijin_token *token;
  gaijin_holding *used, *released;
  uint64_t open, kept;
};

static gaijin_holding *take(struct fake *f, const struct gaijin_pt *pt) {
  gaijin_body *body = f->told.answer[fake_give(f, pt)].body;
  gaijin_holding *h = gaijin_holding_find(f->g, pt);
  gaijin_hold(f->g, h);
  gaijin_body_free(body);
  return h;
}

static void dead_host(struct fake *f, uint64_t host) {
  fake_begin(f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&f->p, host);
  pack_text(&f->p, "gone");
  fake_end(f);
  fake_begin(f, MESSAGE_NOTICE, GAIJIN_OP_DEAD, 0, 1);
  pack_uint(&f->p, host);
  fake_deliver(f);
}

static void world_open(struct world *w) {
  struct gaijin_pt b = fake_pt(THIRD_HOST, 7);
  fake_open(&w->f);
  ok(&w->f);
  w->token = gaijin_token_new(w->f.g, GAIJIN_KIND_TABLE, w);
  ok(&w->f);
  fake_take(&w->f, w->token);
  w->used = take(&w->f, &A);
  w->kept = fake_ask(&w->f, NULL);
  fake_begin(&w->f, MESSAGE_REPLY, GAIJIN_OP_PING, w->kept, 0);
  fake_deliver(&w->f);
  w->open = fake_ask(&w->f, told_answer);
  dead_host(&w->f, 900);
  w->released = take(&w->f, &b);
  gaijin_let_go(w->f.g, w->released);
  ok(&w->f);
}

/* Each ends with the world mended, so that closing it finds everything. */
START_TEST(tables) {
  struct world w;
  world_open(&w);
  struct table *t = &w.f.g->tokens;
  t->count++;
  broken(&w.f, "other nodes than it counts");
  t->count -= 2;
  broken(&w.f, "other nodes than it counts");
  t->count++;
  uint64_t seed = t->seed, key = w.token->node.key;
  uint32_t slot = table_slot(t, key);
  while (table_slot(t, key) == slot) t->seed++;
  broken(&w.f, "in the chain of another slot");
  t->seed = seed;
  t->mask--;
  broken(&w.f, "no power of two");
  t->mask++;
  struct table_node **slots = t->slots;
  t->slots = NULL;
  broken(&w.f, "no slots");
  t->slots = slots;
  ok(&w.f);
  fake_close(&w.f);
}
END_TEST

START_TEST(tokens) {
  struct world w;
  world_open(&w);
  w.f.g->last_token--;
  broken(&w.f, "a token has an id that was not given out");
  w.f.g->last_token++;
  w.token->kind = 0;
  broken(&w.f, "no kind");
  w.token->kind = GAIJIN_KIND_TABLE;
  w.token->staged = 1;
  broken(&w.f, "staged while no message");
  w.token->staged = 0;
  w.f.g->writer.staged = w.token;
  broken(&w.f, "is not staged");
  w.f.g->writer.staged = NULL;
  ok(&w.f);
  fake_close(&w.f);
}
END_TEST

START_TEST(holdings) {
  struct world w;
  world_open(&w);
  w.used->pt.id++;
  broken(&w.f, "not found by its PT");
  w.used->pt.id--;
  struct host *host = w.used->host;
  w.used->host = w.released->host;
  broken(&w.f, "another host than its PT");
  w.used->host = host;
  w.released->users++;
  broken(&w.f, "in use is queued");
  w.released->users--;
  w.used->users--;
  broken(&w.f, "nobody uses is not queued");
  w.used->users++;
  uint64_t count = w.used->count;
  w.used->count = 0;
  broken(&w.f, "no claim");
  w.used->count = count;
  w.f.g->n_releases++;
  broken(&w.f, "releases are not as many");
  w.f.g->n_releases--;
  host->holdings++;
  broken(&w.f, "other holdings than there are");
  host->holdings--;
  ok(&w.f);
  fake_close(&w.f);
}
END_TEST

START_TEST(hosts) {
  struct world w;
  world_open(&w);
  struct host *gone = gj_host_find(w.f.g, 900);
  gone->dead = false;
  broken(&w.f, "in use is among the dead");
  gone->dead = true;
  list_remove(&gone->unused);
  broken(&w.f, "dead hosts kept are not as many");
  w.f.g->n_unused_hosts--;
  broken(&w.f, "is not to be freed");
  list_append(&w.f.g->unused_hosts, &gone->unused);
  w.f.g->n_unused_hosts++;
  ok(&w.f);
  fake_close(&w.f);
}
END_TEST

START_TEST(calls) {
  struct world w;
  world_open(&w);
  struct call *open = gj_call_find(w.f.g, w.open), *kept = gj_call_find(w.f.g, w.kept);
  uint64_t last = w.f.g->last_call;
  w.f.g->last_call = w.open - 1;
  broken(&w.f, "a call has an id that was not given out");
  w.f.g->last_call = last;
  kept->fn = told_answer;
  broken(&w.f, "though it has a call-back");
  kept->fn = NULL;
  kept->claim = w.used;
  kept->answer.ok = false;
  broken(&w.f, "a refused claim still waits");
  kept->answer.ok = true;
  broken(&w.f, "does not count in its holding");
  kept->claim = NULL;
  open->claim = w.used;
  broken(&w.f, "does not count in its holding");
  open->claim = NULL;
  open->cancelled = true;
  broken(&w.f, "cancelled call is still");
  open->cancelled = false;
  w.f.g->n_spare_calls++;
  broken(&w.f, "spare calls");
  w.f.g->n_spare_calls--;
  w.f.g->n_spare_bodies++;
  broken(&w.f, "spare bodies");
  w.f.g->n_spare_bodies--;
  ok(&w.f);
  fake_close(&w.f);
}
END_TEST

START_TEST(bytes) {
  struct world w;
  world_open(&w);
  gaijin *g = w.f.g;
  g->out_start = g->out.size + 1;
  broken(&w.f, "more was sent than was queued");
  g->out_start = 0;
  g->out.size = g->out.capacity + 1;
  broken(&w.f, "out-queue is over");
  g->out.size = 0;
  g->in.start = g->in.in.size + 1;
  broken(&w.f, "more was read than came");
  g->in.start = g->in.in.size;
  g->writer.nested = 1;
  broken(&w.f, "inside another");
  g->writer.nested = 0;
  uint32_t left = g->stamps_left;
  g->stamps_left = STAMP_BLOCK + 1;
  broken(&w.f, "stamps");
  g->stamps_left = left;
  ok(&w.f);
  fake_close(&w.f);
}
END_TEST

/* While a message is written, and after the end. */
START_TEST(states_in_between) {
  struct world w;
  world_open(&w);
  gaijin_begin_reply(w.f.g, 9, GAIJIN_OP_GET, 2);
  gaijin_put_token(w.f.g, w.token);
  ok(&w.f);
  gaijin_begin_reply(w.f.g, 10, GAIJIN_OP_GET, 0);
  ok(&w.f);
  gaijin_abort(w.f.g);
  gaijin_abort(w.f.g);
  ok(&w.f);
  close(w.f.fd);
  w.f.fd = -1;
  while (gaijin_dispatch(w.f.g) == 0) continue;
  ok(&w.f);
  ck_assert_uint_eq(w.f.told.answer[w.f.told.answers - 1].status, GAIJIN_STATUS_LOST);
  gaijin_let_go(w.f.g, w.used);
  ok(&w.f);
  fake_close(&w.f);
}
END_TEST

/* In a build with HOSTILE=1 this is what ends the program. */
START_TEST(a_broken_book_aborts) {
  struct world w;
  world_open(&w);
  gj_check_or_abort(w.f.g);
  w.f.g->n_releases++;
  gj_check_or_abort(w.f.g);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_check");
  TCase *c = tcase_create("check");
  tcase_add_test(c, tables);
  tcase_add_test(c, tokens);
  tcase_add_test(c, holdings);
  tcase_add_test(c, hosts);
  tcase_add_test(c, calls);
  tcase_add_test(c, bytes);
  tcase_add_test(c, states_in_between);
  tcase_add_test_raise_signal(c, a_broken_book_aborts, SIGABRT);
  suite_add_tcase(s, c);
  return run_suite(s);
}
