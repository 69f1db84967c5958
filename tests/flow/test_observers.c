/* SPDX-License-Identifier: MIT
 *
 * Whoever connects as an observer may call itself what it likes, also after a living worker. No worker takes it for
 * that one: it is told the name with an '@' before it, which no worker's has.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/bed/bed.h"
#include "tests/unit/run.h"

/* Opens its treasure to vault alone, tells who asks, and whether vault is there when it is told of its end. */
static const char guarded[] =
    "bakaGaijin.gold = function() return 1000 end\n"
    "bakaGaijin.who = function() return gaijin.caller() end\n"
    "gaijin.access = function(client, op, object, key)\n"
    "  print(op .. ' by ' .. client)\n"
    "  return client == 'vault' or key == 'who' or op == 'call' and rawequal(object, bakaGaijin.who)\n"
    "end\n"
    "gaijin.on_death('vault', function(name)\n"
    "  print(name .. ' ended, peers: ' .. table.concat(gaijin.peers(), ' ') .. '.')\n"
    "end)\n";

/* The answer to a request for a label; its body is read from the first value on. */
static bool fetch(struct bed *b, gaijin *g, const char *label, struct gaijin_answer *answer, struct gaijin_value *v) {
  uint64_t id = 0;
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "guarded", .depth = 1}, 1);
  gaijin_put_text(g, label);
  if (gaijin_end_request(g, NULL, NULL, &id) != 0 || gaijin_await(g, id, bed_limit(b), answer) != 0)
    bed_fail(b, "asking guarded: %s", gaijin_error(g));
  ck_assert(gaijin_body_next(answer->body, v));
  return answer->ok;
}

static void expect_text(const struct gaijin_value *v, const char *text) {
  ck_assert_int_eq(v->type, GAIJIN_STRING);
  ck_assert_msg(v->size == strlen(text) && memcmp(v->bytes, text, v->size) == 0, "%.*s", (int)v->size, v->bytes);
}

/* What guarded's function `who` answers, as a text. */
static void expect_caller(struct bed *b, gaijin *g, const char *name) {
  struct gaijin_answer answer, called;
  struct gaijin_value v;
  uint64_t id = 0;
  ck_assert(fetch(b, g, "who", &answer, &v));
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_CALL, .holding = v.holding, .depth = 1}, 0);
  ck_assert_int_eq(gaijin_end_request(g, NULL, NULL, &id), 0);
  ck_assert_int_eq(gaijin_await(g, id, bed_limit(b), &called), 0);
  ck_assert(called.ok && gaijin_body_next(called.body, &v));
  expect_text(&v, name);
  gaijin_body_free(called.body);
  gaijin_body_free(answer.body);
}

START_TEST(no_observer_passes_for_a_worker) {
  struct bed *b = bed_open(NULL);
  struct bed_worker vault = {.name = "vault", .once = true,
                             .code = "print(bakaGaijin('guarded').gold(), bakaGaijin('guarded').who())"};
  bed_start(b, &(struct bed_worker){.name = "other", .code = ""});
  struct child *robbed, *real = bed_start(b, &(struct bed_worker){.name = "vault", .code = ""});
  struct gaijin_answer answer;
  struct gaijin_value v;
  robbed = bed_start(b, &(struct bed_worker){.name = "guarded", .code = guarded});
  gaijin *false_vault = bed_connect(b, "vault", true, NULL, NULL);
  ck_assert(!fetch(b, false_vault, "gold", &answer, &v));
  expect_text(&v, "gaijin: denied: guarded refuses s2t to @vault");
  gaijin_body_free(answer.body);
  bed_expect(b, robbed, "s2t by @vault\n");
  expect_caller(b, false_vault, "@vault");
  gaijin_close(false_vault); /* vault has not ended */
  bed_kill(b, real);
  bed_expect(b, robbed, "vault ended, peers: other.\n");
  struct child *honest = bed_start(b, &vault);
  bed_exit(b, honest, 0);
  bed_expect(b, honest, "1000\tvault\n");
  bed_close(b);
}
END_TEST

int main(void) {
  Suite *s = suite_create("observers");
  TCase *t = tcase_create("observers");
  tcase_set_timeout(t, 120);
  tcase_add_test(t, no_observer_passes_for_a_worker);
  suite_add_tcase(s, t);
  return run_suite(s);
}
