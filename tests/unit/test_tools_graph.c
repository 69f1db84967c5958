/* SPDX-License-Identifier: MIT
 *
 * A graph as text: which workers are drawn and where, nodes, edges, and what is said of what is left out
 * (tools/graph/arrange.h, dot.h).
 */
#include "tools/graph/arrange.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/run.h"
#include "tools/graph/dot.h"

static struct graph g;
static struct text t;
static bool is_sorted;
static const char table[] = "table", function[] = "function", userdata[] = "userdata";

static void start(uint32_t most) {
  g = (struct graph){.untold = false};
  t = (struct text){0};
  is_sorted = false;
  fold_init(&g.fold, most);
}
static void setup(void) { start(40); }
static void finish(void) {
  fold_deinit(&g.fold);
  text_deinit(&t);
}
static void again(uint32_t most) {
  finish();
  start(most);
}

static uint32_t worker(const char *name) { return fold_worker(&g.fold, name, strlen(name), false); }
static struct fold_hold by(const char *name, uint64_t count, uint64_t waiting) {
  return (struct fold_hold){.worker = worker(name), .objects = 1, .count = count, .waiting = waiting};
}
/* An object that is held by this one. */
static void put_held(uint32_t host, const char *kind, uint64_t id, struct fold_hold hold, const char *label) {
  struct text labels = {0};
  if (label) text_add(&labels, label, strlen(label) + 1);
  fold_put(&g.fold, &(struct fold_object){.host = host, .kind = kind, .id = id, .age_s = 9, .labels = &labels, .holds = &hold, .n_holds = 1});
  text_deinit(&labels);
}
static void put(const char *host, uint64_t id, const char *holder) { put_held(worker(host), table, id, by(holder, 1, 0), NULL); }

static void sort_once(void) {
  if (!is_sorted) fold_sort(&g.fold);
  is_sorted = true;
}
/* All but its begin, which is always the same. */
static const char *drawn(void) {
  sort_once();
  t.size = 0;
  graph_add_dot(&t, &g);
  const char *edge = strstr(t.bytes, "  edge [");
  ck_assert_ptr_nonnull(edge);
  return strchr(edge, '\n') + 1;
}
static void expect_has(const char *part) {
  const char *text = drawn();
  ck_assert_msg(strstr(text, part), "no %s in\n%s", part, text);
}
static void expect_not(const char *part) {
  const char *text = drawn();
  ck_assert_msg(!strstr(text, part), "%s is in\n%s", part, text);
}
static unsigned count(const char *part) {
  unsigned n = 0;
  for (const char *at = drawn(); (at = strstr(at, part)); at += strlen(part)) n++;
  return n;
}

#define TITLE "\\n\u2192 holds   \u00d7n: was sent it n times   dashed: under way to it   grey: its worker has ended"

/* ---- Nodes ---- */

START_TEST(one_object) {
  put("shop", 5, "till");
  g.fold.workers[worker("shop")].pid = 7;
  ck_assert_str_eq(drawn(),
                   "  subgraph cluster_w0 {\n"
                   "    label=\"shop\\npid 7, 1 object\";\n"
                   "    n0 [shape=box, fillcolor=\"#e3edfb\", label=\"table 5\", tooltip=\"object, held for 9 s\"];\n"
                   "  }\n"
                   "  subgraph cluster_w1 {\n"
                   "    label=\"till\";\n"
                   "    w1 [shape=box, style=filled, fillcolor=\"#1f4e79\", fontcolor=white, label=\"holds 1\"];\n"
                   "  }\n"
                   "  w1 -> n0 [label=\"\", color=\"#1f4e79\"];\n"
                   "  label=\"1 object" TITLE "\";\n"
                   "}\n");
}
END_TEST

START_TEST(of_an_ended_worker) {
  put_held(fold_worker(&g.fold, "shop", 4, true), function, 5, by("@looker", 1, 0), NULL);
  expect_has("    label=\"shop\\nended, 1 object\"; style=\"rounded,dashed\"; color=\"#999999\"; fontcolor=\"#777777\"; bgcolor=\"#f5f5f5\";\n"
             "    n0 [shape=hexagon, fillcolor=\"#e8e8e8\", style=\"filled,dashed\", color=\"#999999\", fontcolor=\"#777777\", label=\"function 5\"");
  expect_has(" [shape=ellipse, ");
  expect_has("w0 -> n0 [label=\"\", color=\"#999999\"];\n");
}
END_TEST

START_TEST(texts_are_cut_and_quoted) {
  char name[64], label[64], part[256];
  struct fold_object o = {.host = worker("shop"), .kind = NULL, .id = 5, .is_kept = true, .labels = &(struct text){0}};
  fold_put(&g.fold, &o);
  g.fold.nodes[0].said = tool_copy("\"a\\N&\x1b", 6);
  expect_has("    label=\"shop\\n1 object\";\n    n0 [shape=box3d, fillcolor=\"#eeeeee\", penwidth=3, label=\"object 5\\n\\\"a\\\\N&amp;\\\\x1b\", tooltip");
  for (size_t size = 40; size <= 41; size++) {
    again(40);
    memset(name, 'n', sizeof name);
    memset(label, 'l', sizeof label);
    name[size] = label[size - 12] = '\0';
    put_held(worker(name), table, 5, by("till", 1, 0), label);
    snprintf(part, sizeof part, "label=\"%.*s%s\\n1 object\"", size > 40 ? 37 : 40, name, size > 40 ? "..." : "");
    expect_has(part);
    snprintf(part, sizeof part, "label=\"%.*s%s\\ntable 5\"", size > 40 ? 25 : 28, label, size > 40 ? "..." : "");
    expect_has(part);
  }
}
END_TEST

START_TEST(several_are_one_node) {
  again(1);
  for (uint64_t id = 1; id <= 1234; id++) put_held(worker("shop"), table, id, by("till", 2, 0), id <= 4 ? "x" : NULL);
  put_held(worker("shop"), table, 2000, by("office", 1, 0), NULL);
  ck_assert_uint_eq(g.fold.n_nodes, 1);
  sort_once();
  g.fold.most = 2; /* workers */
  expect_has(", peripheries=2, label=\"x\\nx\\nx\\nand 1 with labels\\n1,235 tables\\nheld by 1 more\", tooltip=\"objects, held for 9 s at most\"];\n");
  expect_has("[label=\"1,234 \u00d72,468\", color=");
  expect_has("  label=\"1,235 objects" TITLE "\\n1 more workers\";");
  again(2);
  for (uint64_t id = 1; id <= 3; id++) put_held(worker("shop"), userdata, id, by("till", 1, 0), "x");
  expect_has("label=\"x\\nx\\nx\\n3 userdata\", ");
  expect_has("n0 [label=\"\", ");
}
END_TEST

/* From three on. */
START_TEST(what_is_alike_is_in_cells) {
  put("shop", 1, "till");
  put("shop", 2, "till");
  ck_assert_uint_eq(count("shape=plain"), 0);
  again(40);
  for (uint64_t id = 1; id <= 4; id++) put_held(worker("shop"), table, id, by("till", 2, 1), id == 3 ? "<a&\"\\>" : NULL);
  expect_has("    n0 [shape=plain, fillcolor=\"#ffffff00\", label=<<TABLE BORDER=\"0\" CELLBORDER=\"1\" CELLSPACING=\"2\" COLOR=\"#444444\">"
             "<TR><TD COLSPAN=\"2\" BORDER=\"0\">4 tables</TD></TR>"
             "<TR><TD BGCOLOR=\"#e3edfb\">1</TD><TD BGCOLOR=\"#e3edfb\">2</TD></TR>"
             "<TR><TD BGCOLOR=\"#e3edfb\">&lt;a&amp;&quot;\\\\&gt; 3</TD><TD BGCOLOR=\"#e3edfb\">4</TD></TR></TABLE>>];\n");
  expect_has("n0 [label=\"\", ");
  expect_has("label=\"4 under way\"];\n");
  ck_assert_uint_eq(count(" -> "), 2);
  again(40);
  for (uint64_t id = 1; id <= 3; id++) put_held(fold_worker(&g.fold, "shop", 4, true), table, id, by("till", 1, 0), NULL);
  expect_has("COLOR=\"#999999\"><TR><TD COLSPAN=\"2\" BORDER=\"0\"><FONT COLOR=\"#777777\">3 tables</FONT></TD></TR><TR><TD BGCOLOR=\"#e8e8e8\">1</TD>");
}
END_TEST

/* What differs in more than id and label is not. */
START_TEST(what_is_not_alike) {
  for (uint64_t id = 1; id <= 3; id++) {
    put_held(worker("shop"), table, id, by("till", id, 0), NULL);
    put_held(worker("shop"), function, 10 + id, by("till", 1, id - 1), NULL);
    put("office", 20 + id, id == 1 ? "a" : id == 2 ? "b" : "c");
    fold_put(&g.fold, &(struct fold_object){.host = worker("bank"), .kind = table, .id = 30 + id, .labels = &(struct text){0}, .others = id});
  }
  ck_assert_uint_eq(count("shape=plain"), 0);
  again(40);
  for (uint64_t id = 1; id <= 3; id++) put("shop", id, "till");
  ck_assert_uint_eq(count("shape=plain"), 1);
  g.fold.nodes[2].said = tool_copy("x", 1);
  ck_assert_uint_eq(count("shape=plain"), 0);
}
END_TEST

/* ---- Edges ---- */

START_TEST(how_often_and_under_way) {
  put_held(worker("shop"), table, 5, by("till", 3, 1), NULL);
  expect_has("  w1 -> n0 [label=\"\u00d72\", color=\"#1f4e79\"];\n  w1 -> n0 [style=dashed, color=\"#1f4e79\", label=\"1 under way\"];\n");
  again(40);
  put_held(worker("shop"), table, 5, by("till", 2, 3), NULL); /* no more than it was sent */
  expect_has("n0 [style=dashed, color=\"#1f4e79\", label=\"2 under way\"];\n");
  ck_assert_uint_eq(count(" -> "), 1);
}
END_TEST

START_TEST(edges_of_a_node_are_bounded) {
  struct fold_hold holds[13];
  char name[16];
  for (uint32_t i = 0; i < 13; i++) {
    snprintf(name, sizeof name, "w%u", i);
    holds[i] = by(name, i == 3 ? 1 : 2, 0);
  }
  fold_put(&g.fold, &(struct fold_object){.host = worker("shop"), .kind = table, .id = 5, .labels = &(struct text){0}, .holds = holds, .n_holds = 13, .others = 5});
  expect_has("label=\"table 5\\nheld by 6 more\"");
  ck_assert_uint_eq(count(" -> "), 12);
  snprintf(name, sizeof name, "w%u -> ", worker("w3")); /* the least */
  ck_assert_uint_eq(count(name), 0);
}
END_TEST

/* ---- Which workers, and where ---- */

START_TEST(rings_are_drawn_apart) {
  put("a", 1, "b");
  put("b", 2, "c");
  put("c", 3, "a");
  put("a", 4, "looks"); /* holds only */
  put("has", 5, "a");
  put("own", 6, "own");
  sort_once();
  bool *apart = arrange_apart(&g.fold);
  for (uint32_t i = 0; i < g.fold.n_workers; i++) {
    const char *name = g.fold.workers[i].name;
    ck_assert_msg(apart[i] == (!name[1] || strcmp(name, "own") == 0), "%s", name);
  }
  free(apart);
  expect_has("  }\n    w0 [shape=box, style=filled, fillcolor=\"#333333\", fontcolor=white, label=\"a\\nholds 2\"];\n");
  expect_has("    label=\"looks\";\n    w4 [");
  expect_not("label=\"looks\\nholds");
}
END_TEST

START_TEST(those_that_have_and_hold_most) {
  uint32_t left_out;
  put("a", 1, "b");
  put("a", 2, "b");
  put("c", 3, "d");
  put("b", 4, "d");
  sort_once();
  for (uint32_t most = 1; most <= 5; most++) {
    g.fold.most = most;
    bool *is = arrange_drawn(&g, &left_out);
    ck_assert_uint_eq(left_out, most < 4 ? 4 - most : 0);
    ck_assert(is[1] && is[0] == (most > 1) && is[3] == (most > 2) && is[2] == (most > 3)); /* b, a, d, c: 3, 2, 2, 1 */
    free(is);
  }
}
END_TEST

/* Who has nothing and holds nothing is drawn where all are wanted. */
START_TEST(idle_workers) {
  struct graph_scope filters[] = {{.focus = "a"}, {.host = "a"}, {.holder = "a"}, {.kind = "table"}, {.least_age = 0.5}};
  put("a", 1, "b");
  g.fold.workers[worker("idle")].is_known = true;
  worker("gone");
  expect_has("    label=\"idle\";\n    w3 [shape=box, style=filled, fillcolor=\"#999999\", fontcolor=white, label=\"idle\"];\n  }\n");
  expect_not("gone");
  for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
    g.scope = filters[i];
    expect_not("idle");
  }
}
END_TEST

START_TEST(what_is_left_out_is_told) {
  put("a", 1, "b");
  put("a", 2, "b");
  put("a", 3, "c");
  sort_once();
  g.fold.most = 2;
  g.waiting_more = 1001;
  expect_has("  label=\"3 objects" TITLE "\\n1 more workers\\n1,001 more objects in messages under way\";\n}\n");
  expect_has("label=\"table 3\\nheld by 1 more\"");
  ck_assert_uint_eq(count(" -> "), 2);
}
END_TEST

/* ---- JSON ---- */

START_TEST(json) {
  put_held(worker("shop"), table, 5, by("till", 3, 1), "a\"b");
  g.fold.workers[worker("shop")].pid = 7;
  g.fold.workers[worker("idle")].is_known = true;
  worker("gone");
  g.waiting_more = 2;
  sort_once();
  graph_add_json(&t, &g);
  ck_assert_str_eq(t.bytes,
                   "{\"workers\":[\n"
                   "{\"worker\":\"idle\",\"dead\":false,\"pid\":null,\"exports\":0,\"holds\":0},\n"
                   "{\"worker\":\"shop\",\"dead\":false,\"pid\":7,\"exports\":1,\"holds\":0},\n"
                   "{\"worker\":\"till\",\"dead\":false,\"pid\":null,\"exports\":0,\"holds\":1}],\n"
                   "\"nodes\":[\n"
                   "{\"node\":1,\"host\":\"shop\",\"dead\":false,\"kind\":\"table\",\"objects\":1,\"id\":5,\"oldest_s\":9,\"labels\":[\"a\\\"b\"],"
                   "\"labelled\":1,\"holders_not_told\":0,\"description\":null}],\n"
                   "\"edges\":[\n"
                   "{\"holder\":\"till\",\"node\":1,\"objects\":1,\"count\":3,\"under_way\":1}],\"under_way_not_told\":2}\n");
}
END_TEST

static void expect_nodes(const char *expected) {
  sort_once();
  t.size = 0;
  graph_add_json(&t, &g);
  const char *nodes = strstr(t.bytes, "\"nodes\"");
  ck_assert_ptr_nonnull(nodes);
  ck_assert_str_eq(nodes, expected);
}

START_TEST(json_of_several) {
  again(2);
  put_held(worker("shop"), table, 5, by("till", 2, 3), "x");
  put_held(worker("shop"), function, 6, by("office", 1, 0), "y");
  put("bank", 7, "till");
  expect_nodes("\"nodes\":[\n"
               "{\"node\":1,\"host\":\"bank\",\"dead\":false,\"kind\":\"table\",\"objects\":1,\"id\":7,\"oldest_s\":9,\"labels\":[],"
               "\"labelled\":0,\"holders_not_told\":0,\"description\":null},\n"
               "{\"node\":2,\"host\":\"shop\",\"dead\":false,\"kind\":null,\"objects\":2,\"id\":null,\"oldest_s\":9,\"labels\":[\"x\",\"y\"],"
               "\"labelled\":2,\"holders_not_told\":0,\"description\":null}],\n"
               "\"edges\":[\n"
               "{\"holder\":\"till\",\"node\":1,\"objects\":1,\"count\":1,\"under_way\":0},\n"
               "{\"holder\":\"office\",\"node\":2,\"objects\":1,\"count\":1,\"under_way\":0},\n"
               "{\"holder\":\"till\",\"node\":2,\"objects\":1,\"count\":2,\"under_way\":2}],\"under_way_not_told\":0}\n");
  again(1);
  put("shop", 5, "till");
  put("bank", 7, "till");
  expect_nodes("\"nodes\":[\n"
               "{\"node\":1,\"host\":null,\"dead\":false,\"kind\":null,\"objects\":2,\"id\":null,\"oldest_s\":9,\"labels\":[],"
               "\"labelled\":0,\"holders_not_told\":0,\"description\":null}],\n"
               "\"edges\":[\n"
               "{\"holder\":\"till\",\"node\":1,\"objects\":2,\"count\":2,\"under_way\":0}],\"under_way_not_told\":0}\n");
}
END_TEST

int main(void) {
  Suite *s = suite_create("tools graph");
  TCase *c = tcase_create("graph");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup, finish);
  tcase_add_test(c, one_object);
  tcase_add_test(c, of_an_ended_worker);
  tcase_add_test(c, texts_are_cut_and_quoted);
  tcase_add_test(c, several_are_one_node);
  tcase_add_test(c, what_is_alike_is_in_cells);
  tcase_add_test(c, what_is_not_alike);
  tcase_add_test(c, how_often_and_under_way);
  tcase_add_test(c, edges_of_a_node_are_bounded);
  tcase_add_test(c, rings_are_drawn_apart);
  tcase_add_test(c, those_that_have_and_hold_most);
  tcase_add_test(c, idle_workers);
  tcase_add_test(c, what_is_left_out_is_told);
  tcase_add_test(c, json);
  tcase_add_test(c, json_of_several);
  return run_suite(s);
}
