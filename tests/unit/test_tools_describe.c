/* SPDX-License-Identifier: MIT
 *
 * Objects of several hosts that are described (tools/ask/describe.h): each once, and what a host that refuses costs.
 */
#define _GNU_SOURCE /* captured.h */
#include "tools/ask/describe.h"

#include "tests/unit/asked_broker.h"
#include "tests/unit/captured.h"

/* More hosts than are asked at a time, and more objects than fit into a request. */
enum { HOSTS = 40, OBJECTS = 150, AT_ONCE = 64 };

static struct asked a;
static struct descriptions *d;
static unsigned asked_of[HOSTS], objects_of[HOSTS], largest;
static const char *refuses, *misspeaks; /* hosts */

static bool is(const struct message *m, const char *host) {
  return host && m->name_size == strlen(host) && memcmp(m->name, host, m->name_size) == 0;
}

/* Each object's line is its id, and its source its host. */
static void answer(struct asked *of, const struct message *m) {
  ck_assert_int_eq(m->op, OP_describe);
  char name[16];
  snprintf(name, sizeof name, "%.*s", (int)m->name_size, m->name);
  unsigned host = (unsigned)atoi(name + 1);
  struct reader r = fake_values(m);
  ck_assert_uint_lt(host, HOSTS);
  asked_of[host]++;
  objects_of[host] += m->body_count;
  if (m->body_count > largest) largest = m->body_count;
  if (is(m, refuses)) {
    fake_begin(&of->f, MESSAGE_ERROR, (enum gaijin_op)m->op, m->id, 2);
    pack_uint(&of->f.p, STATUS_denied);
    pack_text(&of->f.p, "not for you");
    return;
  }
  fake_begin(&of->f, MESSAGE_REPLY, (enum gaijin_op)m->op, m->id, m->body_count);
  for (uint32_t i = 0; i < m->body_count; i++) {
    uint64_t id;
    ck_assert(reader_uint(&r, &id));
    pack_array(&of->f.p, 7);
    pack_uint(&of->f.p, id + is(m, misspeaks));
    pack_text(&of->f.p, "type");
    pack_text(&of->f.p, "function");
    pack_text(&of->f.p, "source");
    pack_string(&of->f.p, m->name, m->name_size);
    pack_text(&of->f.p, "line");
    pack_uint(&of->f.p, id);
  }
}

static void setup(void) {
  memset(asked_of, 0, sizeof asked_of);
  memset(objects_of, 0, sizeof objects_of);
  largest = 0;
  refuses = misspeaks = NULL;
  asked_begin(&a, COMMAND_tokens, answer);
  d = descriptions_new();
}
static void teardown(void) {
  descriptions_free(d);
  asked_end(&a);
}

static size_t add(unsigned host, uint64_t id) {
  char name[16];
  return descriptions_add(d, name, (size_t)snprintf(name, sizeof name, "w%u", host), id);
}
static bool is_told(size_t number, unsigned host, uint64_t id) {
  char name[16];
  const struct description *of = descriptions_at(d, number);
  if (of->state == DESCRIPTION_UNKNOWN) return false;
  snprintf(name, sizeof name, "w%u", host);
  ck_assert(of->state == DESCRIPTION_TOLD && (uint64_t)of->line == id);
  ck_assert(of->source.size == strlen(name) && memcmp(of->source.bytes, name, of->source.size) == 0);
  return true;
}

/* Of each host in turn, so that they are mixed. */
START_TEST(each_is_asked_about_once) {
  for (uint64_t id = 1; id <= OBJECTS; id++)
    for (unsigned host = 0; host < HOSTS; host++) ck_assert_uint_eq(add(host, id), (id - 1) * HOSTS + host);
  ck_assert(descriptions_ask(d, &a.o, 60));
  for (uint64_t id = 1; id <= OBJECTS; id++)
    for (unsigned host = 0; host < HOSTS; host++) ck_assert(is_told((id - 1) * HOSTS + host, host, id));
  for (unsigned host = 0; host < HOSTS; host++) {
    ck_assert_uint_eq(objects_of[host], OBJECTS);
    ck_assert_uint_eq(asked_of[host], (OBJECTS + AT_ONCE - 1) / AT_ONCE);
  }
  ck_assert_uint_eq(largest, AT_ONCE);
}
END_TEST

START_TEST(what_is_added_later) {
  ck_assert(descriptions_ask(d, &a.o, 60)); /* nothing */
  size_t first = add(0, 1);
  ck_assert(descriptions_ask(d, &a.o, 60));
  size_t other = add(1, 2), second = add(0, 3), again = add(0, 1);
  ck_assert_int_eq(descriptions_at(d, second)->state, DESCRIPTION_UNKNOWN);
  ck_assert(descriptions_ask(d, &a.o, 60));
  ck_assert(is_told(first, 0, 1) && is_told(other, 1, 2) && is_told(second, 0, 3) && is_told(again, 0, 1));
  ck_assert(asked_of[0] == 2 && objects_of[0] == 3 && asked_of[1] == 1);
}
END_TEST

/* _i: it says no, or what nobody understands. It costs one line and its own objects, and is not asked again. */
START_TEST(one_that_fails) {
  struct captured c;
  *(_i ? &misspeaks : &refuses) = "w1";
  for (uint64_t id = 1; id <= OBJECTS; id++)
    for (unsigned host = 0; host < 3; host++) add(host, id);
  for (int round = 0; round < 2; round++) {
    captured_begin(&c, STDERR_FILENO);
    bool good = descriptions_ask(d, &a.o, 60);
    captured_end(&c);
    ck_assert(!good);
    if (round == 0)
      captured_one_line(c.text, _i ? "gaijinctl: descriptions of w1: its answer has another form than this version knows" : "gaijinctl: descriptions of w1: not for you");
    else
      ck_assert_str_eq(c.text, "");
  }
  for (unsigned i = 0; i < 3 * OBJECTS; i++) ck_assert(is_told(i, i % 3, i / 3 + 1) == (i % 3 != 1));
  ck_assert(asked_of[1] == 1 && objects_of[0] == OBJECTS && objects_of[2] == OBJECTS);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tools describe");
  TCase *c = tcase_create("describe");
  suite_add_tcase(suite, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, each_is_asked_about_once);
  tcase_add_test(c, what_is_added_later);
  tcase_add_loop_test(c, one_that_fails, 0, 2);
  return run_suite(suite);
}
