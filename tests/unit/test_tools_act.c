/* SPDX-License-Identifier: MIT
 *
 * What gaijinctl prints of a worker's answers to get, len, pairs, set, call and eval (tools/touch/act.h), whatever they are.
 */
#define _GNU_SOURCE /* captured.h */
#include "tools/touch/act.h"

#include "tests/unit/asked_broker.h"
#include "tests/unit/captured.h"
#include "tools/touch/words.h"

/* An answer: `count` values, as msgpack; where the bytes are NULL it is one object, of this kind. */
struct step {
  enum op op;
  const char *bytes;
  uint32_t size, count;
  enum gaijin_kind kind;
};
#define GIVES(op, bytes, count) {OP_##op, bytes, sizeof bytes - 1, count, 0}
#define OBJECT(op, kind) {OP_##op, NULL, 0, 1, GAIJIN_KIND_##kind}
#define STEPS(...) (const struct step[]){__VA_ARGS__, {OP_ping, "", 0, 0, 0}}

static struct asked a;
static struct act act;
static const struct step *next_step;
static struct captured out, err;
static char body[64]; /* the last request's, in hexadecimal */

static void answer(struct asked *of, const struct message *m) {
  const struct step *s = next_step++;
  ck_assert_msg(m->op == s->op, "%s is asked, and not %s", op_name(m->op), op_name(s->op));
  body[0] = '\0';
  for (uint32_t i = 0; i < m->body_size && i < sizeof body / 2 - 1; i++) snprintf(body + 2 * i, 3, "%02x", m->body[i]);
  fake_begin(&of->f, MESSAGE_REPLY, (enum gaijin_op)m->op, m->id, s->count);
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 4 + s->kind); /* a table is 5, a function 6 */
  pt.kind = (uint8_t)s->kind;
  if (s->bytes)
    pack_raw(&of->f.p, s->bytes, s->size);
  else
    fake_put_pt(&of->f, &pt);
}

static void setup(void) {
  asked_begin(&a, COMMAND_get, answer);
  act = (struct act){.ask = {.g = a.f.g, .seconds = 60}, .how = {.depth = 3, .width = 80}};
}
static void teardown(void) { asked_end(&a); }

/* Does it with these answers; what it prints, and whether it went well. */
static const char *does(bool (*fn)(struct act *, const struct path *, const char *), const char *text, const struct step *steps, bool good) {
  struct path p;
  ck_assert(words_path(text, &p));
  next_step = steps;
  captured_begin(&out, STDOUT_FILENO);
  captured_begin(&err, STDERR_FILENO);
  bool did = fn(&act, &p, text);
  captured_end(&err);
  captured_end(&out);
  ck_assert_msg(did == good, "%s%s", out.text, err.text);
  ck_assert_msg(next_step->op == OP_ping, "%s is not asked", op_name(next_step->op));
  if (good)
    ck_assert_str_eq(err.text, "");
  else
    ck_assert_int_eq(act.ask.status, EXIT_FAILED);
  act.ask.status = EXIT_GOOD;
  path_deinit(&p);
  return out.text;
}
static void fails(bool (*fn)(struct act *, const struct path *, const char *), const char *text, const struct step *steps, const char *line) {
  ck_assert_str_eq(does(fn, text, steps, false), "");
  captured_one_line(err.text, line);
}
static const char form[] = ": the answer has another form than this version of gaijinctl knows";

/* ---- Lengths ---- */

static const char *len_of(const struct step *steps) { return does(act_len, "shop.x", steps, true); }

START_TEST(lengths) {
  ck_assert_str_eq(len_of(STEPS(GIVES(s2t, "\xa3" "abc", 1))), "3\n");
  ck_assert_str_eq(len_of(STEPS(OBJECT(s2t, TABLE), GIVES(len, "\x07", 1))), "7\n");
  /* Of a table by value, as Lua counts: up to the first that is not there. */
  ck_assert_str_eq(len_of(STEPS(GIVES(s2t, "\x91\x90", 1))), "0\n");
  ck_assert_str_eq(len_of(STEPS(GIVES(s2t, "\x91\x94\x02\x05\x01\x05", 1))), "2\n");
  ck_assert_str_eq(len_of(STEPS(GIVES(s2t, "\x91\x96\x01\x05\x02\x05\x04\x05", 1))), "2\n");
  ck_assert_str_eq(len_of(STEPS(GIVES(s2t, "\x91\x96\x00\x05\x01\x05\xcb\x3f\xf8\0\0\0\0\0\0\x05", 1))), "1\n");
  ck_assert_str_eq(len_of(STEPS(GIVES(s2t, "\x91\x94\xff\x05\xa1" "1\x05", 1))), "0\n");
  fails(act_len, "shop.x", STEPS(GIVES(s2t, "\xc3", 1)), "shop.x: it is a boolean, which has no length");
}
END_TEST

/* ---- Entries ---- */

static const char *pairs_of(const struct step *steps) { return does(act_pairs, "shop.x", steps, true); }
static void no_pairs(const struct step *steps) { fails(act_pairs, "shop.x", steps, form); }

START_TEST(entries) {
  ck_assert_str_eq(pairs_of(STEPS(OBJECT(s2t, TABLE), GIVES(pairs, "\xc0", 1))), "");
  ck_assert_str_eq(pairs_of(STEPS(OBJECT(s2t, TABLE), GIVES(pairs, "\xc0\xa1" "a\x01\x02\xc0", 5))), "a = 1\n[2] = nil\n");
  ck_assert_str_eq(pairs_of(STEPS(GIVES(s2t, "\x91\x94\xa1" "a\x01\x02\xc3", 1))), "a = 1\n[2] = true\n");
  act.how.json = true;
  ck_assert_str_eq(pairs_of(STEPS(OBJECT(s2t, TABLE), GIVES(pairs, "\xc0", 1))), "[]\n");
  ck_assert_str_eq(pairs_of(STEPS(OBJECT(s2t, TABLE), GIVES(pairs, "\xc0\xa1" "a\x01\x02\xc3", 5))),
                   "[{\"key\":\"a\",\"value\":1},\n {\"key\":2,\"value\":true}]\n");
  act.how.json = false;
  fails(act_pairs, "shop.x", STEPS(GIVES(s2t, "\xc3", 1)), "shop.x: it is a boolean, which has no entries");
}
END_TEST

/* Page by page, until one is the last. */
START_TEST(pages) {
  ck_assert_str_eq(does(act_pairs, "shop", STEPS({OP_labels, NULL, 0, 1, GAIJIN_KIND_FUNCTION}, GIVES(call, "\xc3\x01\x02", 3), GIVES(call, "\xc3\x03\x04\x05\x06", 5), GIVES(call, "\xc2", 1)), true),
                   "[1] = 2\n[3] = 4\n[5] = 6\n");
  ck_assert_str_eq(does(act_pairs, "shop", STEPS({OP_labels, NULL, 0, 1, GAIJIN_KIND_FUNCTION}, GIVES(call, "\xc2\x01\x02", 3)), true), "[1] = 2\n");
}
END_TEST

START_TEST(pages_of_another_form) {
  no_pairs(STEPS(OBJECT(s2t, TABLE), GIVES(pairs, "", 0)));
  no_pairs(STEPS(OBJECT(s2t, TABLE), GIVES(pairs, "\xc0\x01", 2)));     /* a key without a value */
  no_pairs(STEPS(OBJECT(s2t, TABLE), GIVES(pairs, "\xc0\xc0\x01", 3))); /* no key */
  no_pairs(STEPS(OBJECT(s2t, TABLE), GIVES(pairs, "\x01", 1)));         /* no cursor */
  no_pairs(STEPS(OBJECT(s2t, TABLE), GIVES(pairs, "\xc0\x90\x01", 3))); /* no value */
  no_pairs(STEPS(OBJECT(s2t, TABLE), OBJECT(pairs, FUNCTION), GIVES(call, "", 0)));
  no_pairs(STEPS(OBJECT(s2t, TABLE), OBJECT(pairs, FUNCTION), GIVES(call, "\xc3", 1))); /* more, but nothing now: it would never end */
  no_pairs(STEPS(OBJECT(s2t, TABLE), OBJECT(pairs, FUNCTION), GIVES(call, "\xc2\x01", 2)));
  ck_assert_str_eq(does(act_pairs, "shop.x", STEPS(OBJECT(s2t, TABLE), OBJECT(pairs, FUNCTION), GIVES(call, "\xc3\x01\x02", 3), GIVES(call, "", 0)), false),
                   "[1] = 2\n");
  act.how.json = true; /* what was begun is ended */
  ck_assert_str_eq(does(act_pairs, "shop.x", STEPS(OBJECT(s2t, TABLE), OBJECT(pairs, FUNCTION), GIVES(call, "\xc3\x01\x02", 3), GIVES(call, "", 0)), false),
                   "[{\"key\":1,\"value\":2}]\n");
}
END_TEST

/* ---- Values ---- */

START_TEST(values_are_got) {
  ck_assert_str_eq(does(act_get, "shop.x", STEPS(GIVES(s2t, "\x91\x92\x01\xa1" "a", 1)), true), "{\"a\"}\n");
  ck_assert_str_eq(does(act_get, "shop.x.y", STEPS(GIVES(s2t, "\x92\x92\xa1" "y\x91\x02\x92\x01\x05", 1)), true), "{5}\n");
  ck_assert_str_eq(does(act_get, "shop.x.y", STEPS(OBJECT(s2t, TABLE), GIVES(get, "\x07", 1)), true), "7\n");
  ck_assert_str_eq(body, "91a179");
  ck_assert_str_eq(does(act_get, "shop:6", STEPS(OBJECT(lend, FUNCTION)), true), "function ?:6\n");
  ck_assert_str_eq(body, "92a473686f7006");
  /* A table's entries are fetched, as deep as they are shown. */
  ck_assert_str_eq(does(act_get, "shop.x", STEPS(OBJECT(s2t, TABLE), GIVES(apply, "\x91\x92\x01\x05", 1)), true), "{5}\n");
  act.how.depth = 0;
  ck_assert_str_eq(does(act_get, "shop.x", STEPS(OBJECT(s2t, TABLE)), true), "table ?:5\n");
  fails(act_get, "shop.x.y", STEPS(GIVES(s2t, "\x07", 1)), "shop.x: it is a number, which has no keys");
  fails(act_get, "shop.x", STEPS(GIVES(s2t, "\xc0", 1), GIVES(labels, "\xa1" "a\xa1" "t\xc0\xa1" "b\xa1" "t\xc0", 6)),
        "shop.x: worker shop exposes no such label; there are a, b");
  fails(act_get, "shop.x", STEPS(GIVES(s2t, "\xc0", 1), GIVES(labels, "", 0)), "shop.x: worker shop exposes no such label\n");
  fails(act_get, "shop.x", STEPS(GIVES(s2t, "\x90", 1)), form);
}
END_TEST

static bool set_seven(struct act *of, const struct path *p, const char *text) {
  struct data d = {0};
  struct datum seven = datum_number(7);
  return act_set(of, p, text, &d, &seven);
}
static bool call_with_two(struct act *of, const struct path *p, const char *text) {
  struct data d = {0};
  const struct datum two[] = {datum_number(1), datum_number(2)};
  return act_call(of, p, text, &d, two, 2);
}
static bool eval(struct act *of, const struct path *p, const char *text) {
  (void)text;
  return act_eval(of, p->worker, "1 + 1", 5);
}

START_TEST(workers_are_acted_on) {
  ck_assert_str_eq(does(set_seven, "shop.x.y", STEPS(OBJECT(s2t, TABLE), GIVES(set, "", 0)), true), "");
  ck_assert_str_eq(body, "92a17907");
  fails(set_seven, "shop.x.y", STEPS(GIVES(s2t, "\x91\x90", 1)), "shop.x: it is a table that was copied here, which cannot be changed there");
  ck_assert_str_eq(does(call_with_two, "shop.x", STEPS(OBJECT(s2t, FUNCTION), GIVES(call, "\x03\xc0", 2)), true), "3\nnil\n");
  ck_assert_str_eq(body, "920102");
  fails(call_with_two, "shop.x", STEPS(GIVES(s2t, "\x07", 1)), "shop.x: it is a number, which cannot be called");
  ck_assert_str_eq(does(eval, "shop", STEPS(GIVES(eval, "\x02", 1)), true), "2\n");
  ck_assert_str_eq(body, "91a531202b2031");
  act.how.json = true; /* all results are one list */
  ck_assert_str_eq(does(call_with_two, "shop.x", STEPS(OBJECT(s2t, FUNCTION), GIVES(call, "\x03\xc0", 2)), true), "[3,null]\n");
  ck_assert_str_eq(does(eval, "shop", STEPS(GIVES(eval, "", 0)), true), "[]\n");
}
END_TEST

static bool fits(const char *text, enum act_needs needs) {
  struct path p;
  ck_assert(words_path(text, &p));
  captured_begin(&err, STDERR_FILENO);
  bool good = act_fits(&p, text, needs);
  captured_end(&err);
  path_deinit(&p);
  return good;
}

START_TEST(what_a_path_must_have) {
  ck_assert(fits("shop", ACT_NEEDS_NOTHING));
  ck_assert(!fits("shop", ACT_NEEDS_THING) && !fits("shop", ACT_NEEDS_KEY));
  captured_one_line(err.text, "shop: that is a worker; say what of it: shop.LABEL or shop:ID");
  ck_assert(fits("shop.x", ACT_NEEDS_THING) && fits("shop:5", ACT_NEEDS_THING));
  ck_assert(!fits("shop.x", ACT_NEEDS_KEY));
  captured_one_line(err.text, "shop.x: a label is the worker's own to set; only a key of it can be set");
  ck_assert(!fits("shop:5", ACT_NEEDS_KEY));
  captured_one_line(err.text, "shop:5: that is an object; only a key of it can be set");
  ck_assert(fits("shop.x.y", ACT_NEEDS_KEY) && fits("shop:5.y", ACT_NEEDS_KEY));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tools act");
  TCase *c = tcase_create("act");
  suite_add_tcase(suite, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, lengths);
  tcase_add_test(c, entries);
  tcase_add_test(c, pages);
  tcase_add_test(c, pages_of_another_form);
  tcase_add_test(c, values_are_got);
  tcase_add_test(c, workers_are_acted_on);
  tcase_add_test(c, what_a_path_must_have);
  return run_suite(suite);
}
