/* SPDX-License-Identifier: MIT
 *
 * Who holds what, as it is read from the broker (tools/graph/read.h): labels, what is under way, what is near an object, and
 * what workers say.
 */
#define _GNU_SOURCE /* captured.h */
#include "tools/graph/read.h"

#include "proto/base.h"
#include "tests/unit/asked_broker.h"
#include "tests/unit/captured.h"

static struct asked a;
static struct graph g;
static char books[256]; /* that were asked for, in order */
static unsigned described;

/* ---- The broker ---- */

static void put_texts(struct pack *p, const char *const *texts, unsigned n) { /* NULL: nil */
  for (unsigned i = 0; i < n; i++) {
    if (texts[i])
      pack_text(p, texts[i]);
    else
      pack_nil(p);
  }
}

static void answer_clients(const struct message *m) {
  static const char *const names[] = {NULL, "shop", "till", "office", "far"};
  struct pack *p = asked_page(&a, m, ARRAY_SIZE(names));
  for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
    pack_array(p, 6);
    put_texts(p, &names[i], 1);
    pack_uint(p, 100 + i);
    pack_uint(p, 10 + i);
    pack_uint(p, 0); /* its user */
    pack_uint(p, 60);
    pack_uint(p, 1); /* objects that others hold */
  }
}

/* Who has objects of whom: shop's are with till and office, till's with far, far's with shop. */
static void answer_loads(const struct message *m) {
  static const char *const pairs[][2] = {{"shop", "till"}, {"far", "shop"}, {NULL, "till"}, {"till", "far"}, {"shop", "office"}};
  struct pack *p = asked_page(&a, m, ARRAY_SIZE(pairs));
  for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++) {
    pack_array(p, 3);
    put_texts(p, pairs[i], 2);
    pack_uint(p, 1);
  }
}

/* shop's 5 is twice under way to till, and once to office; of others only how many. */
static void answer_queued(const struct message *m) {
  static const struct { const char *to, *host; uint64_t id, objects; } rows[] = {
      {"till", "shop", 5, 0}, {"office", "shop", 5, 0}, {"till", "shop", 5, 0}, {"till", NULL, 0, 3}, {"till", NULL, 0, 0}, {"till", "office", 5, 0}};
  struct pack *p = asked_page(&a, m, ARRAY_SIZE(rows));
  for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
    pack_array(p, 7);
    pack_text(p, rows[i].to);
    pack_text(p, "shop");
    pack_uint(p, 1);
    pack_text(p, "call");
    put_texts(p, &rows[i].host, 1);
    pack_uint(p, rows[i].id);
    pack_uint(p, rows[i].objects);
  }
}

static const struct token {
  const char *host, *kind;
  uint64_t id;
  bool dead;
  struct { const char *name; uint64_t count; } holders[5];
  uint32_t n_holders;
} tokens[] = {
    {"shop", "table", 5, false, {{"till", 3}, {NULL, 7}, {"office", 2}, {"...", 4}}, 4},
    {"shop", "function", 6, false, {{"till", 1}}, 1},
    {"shop", "table", 5, true, {{"till", 1}}, 1}, /* of one that has ended, with the same name */
    {"till", "future", 7, false, {{"far", 1}}, 1}, /* a kind of a later version */
    {"far", "userdata", 8, false, {{"shop", 1}}, 1},
    {NULL, "thread", 9, true, {{"far", 1}}, 1},
};

static void answer_tokens(const struct message *m, const char *host) {
  uint32_t n = 0;
  for (unsigned i = 0; i < ARRAY_SIZE(tokens); i++) n += !*host || (tokens[i].host && strcmp(tokens[i].host, host) == 0);
  struct pack *p = asked_page(&a, m, n);
  for (unsigned i = 0; i < ARRAY_SIZE(tokens); i++) {
    const struct token *t = &tokens[i];
    if (*host && (!t->host || strcmp(t->host, host) != 0)) continue;
    pack_array(p, 6);
    put_texts(p, &t->host, 1);
    pack_uint(p, t->id);
    pack_text(p, t->kind);
    pack_uint(p, 10 * t->id);
    pack_bool(p, t->dead);
    pack_array(p, 2 * t->n_holders);
    for (unsigned k = 0; k < t->n_holders; k++) {
      put_texts(p, &t->holders[k].name, 1);
      pack_uint(p, t->holders[k].count);
    }
  }
}

static void answer_labels(const struct message *m) {
  bool of_shop = m->name_size == 4 && memcmp(m->name, "shop", 4) == 0;
  fake_begin(&a.f, MESSAGE_REPLY, (enum gaijin_op)m->op, m->id, of_shop ? 3 : 0);
  if (!of_shop) return;
  pack_text(&a.f.p, "cash");
  pack_text(&a.f.p, "table");
  pack_uint(&a.f.p, 5);
}

/* Far's object is gone meanwhile. */
static void answer_description(const struct message *m) {
  struct reader r = fake_values(m);
  fake_begin(&a.f, MESSAGE_REPLY, (enum gaijin_op)m->op, m->id, m->body_count);
  for (uint32_t i = 0; i < m->body_count; i++, described++) {
    uint64_t id;
    ck_assert(reader_uint(&r, &id));
    pack_array(&a.f.p, id == 8 ? 1 : 3);
    pack_uint(&a.f.p, id);
    if (id == 8) continue;
    pack_text(&a.f.p, "type");
    pack_text(&a.f.p, id == 5 ? "five" : "other");
  }
}

static void answer(struct asked *of, const struct message *m) {
  char what[32], host[64];
  (void)of;
  if (m->op == OP_labels) {
    answer_labels(m);
  } else if (m->op == OP_describe) {
    answer_description(m);
  } else {
    asked_book(m, what, host);
    snprintf(books + strlen(books), sizeof books - strlen(books), "%s(%s) ", what, host);
    if (strcmp(what, "clients") == 0) answer_clients(m);
    if (strcmp(what, "loads") == 0) answer_loads(m);
    if (strcmp(what, "queued") == 0) answer_queued(m);
    if (strcmp(what, "tokens") == 0) answer_tokens(m, host);
  }
}

/* ---- Graphs ---- */

static void setup(void) {
  books[0] = '\0';
  described = 0;
  asked_begin(&a, COMMAND_graph, answer);
  g = (struct graph){.untold = false};
  fold_init(&g.fold, 40);
}
static void teardown(void) {
  fold_deinit(&g.fold);
  asked_end(&a);
}
static void again(void) {
  fold_deinit(&g.fold);
  g = (struct graph){.untold = false};
  fold_init(&g.fold, 40);
  books[0] = '\0';
}

static const struct fold_node *node(const char *host, uint64_t id, bool dead) {
  for (uint32_t i = 0; i < g.fold.n_nodes; i++) {
    const struct fold_node *n = &g.fold.nodes[i];
    if (strcmp(g.fold.workers[n->host].name, host) == 0 && n->id == id && n->is_dead == dead) return n;
  }
  return NULL;
}
static const struct fold_hold *held_by(const struct fold_node *n, const char *name) {
  for (uint32_t i = 0; i < n->n_holds; i++)
    if (strcmp(g.fold.workers[n->holds[i].worker].name, name) == 0) return &n->holds[i];
  return NULL;
}

START_TEST(all_there_is) {
  ck_assert(graph_read(&g, &a.o));
  ck_assert_str_eq(books, "clients() queued() tokens() ");
  ck_assert_uint_eq(g.fold.n_nodes, 6);
  ck_assert_uint_eq(g.waiting_more, 4);
  const struct fold_node *n = node("shop", 5, false);
  ck_assert_uint_eq(g.fold.workers[n->host].pid, 11);
  ck_assert(g.fold.workers[n->host].is_known);
  ck_assert_str_eq(n->kind, "table");
  ck_assert(n->oldest_s == 50 && n->n_holds == 2 && n->others == 4 && !n->is_kept && !n->said);
  ck_assert_str_eq(n->labels.bytes, "cash");
  ck_assert(held_by(n, "till")->count == 3 && held_by(n, "till")->waiting == 2);
  ck_assert(held_by(n, "office")->count == 2 && held_by(n, "office")->waiting == 1);
  n = node("shop", 6, false);
  ck_assert(held_by(n, "till")->waiting == 0 && n->labelled == 0);
  n = node("shop", 5, true); /* what was under way of its is under way still; labels are the living one's */
  ck_assert(n && n->labelled == 0 && held_by(n, "till")->waiting == 2);
  ck_assert_ptr_null(node("till", 7, false)->kind);
  ck_assert_ptr_nonnull(node("?", 9, true));
}
END_TEST

static void focus(uint32_t depth) {
  again();
  g.scope = (struct graph_scope){.focus = "shop:5", .focus_size = 4, .focus_id = 5, .depth = depth};
}

/* 1: itself; 2: what its holders have; 3: what those have who hold objects of these, and so on. */
START_TEST(what_is_near) {
  for (uint32_t depth = 1; depth <= 6; depth++) {
    focus(depth);
    ck_assert(graph_read(&g, &a.o));
    /* Then those near it, one by one. */
    static const char begin[] = "clients() tokens(shop) loads() queued() tokens(";
    ck_assert_msg(strncmp(books, begin, sizeof begin - 1) == 0, "%s", books);
    ck_assert_ptr_null(strstr(books + sizeof begin, "tokens()"));
    ck_assert(node("shop", 5, false)->is_kept);
    ck_assert_int_eq(node("till", 7, false) != NULL, depth >= 2);
    ck_assert_int_eq(node("far", 8, false) != NULL, depth >= 3);
    ck_assert_int_eq(node("shop", 6, false) != NULL, depth >= 4);
    ck_assert_ptr_null(node("?", 9, true));
  }
}
END_TEST

START_TEST(what_is_not_there) {
  struct captured c;
  static const struct { const char *focus, *host; uint64_t id; const char *line; } cases[] = {
      {"shop", NULL, 7, "nobody holds an object shop:7;"}, {"shoq", NULL, 5, "there is no worker 'shoq' (did you mean shop?)"},
      {NULL, "shoq", 0, "there is no worker 'shoq' (did you mean shop?)"}};
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    again();
    g.scope = (struct graph_scope){.focus = cases[i].focus, .focus_size = 4, .focus_id = cases[i].id, .host = cases[i].host, .depth = 1};
    captured_begin(&c, STDERR_FILENO);
    bool good = graph_read(&g, &a.o);
    captured_one_line(captured_end(&c), cases[i].line);
    ck_assert(!good && g.fold.n_nodes == 0);
  }
  again();
  g.scope.host = "office"; /* which is there, and has nothing */
  ck_assert(graph_read(&g, &a.o));
  ck_assert_uint_eq(g.fold.n_nodes, 0);
}
END_TEST

START_TEST(what_workers_say) {
  g.scope.describe = true;
  g.scope.seconds = 60;
  ck_assert(graph_read(&g, &a.o));
  ck_assert(!g.untold);
  ck_assert_uint_eq(described, 4); /* of living ones */
  ck_assert_str_eq(node("shop", 5, false)->said, "five");
  ck_assert_str_eq(node("shop", 5, false)->said_json, "{\"held\":true,\"type\":\"five\"}");
  ck_assert_str_eq(node("shop", 6, false)->said, "other");
  ck_assert_str_eq(node("till", 7, false)->said, "other");
  ck_assert_ptr_null(node("far", 8, false)->said);
  ck_assert_ptr_null(node("shop", 5, true)->said);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tools graph read");
  TCase *c = tcase_create("read");
  suite_add_tcase(suite, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, all_there_is);
  tcase_add_test(c, what_is_near);
  tcase_add_test(c, what_is_not_there);
  tcase_add_test(c, what_workers_say);
  return run_suite(suite);
}
