/* SPDX-License-Identifier: MIT
 *
 * Objects looked at twice: how many there are, have come and gone, and which are chosen (tools/ask/growth.h). The broker is
 * the test's, as are the workers, which say of each object that its line is its id.
 */
#include "tools/ask/growth.h"

#include "tests/unit/asked_broker.h"
#include "tools/base/text.h"

enum { OBJECTS_MOST = 4000 };

/* What there is at one look. */
struct world {
  uint64_t incarnation; /* of shop */
  struct object {
    const char *host, *kind; /* NULL: not told */
    uint64_t id;
    bool dead;
  } objects[OBJECTS_MOST];
  uint32_t n_objects;
};

static struct world worlds[2];
static unsigned look, described;
static char hosts[256]; /* that pages were asked for */
static struct asked a;
static struct growth s;

static void put_holder(struct pack *p, const char *name, uint64_t count) {
  pack_text(p, name);
  pack_uint(p, count);
}
static void put_text_or_nil(struct pack *p, const char *text) {
  if (text)
    pack_text(p, text);
  else
    pack_nil(p);
}

/* An object is held by six, of whom the last are only counted; with another id by nobody that is named. */
static void put_object(struct pack *p, const struct object *o) {
  pack_array(p, 7); /* one value of a later version */
  put_text_or_nil(p, o->host);
  pack_uint(p, o->id);
  put_text_or_nil(p, o->kind);
  pack_uint(p, 10 * o->id + look);
  pack_bool(p, o->dead);
  pack_array(p, o->id == 1 ? 12 : 2);
  if (o->id == 1) {
    put_holder(p, "till", 1);
    pack_nil(p);
    pack_uint(p, 1);
    put_holder(p, "bank", 2);
    put_holder(p, "shelf", 1);
    put_holder(p, "office", 1);
    put_holder(p, "fifth", 1);
  } else {
    put_holder(p, "...", 9);
  }
  pack_uint(p, 0);
}

static void answer_tokens(const struct message *m, const char *host) {
  const struct world *w = &worlds[look];
  uint32_t n = 0;
  strcat(strcat(hosts, host), ";");
  for (uint32_t i = 0; i < w->n_objects; i++) n += !*host || strcmp(w->objects[i].host, host) == 0;
  struct pack *p = asked_page(&a, m, n);
  for (uint32_t i = 0; i < w->n_objects; i++)
    if (!*host || strcmp(w->objects[i].host, host) == 0) put_object(p, &w->objects[i]);
}

static void answer_clients(const struct message *m) {
  struct pack *p = asked_page(&a, m, 2);
  pack_array(p, 2); /* a connection that has not said its name */
  pack_nil(p);
  pack_uint(p, 5);
  pack_array(p, 2);
  pack_text(p, "shop");
  pack_uint(p, worlds[look].incarnation);
}

static void answer_description(const struct message *m) {
  struct reader r = fake_values(m);
  fake_begin(&a.f, MESSAGE_REPLY, (enum gaijin_op)m->op, m->id, m->body_count);
  for (uint32_t i = 0; i < m->body_count; i++, described++) {
    uint64_t id;
    ck_assert(reader_uint(&r, &id));
    pack_array(&a.f.p, 5);
    pack_uint(&a.f.p, id);
    pack_text(&a.f.p, "type");
    pack_text(&a.f.p, "function");
    pack_text(&a.f.p, "line");
    pack_uint(&a.f.p, id);
  }
}

static void answer(struct asked *of, const struct message *m) {
  char what[32], host[64];
  (void)of;
  if (m->op == OP_describe) {
    answer_description(m);
    return;
  }
  asked_book(m, what, host);
  if (strcmp(what, "clients") != 0) {
    answer_tokens(m, host);
    return;
  }
  look = described > 0; /* the first look is over */
  answer_clients(m);
}

static void add(unsigned which, const char *host, const char *kind, uint64_t id, bool dead) {
  struct world *w = &worlds[which];
  ck_assert_uint_lt(w->n_objects, OBJECTS_MOST);
  w->objects[w->n_objects++] = (struct object){host, kind, id, dead};
}

static void setup(void) {
  memset(worlds, 0, sizeof worlds);
  worlds[0].incarnation = worlds[1].incarnation = 7;
  look = described = 0;
  hosts[0] = '\0';
  asked_begin(&a, COMMAND_leaks, answer);
}
static void teardown(void) {
  growth_deinit(&s);
  asked_end(&a);
}

static void take(double seconds, unsigned workers) {
  static char shop[] = "shop", till[] = "till";
  char *const names[] = {shop, till, shop};
  ck_assert(growth_take(&s, &a.o, names, workers, seconds));
}
static const struct growth_class *class_of(const char *host, const char *kind) {
  for (size_t i = 0; i < s.n_classes; i++)
    if (strcmp(s.classes[i]->host, host) == 0 && strcmp(s.classes[i]->kind, kind) == 0) return s.classes[i];
  ck_abort_msg("no class of %s %s", host, kind);
}
/* It is among those that were chosen, and is described as itself. */
static const struct growth_object *object(const struct growth_part *p, uint64_t id) {
  for (size_t i = 0; i < p->count; i++) {
    if (p->objects[i].id != id) continue;
    const struct description *d = descriptions_at(s.descriptions, p->objects[i].description);
    ck_assert_int_eq(d->state, DESCRIPTION_TOLD);
    ck_assert_uint_eq((uint64_t)d->line, id);
    return &p->objects[i];
  }
  return NULL;
}

START_TEST(one_look) {
  add(0, "shop", "function", 1, false);
  add(0, "shop", "table", 2, false);
  add(0, "till", "table", 1, false);
  add(0, "shop", "table", 4, false);
  add(0, "shop", "table", 3, true); /* of one that has ended */
  add(0, NULL, "table", 5, false);
  add(0, "shop", NULL, 6, false);
  take(0, 0);
  ck_assert_str_eq(hosts, ";");
  ck_assert(!s.compares);
  ck_assert_uint_eq(s.n_classes, 3);
  ck_assert_uint_eq(described, 4);
  const struct growth_class *c = class_of("shop", "table");
  ck_assert(c->now == 2 && c->new.of == 2 && c->new.count == 2 && c->old.of == 0);
  const struct growth_object *o = object(&c->new, 4);
  ck_assert(o && o->lives && o->age == 40 && o->n_holders == 0);
  o = object(&class_of("till", "table")->new, 1);
  ck_assert(o && o->n_holders == GROWTH_HOLDERS);
  static const char *const holders[] = {"till", "bank", "shelf", "office"};
  for (unsigned i = 0; i < GROWTH_HOLDERS; i++)
    ck_assert_str_eq(s.names[o->holders[i]].text, holders[i]);
  ck_assert_uint_eq(s.n_names, 4); /* each once */
}
END_TEST

START_TEST(two_looks) {
  add(0, "shop", "table", 1, false);
  add(0, "shop", "table", 5, false);
  add(0, "shop", "table", 3, false);
  add(1, "shop", "table", 5, false);
  add(1, "shop", "table", 6, false);
  add(1, "shop", "table", 2, false); /* all that were there are known, and this is none of them */
  add(1, "shop", "function", 7, false);
  take(0.001, 0);
  const struct growth_class *c = class_of("shop", "table");
  ck_assert(s.compares && look == 1);
  ck_assert(c->now == 3 && c->largest == 5 && c->incarnation == 7);
  ck_assert(c->old.of == 3 && c->old.count == 3 && c->new.of == 2 && c->new.count == 2);
  ck_assert(!object(&c->old, 1)->lives && !object(&c->old, 3)->lives);
  ck_assert(object(&c->old, 5)->lives && object(&c->old, 5)->age == 51);
  ck_assert(object(&c->new, 6) && object(&c->new, 2));
  c = class_of("shop", "function");
  ck_assert(c->now == 1 && c->new.of == 1 && c->old.of == 0);
  ck_assert_uint_eq(described, 3 + 3); /* each once */
}
END_TEST

static unsigned bucket_of(const char *name) { return (unsigned)(text_hash(0, name, strlen(name)) % GROWTH_BUCKETS); }

/* Not one whose name is in the same place of the table. */
START_TEST(a_worker_that_was_started_anew) {
  char other[16] = "";
  for (unsigned i = 0; bucket_of(other) != bucket_of("shop"); i++) snprintf(other, sizeof other, "w%u", i);
  for (unsigned which = 0; which < 2; which++) add(which, other, "table", 3, false);
  add(0, "shop", "table", 1, false);
  add(0, "shop", "table", 2, false);
  add(1, "shop", "table", 1, false);
  worlds[1].incarnation = 8;
  take(0.001, 0);
  const struct growth_class *c = class_of("shop", "table");
  ck_assert(c->incarnation == 8 && c->largest == 0);
  ck_assert(c->old.of == 0 && c->old.count == 0 && c->new.of == 1 && c->now == 1);
  c = class_of(other, "table");
  ck_assert(c->incarnation == 0 && c->old.of == 1 && c->new.of == 0 && c->now == 1);
}
END_TEST

/* Of more than are chosen each has the same chance; what has come is what has a larger id. */
START_TEST(a_part_is_chosen) {
  for (uint64_t id = 1; id <= 3000; id++) {
    add(0, "shop", "table", id, false);
    if (id > 100) add(1, "shop", "table", id, false);
  }
  for (uint64_t id = 3001; id <= 3003; id++) add(1, "shop", "table", id, false);
  take(0.001, 0);
  const struct growth_class *c = class_of("shop", "table");
  uint64_t late = 0;
  ck_assert(c->old.of == 3000 && c->old.count == GROWTH_MOST);
  for (size_t i = 0; i < c->old.count; i++) {
    const struct growth_object *o = &c->old.objects[i];
    ck_assert(i == 0 || o->id > o[-1].id);
    ck_assert(o->lives == (o->id > 100));
    ck_assert_ptr_eq(object(&c->old, o->id), o);
    late += o->id > 2000;
  }
  ck_assert_msg(late > 233 && late < 433, "%u of the last third", (unsigned)late); /* eight times its deviation */
  ck_assert(c->now == 2903 && c->new.of == 3 && c->new.count == 3);
  ck_assert_ptr_nonnull(object(&c->new, 3003));
  ck_assert_uint_eq(described, GROWTH_MOST + 3);
}
END_TEST

START_TEST(only_of_some_workers) {
  add(0, "shop", "table", 1, false);
  add(0, "till", "table", 2, false);
  add(0, "bank", "table", 3, false);
  take(0, 3);
  ck_assert_str_eq(hosts, "shop;till;"); /* each once */
  ck_assert_uint_eq(s.n_classes, 2);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tools growth");
  TCase *c = tcase_create("growth");
  suite_add_tcase(suite, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, one_look);
  tcase_add_test(c, two_looks);
  tcase_add_test(c, a_worker_that_was_started_anew);
  tcase_add_test(c, a_part_is_chosen);
  tcase_add_test(c, only_of_some_workers);
  return run_suite(suite);
}
