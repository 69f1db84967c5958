/* SPDX-License-Identifier: MIT
 *
 * A broker with a policy: who is refused what, and what a reload changes.
 */
#define _GNU_SOURCE /* memmem */
#include <grp.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <time.h>

#include "broker/core/permissions.h"
#include "tests/unit/broker_wire.h"

enum { LABEL_BYTES = 1000 };

static struct wire w;
static struct end till, shop, observer, other;
static char path[RUN_PATH + 16], place[RUN_PATH];

static void write_policy(const char *text) {
  FILE *f = fopen(path, "w");
  ck_assert_ptr_nonnull(f);
  fputs(text, f);
  ck_assert_int_eq(fclose(f), 0);
  ck_assert_int_eq(chmod(path, 0600), 0);
}

static void read_again(void) {
  permissions_reload(&w.broker);
  while (w.broker.permissions.reload) wire_turn(&w); /* Check ends the test if it never comes */
}

static void reload(const char *text) {
  write_policy(text);
  read_again();
}

static void open_with(const char *text) {
  struct broker_config config = wire_config();
  config.policy = path;
  write_policy(text);
  wire_open(&w, &config);
}

static void setup(void) {
  ck_assert_ptr_nonnull(run_directory(place));
  snprintf(path, sizeof path, "%s/policy", place);
}
static void teardown(void) {
  wire_leave(&till);
  wire_leave(&shop);
  wire_leave(&observer);
  wire_leave(&other);
  wire_close(&w);
  unlink(path);
  rmdir(place);
}

#define ALL_NAMES "[allow]\nwho = all\nnames = *\n"

/* The last message is an error of this status whose text has this part. */
static void expect_refused(struct end *e, enum status status, const char *part) {
  const char *bytes;
  uint32_t size;
  wire_expect_error(&w, e, status);
  ck_assert(reader_string(&e->r, &bytes, &size));
  ck_assert_msg(memmem(bytes, size, part, strlen(part)), "%.*s", (int)size, bytes);
}

static void expect_forwarded(struct end *to, enum op op) {
  wire_past_peers(&w, to);
  ck_assert_int_eq(to->m.op, op);
  ck_assert_int_eq(to->m.kind, MESSAGE_REQUEST);
}

static void ask_label(const char *label) {
  pack_text(wire_ask(&till, OP_s2t, "shop", NULL, 1), label);
  wire_send(&w, &till);
}

START_TEST(a_broker_with_a_wrong_policy_does_not_start) {
  struct broker_config config = wire_config();
  char error[512];
  config.policy = path;
  write_policy("[allow]\nwho = all\nhosts = a@b\n");
  ck_assert_ptr_nonnull(run_directory(w.dir));
  snprintf(w.path, sizeof w.path, "%s/s", w.dir);
  config.socket = w.path;
  ck_assert_int_eq(uv_loop_init(&w.loop), 0);
  ck_assert_int_eq(broker_start(&w.broker, &w.loop, &config, error, sizeof error), -1);
  ck_assert_msg(strstr(error, "/policy:3: no worker is called 'a@b'"), "%s", error);
}
END_TEST

START_TEST(names) {
  open_with("[deny]\nwho = all\nnames = shop\n[allow]\nwho = all\nnames = till*, client-*\n");
  wire_join(&w, &till, "till-1");
  wire_connect(&w, &shop);
  wire_hello(&w, &shop, "shop", false);
  expect_refused(&shop, STATUS_denied, "policy does not let user");
  wire_expect_end(&w, &shop);
  wire_connect(&w, &other);
  wire_hello(&w, &other, NULL, false); /* one that the broker makes up */
  wire_expect(&w, &other, MESSAGE_REPLY, OP_hello);
  wire_join_as(&w, &observer, "shop", true); /* takes no name */
}
END_TEST

/* A rule about any of the many groups that somebody may be in counts. As root only: others cannot be in so many. */
START_TEST(names_by_the_last_of_many_groups) {
  static gid_t groups[60000];
  for (gid_t i = 0; i < 60000; i++) groups[i] = 100000 + i;
  if (geteuid() != 0 || setgroups(60000, groups) != 0) return;
  open_with("[deny]\nwho = group 159999\nnames = shop\n[allow]\nwho = group 159998\nnames = *\n");
  wire_join(&w, &till, "till-1");
  wire_connect(&w, &shop);
  wire_hello(&w, &shop, "shop", false);
  expect_refused(&shop, STATUS_denied, "policy does not let user");
}
END_TEST

START_TEST(labels_and_ops) {
  open_with(ALL_NAMES "[allow]\nwho = worker till\nhosts = shop\nops = s2t, get\nlabels = price, 7\n");
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  ask_label("price");
  expect_forwarded(&shop, OP_s2t);
  ask_label("secret");
  expect_refused(&till, STATUS_denied, "ask worker shop for 's2t'");
  pack_uint(wire_ask(&till, OP_s2t, "shop", NULL, 1), 7);
  wire_send(&w, &till);
  expect_forwarded(&shop, OP_s2t);
  pack_bool(wire_ask(&till, OP_s2t, "shop", NULL, 1), true);
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_denied);
  wire_ask(&till, OP_labels, "shop", NULL, 0);
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_denied);
  pack_text(wire_ask(&shop, OP_s2t, "till", NULL, 1), "price"); /* the other way */
  wire_send(&w, &shop);
  wire_expect_error(&w, &shop, STATUS_denied);
  pack_text(wire_ask(&till, OP_s2t, "till", NULL, 1), "secret"); /* itself */
  wire_send(&w, &till);
  expect_forwarded(&till, OP_s2t);
  wire_expect_nothing(&w, &shop);
}
END_TEST

/* A label longer than those that are compared is none that is allowed. */
START_TEST(a_long_label) {
  static char label[4096];
  memset(label, 'x', sizeof label - 1);
  open_with(ALL_NAMES "[allow]\nwho = all\nhosts = *\nlabels = *\n");
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  ask_label(label);
  wire_expect_error(&w, &till, STATUS_denied);
  label[1024] = '\0';
  ask_label(label);
  expect_forwarded(&shop, OP_s2t);
}
END_TEST

/* ---- What it costs is charged ---- */

/* Units that till is charged for being judged when it asks shop for a label. */
static int64_t cost_of(const char *label) {
  struct client *c = wire_client(&w, &till);
  struct message m;
  pack_text(wire_ask(&till, OP_s2t, "shop", NULL, 1), label);
  wire_end(&till);
  ck_assert_ptr_null(message_parse(till.out.bytes, till.out.size, &m));
  int64_t before = c->balance;
  uint64_t spent = w.broker.work.spent;
  permissions_allow_request(c, wire_client(&w, &shop)->host, &m);
  int64_t cost = before - c->balance;
  ck_assert_uint_ge(w.broker.work.spent - spent, (uint64_t)cost); /* the turn has it too */
  c->balance = before; /* outside of a turn nobody makes it a job */
  till.out.size = 0;
  return cost;
}

#define PATTERN "*" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab" /* compares 49 characters at each place */
START_TEST(labels_compared_are_charged) {
  static char text[POLICY_BYTES_MOST] = ALL_NAMES, label[LABEL_BYTES + 1];
  memset(label, 'a', LABEL_BYTES);
  for (int i = 0; i < 200; i++) strcat(text, "[deny]\nwho = all\nhosts = shop\nops = s2t\nlabels = " PATTERN "\n");
  strcat(text, "[allow]\nwho = all\nhosts = shop\n");
  open_with(text);
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  cost_of("x"); /* the rules about both are worked out */
  ck_assert_int_le(cost_of("x"), 20);
  ck_assert_int_ge(cost_of(label), 200 * 49 * (LABEL_BYTES - 50) / 100);
  reload(ALL_NAMES "[allow]\nwho = all\nhosts = shop\n");
  cost_of("x");
  ck_assert_int_eq(cost_of(label), 0); /* no rule looks at labels */
}
END_TEST

/* Which rules are about somebody: of his name and groups, and about him as a host, once for each policy. */
START_TEST(finding_the_rules_is_charged) {
  static char text[POLICY_BYTES_MOST] = ALL_NAMES;
  for (int i = 0; i < 200; i++) strcat(text, "[deny]\nwho = worker *ai*ai*ai, group 7\nhosts = *ho*ho*ho\n");
  open_with(text);
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till-aiaiaiaiaiaiaiaiaix");
  ck_assert_int_eq(cost_of("x"), 0); /* both were charged in hello */
  read_again();
  struct client *c = wire_client(&w, &shop);
  int64_t before = c->balance;
  ck_assert_int_ge(cost_of("x"), 200 * 20 / 50);
  ck_assert_int_ge(before - c->balance, 200 * 4 / 50); /* the host pays for itself */
  before = wire_client(&w, &till)->balance;
  ck_assert(permissions_allow_name(wire_client(&w, &till), "x", 1));
  ck_assert_int_ge(before - wire_client(&w, &till)->balance, 1);
}
END_TEST

/* An object of a worker that its holder may not ask, wherever it has it from. */
START_TEST(objects_of_a_forbidden_host) {
  struct pt object = wire_token(&shop, 1);
  open_with(ALL_NAMES "[allow]\nwho = worker till\nhosts = other\n[allow]\nwho = worker other\nhosts = *\n");
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  wire_join(&w, &other, "other");
  object.host = shop.host;
  wire_fetch(&w, &other, &shop, "shop", &object);
  wire_fetch(&w, &till, &other, "other", &object);
  pack_text(wire_ask(&till, OP_get, NULL, &object, 1), "x");
  wire_send(&w, &till);
  expect_refused(&till, STATUS_denied, "ask worker shop for 'get'");
  wire_ask(&till, OP_call, NULL, &object, 0);
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_denied);
  pack_text(wire_ask(&other, OP_get, NULL, &object, 1), "x");
  wire_send(&w, &other);
  expect_forwarded(&shop, OP_get);
  wire_unsub(&w, &till, &object, 1); /* it holds it all the same */
  wire_expect_nothing(&w, &till);
  ck_assert_uint_eq(wire_client(&w, &till)->forgeries, 0);
}
END_TEST

/* What a refused request carries is given back, and the window of a one-way request. */
START_TEST(what_is_refused_leaves_nothing_behind) {
  struct pt object, own;
  open_with(ALL_NAMES "[allow]\nwho = worker till\nhosts = shop\nops = s2t\n");
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  object = wire_token(&shop, 1);
  own = wire_token(&till, 9);
  wire_fetch(&w, &till, &shop, "shop", &object);
  pack_pt(wire_ask(&till, OP_call, NULL, &object, 1), &own);
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_denied);
  wire_expect_drop(&w, &till, 9, 1);
  struct message h = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = 77, .depth = 1, .target = OP_PT,
                      .pt = object, .flags = MESSAGE_ONE_WAY};
  wire_begin_to(&till, &h, 0);
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_denied);
  wire_expect(&w, &till, MESSAGE_NOTICE, OP_grant);
  wire_expect_nothing(&w, &shop);
}
END_TEST

static void look(struct end *e) {
  pack_text(wire_ask(e, OP_inspect, NULL, NULL, 1), "clients");
  wire_send(&w, e);
}
static void collect(struct end *e, const char *name) {
  wire_ask(e, OP_gc, name, NULL, 0);
  wire_send(&w, e);
}

START_TEST(the_own_user_looks_in_and_acts) {
  open_with(ALL_NAMES);
  wire_join(&w, &shop, "shop");
  wire_join_as(&w, &observer, "o", true);
  look(&observer);
  wire_expect(&w, &observer, MESSAGE_REPLY, OP_inspect);
  look(&shop);
  wire_expect(&w, &shop, MESSAGE_REPLY, OP_inspect);
  collect(&observer, "shop");
  expect_forwarded(&shop, OP_free);
  wire_ask(&observer, OP_labels, "shop", NULL, 0);
  wire_send(&w, &observer);
  expect_forwarded(&shop, OP_labels);
}
END_TEST

START_TEST(unless_a_rule_says_otherwise) {
  char policy[256];
  snprintf(policy, sizeof policy, ALL_NAMES "[deny]\nwho = user %u\nmay = act\n[deny]\nwho = worker shop\nmay = inspect\n",
           (unsigned)geteuid());
  open_with(policy);
  wire_join(&w, &shop, "shop");
  wire_join_as(&w, &observer, "shop", true); /* its name is no worker's */
  look(&observer);
  wire_expect(&w, &observer, MESSAGE_REPLY, OP_inspect);
  look(&shop);
  expect_refused(&shop, STATUS_denied, "look into it");
  collect(&observer, "shop");
  expect_refused(&observer, STATUS_denied, "act on its workers");
  wire_ask(&observer, OP_labels, "shop", NULL, 0); /* reads */
  wire_send(&w, &observer);
  expect_forwarded(&shop, OP_labels);
}
END_TEST

START_TEST(a_reload_counts_from_the_next_request_on) {
  open_with(ALL_NAMES);
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  ask_label("x");
  wire_expect_error(&w, &till, STATUS_denied);
  reload("[allow]\nwho = worker till\nhosts = shop\n");
  ask_label("x");
  expect_forwarded(&shop, OP_s2t);
  reload("[allow]\nwho = worker till\nhosts = shop\n[nonsense]\nwho = all\n");
  ck_assert(strstr(w.broker.permissions.refused, "policy:4: "));
  ask_label("y"); /* the old one stays */
  expect_forwarded(&shop, OP_s2t);
  pack_nil(wire_begin(&shop, MESSAGE_REPLY, OP_s2t, shop.m.id, 1));
  reload("");
  ck_assert_str_eq(w.broker.permissions.refused, "");
  wire_send(&w, &shop); /* the answer to what was allowed then */
  wire_past_peers(&w, &till);
  ck_assert_int_eq(till.m.kind, MESSAGE_REPLY);
  ask_label("z");
  wire_expect_error(&w, &till, STATUS_denied);
  wire_quiet(&w, &till); /* both keep their names */
  wire_quiet(&w, &shop);
  unlink(path);
  read_again();
  ck_assert(strstr(w.broker.permissions.refused, "cannot open it"));
}
END_TEST

/* ---- Directories that are slow ---- */

static sem_t asked, answered;

static enum people_outcome find_slowly(const char *name, uid_t *uid) {
  (void)name;
  sem_post(&asked);
  sem_wait(&answered);
  *uid = geteuid();
  return PEOPLE_FOUND;
}
static enum people_outcome find_nobody(const char *name, gid_t *gid) {
  (void)name, (void)gid;
  errno = ETIMEDOUT;
  return PEOPLE_FAILED;
}
static const struct people slow = {.user = find_slowly, .group = find_nobody};

static void begin_slow_reload(void) {
  write_policy("[allow]\nwho = user far-away\nhosts = shop\n");
  permissions_reload(&w.broker);
  sem_wait(&asked);
}

/* The look-up of a user may hang: everybody is judged by the policy in force meanwhile. */
START_TEST(nobody_waits_for_a_reload) {
  open_with(ALL_NAMES "[allow]\nwho = worker till\nhosts = shop\nlabels = before\n");
  w.broker.permissions.people = &slow;
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  begin_slow_reload();
  ask_label("before");
  expect_forwarded(&shop, OP_s2t);
  ask_label("after");
  wire_expect_error(&w, &till, STATUS_denied);
  write_policy(ALL_NAMES); /* it is read once more, and what was read first counts for a moment only */
  permissions_reload(&w.broker);
  permissions_reload(&w.broker);
  sem_post(&answered);
  while (w.broker.permissions.reload) wire_turn(&w);
  ck_assert_uint_eq(w.broker.permissions.generation, 3);
  ask_label("before");
  wire_expect_error(&w, &till, STATUS_denied);
}
END_TEST

/* The broker ends while a directory does not answer, or before it has seen that it did. */
START_TEST(an_end_waits_for_no_reload) {
  for (int i = 0; i < 3; i++) {
    open_with(ALL_NAMES);
    w.broker.permissions.people = &slow;
    begin_slow_reload();
    if (i > 0) sem_post(&answered);
    if (i > 1) nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); /* either way it must be right */
    if (i < 2) {
      wire_close(&w);
      if (i == 0) sem_post(&answered);
    }
  }
}
END_TEST

START_TEST(a_look_up_that_fails_is_told_as_such) {
  open_with(ALL_NAMES);
  w.broker.permissions.people = &slow;
  reload("[allow]\nwho = group staff\nnames = *\n");
  ck_assert_msg(strstr(w.broker.permissions.refused, "policy:2: the look-up of group 'staff' failed: "), "%s",
                w.broker.permissions.refused);
}
END_TEST

/* Who can write to the file rules. */
START_TEST(a_file_that_others_may_change) {
  open_with(ALL_NAMES);
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(chmod(path, i ? 0620 : 0602), 0);
    read_again();
    ck_assert(strstr(w.broker.permissions.refused, "others can change it"));
  }
  ck_assert_int_eq(chmod(path, 0644), 0);
  read_again();
  ck_assert_str_eq(w.broker.permissions.refused, "");
  unlink(path);
  ck_assert_int_eq(mkfifo(path, 0600), 0);
  read_again(); /* does not wait for a writer */
  ck_assert(strstr(w.broker.permissions.refused, "it is no file"));
}
END_TEST

/* Who can rename in its directory can replace it; a link's directory counts, and what it leads to. */
START_TEST(a_directory_that_others_may_change) {
  char link[RUN_PATH + 16];
  open_with(ALL_NAMES);
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(chmod(place, i ? 0770 : 0707), 0);
    read_again();
    ck_assert_msg(strstr(w.broker.permissions.refused, "others can replace it: its directory has mode 07"), "%s",
                  w.broker.permissions.refused);
  }
  snprintf(link, sizeof link, "%s/link", w.dir);
  ck_assert_int_eq(symlink(path, link), 0);
  w.broker.permissions.path = link;
  read_again();
  ck_assert(strstr(w.broker.permissions.refused, "/link: others can replace it: "));
  ck_assert_int_eq(chmod(place, 0755), 0);
  ck_assert_int_eq(chmod(w.dir, 0777), 0);
  read_again();
  ck_assert(strstr(w.broker.permissions.refused, "/link: others can replace it: "));
  ck_assert_int_eq(chmod(w.dir, 01777), 0); /* there they rename only what is theirs */
  read_again();
  ck_assert_str_eq(w.broker.permissions.refused, "");
  unlink(link);
  w.broker.permissions.path = path;
  ck_assert_int_eq(chmod(place, 0700), 0);
  if (geteuid() == 0 && chown(place, 64001, 0) == 0) {
    read_again();
    ck_assert(strstr(w.broker.permissions.refused, "user 64001, who owns its directory, can replace it; use chown"));
  }
}
END_TEST

/* ---- The policy in force, as it is shown ---- */

static char shown[POLICY_BYTES_MOST + 1];

/* Asks for a page, and adds its text to `shown`; the next cursor, 0 at the end. */
static uint64_t page(uint64_t cursor) {
  struct value v, value;
  struct pack *p = wire_ask(&observer, OP_inspect, NULL, NULL, 2);
  pack_text(p, "policy");
  pack_uint(p, cursor);
  wire_send(&w, &observer);
  wire_expect(&w, &observer, MESSAGE_REPLY, OP_inspect);
  ck_assert(reader_next(&observer.r, &v));
  uint64_t next = v.type == VALUE_NIL ? 0 : v.integer;
  for (uint32_t rows = observer.m.body_count - 1; rows; rows--) {
    ck_assert(reader_next(&observer.r, &v) && v.type == VALUE_ARRAY && v.count == 2);
    ck_assert(reader_next(&observer.r, &v) && reader_next(&observer.r, &value));
    if (v.size == 4 && memcmp(v.bytes, "text", 4) == 0) strncat(shown, value.bytes, value.size);
  }
  return next;
}

START_TEST(it_is_shown_in_pieces) {
  static char text[20000] = ALL_NAMES;
  for (int i = 0; i < 1000; i++) strcat(text, "# a line\n");
  struct broker_config config = wire_config();
  config.policy = path;
  config.max_message = 4096;
  write_policy(text);
  wire_open(&w, &config);
  wire_join_as(&w, &observer, "o", true);
  int pages = 0;
  for (uint64_t cursor = page(0); cursor; pages++) cursor = page(cursor);
  ck_assert_int_gt(pages, 3);
  ck_assert_str_eq(shown, text);
  uint64_t cursor = page(0);
  reload(ALL_NAMES);
  pack_text(wire_ask(&observer, OP_inspect, NULL, NULL, 2), "policy");
  pack_uint(&observer.p, cursor);
  wire_send(&w, &observer);
  wire_expect_error(&w, &observer, STATUS_busy);
}
END_TEST

START_TEST(none_is_shown_as_none) {
  wire_open(&w, NULL);
  wire_join_as(&w, &observer, "o", true);
  ck_assert_uint_eq(page(0), 0);
  ck_assert_uint_eq(observer.m.body_count, 1);
  read_again();
  ck_assert_ptr_null(w.broker.permissions.policy);
}
END_TEST

/* Whoever may send the signal fills no disk with it. */
START_TEST(many_hang_ups_are_few_lines) {
  wire_open(&w, NULL);
  w.broker.log.level = LOG_ERROR;
  for (int i = 0; i < 1000; i++) read_again();
  ck_assert_uint_ge(w.broker.log.thin.left_out, 900);
}
END_TEST

int main(void) {
  Suite *s = suite_create("permissions");
  TCase *c = tcase_create("permissions");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, a_broker_with_a_wrong_policy_does_not_start);
  tcase_add_test(c, names);
  tcase_add_test(c, names_by_the_last_of_many_groups);
  tcase_add_test(c, labels_and_ops);
  tcase_add_test(c, a_long_label);
  tcase_add_test(c, labels_compared_are_charged);
  tcase_add_test(c, finding_the_rules_is_charged);
  tcase_add_test(c, objects_of_a_forbidden_host);
  tcase_add_test(c, what_is_refused_leaves_nothing_behind);
  tcase_add_test(c, the_own_user_looks_in_and_acts);
  tcase_add_test(c, unless_a_rule_says_otherwise);
  tcase_add_test(c, a_reload_counts_from_the_next_request_on);
  tcase_add_test(c, nobody_waits_for_a_reload);
  tcase_add_test(c, an_end_waits_for_no_reload);
  tcase_add_test(c, a_look_up_that_fails_is_told_as_such);
  tcase_add_test(c, a_file_that_others_may_change);
  tcase_add_test(c, a_directory_that_others_may_change);
  tcase_add_test(c, it_is_shown_in_pieces);
  tcase_add_test(c, none_is_shown_as_none);
  tcase_add_test(c, many_hang_ups_are_few_lines);
  suite_add_tcase(s, c);
  return run_suite(s);
}
