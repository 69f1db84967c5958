/* SPDX-License-Identifier: MIT
 *
 * Every record of every book, every connection, the log and the policy go through a state and are the same afterwards: each
 * record is compared byte by byte but for what is built anew, and what is counted of traffic, which begins anew. A field that is added and not carried shows here, if the scene
 * below gives it a value.
 */
#define _GNU_SOURCE /* memfd_create */
#include <sys/wait.h>

#include "broker/base/accounts_carried.h"
#include "broker/net/carried.h"
#include "proto/base.h"
#include "tests/unit/broker_scene.h"

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
                 ZERO(k->standing.generation), ZERO(k->standing.asking), ZERO(k->standing.asked));
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
                 ZERO(k->of_client), ZERO(k->payer), ZERO(k->traffic));
  }
  EACH_ITEM(i, &a->calls.all, &b->calls.all) {
    const struct call *p = calls_at(&a->calls, i), *q = calls_at(&b->calls, i);
    ck_assert_uint_eq(p->payer->index, q->payer->index);
    ck_assert(p->deadline.in == q->deadline.in && (!p->deadline.in || p->deadline.due == q->deadline.due));
    SAME_RECORDS(struct call, p, q, ZERO(k->id_link), ZERO(k->asked_link), ZERO(k->of_asker), ZERO(k->of_host),
                 ZERO(k->deadline), ZERO(k->payer), ZERO(k->begun_ns), ZERO(k->traffic));
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
                 ZERO(k->kept), ZERO(k->name), ZERO(k->broker), ZERO(k->telling),
                 ZERO(k->way)); /* which is found anew */
  }
  ck_assert(!p && !q);
  ck_assert_uint_eq(n, 9);
}

static void compare_rest(const struct broker *a, const struct broker *b) {
  /* The line that it goes on has been written since. */
  ck_assert_int_eq(memcmp(&a->log.thin.causes[CAUSE_FORGERY], &b->log.thin.causes[CAUSE_FORGERY], sizeof(struct thin_bucket)), 0);
  ck_assert_uint_eq(a->log.lost_ever, b->log.lost_ever);
  const struct permissions *p = &a->permissions, *q = &b->permissions;
  ck_assert_uint_eq(p->text_size, q->text_size);
  ck_assert_int_eq(memcmp(p->text, q->text, p->text_size), 0); /* it has no end but its size */
  ck_assert_str_eq(p->refused, q->refused);
  ck_assert(p->generation == q->generation && p->since_ms == q->since_ms &&
            p->refused_ms == q->refused_ms);
  ck_assert_uint_eq(policy_rules(p->policy), policy_rules(q->policy));
  ck_assert_uint_gt(a->roster.used, 0);
  ck_assert(a->roster.used == b->roster.used && a->roster.slots == b->roster.slots && a->roster.generation == b->roster.generation &&
            a->roster.fd == b->roster.fd);
  ck_assert_str_eq(a->roster.path, b->roster.path);
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
  ck_assert_uint_eq(sheet_left(&s), 0);
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

START_TEST(the_log_is_as_before) {
  struct log a, b;
  struct sheet s;
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC), fd = memfd_create("log", MFD_CLOEXEC);
  ck_assert(log_open(&a, LOG_INFO, LOG_TEXT, null) && log_open(&b, LOG_INFO, LOG_TEXT, null));
  for (unsigned i = 0; i < 30; i++) {
    log_peer(&a, LOG_ERROR, CAUSE_FORGERY, log_user(7), "a line of many");
    log_peer(&a, LOG_ERROR, CAUSE_LIMIT, log_user(i), "a line of another");
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
  ck_assert_uint_eq(sheet_left(&s), 0);
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

/* The bytes of a file. */
static uint8_t *bytes_of(int fd, size_t *size) {
  *size = (size_t)lseek(fd, 0, SEEK_END);
  uint8_t *bytes = malloc(*size);
  ck_assert_int_eq(pread(fd, bytes, *size, 0), (ssize_t)*size);
  return bytes;
}

/* _i of the following: whether tokens and holds are kept. */
START_TEST(all_is_as_before) {
  carried_keeps = _i;
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

/* The first host's, too; and whether accounts have too much is looked at at once. */
START_TEST(collections_are_as_before) {
  set_scene();
  struct loads *l = &w.broker.loads;
  ck_assert_uint_gt(l->collections.capacity, 1);
  for (uint32_t i = 0; i < l->collections.capacity; i++) l->collections.all[i] = 100 + i;
  carried_over(&v, &w, &config);
  ck_assert_uint_eq(v.broker.loads.collections.capacity, l->collections.capacity);
  ck_assert_mem_eq(v.broker.loads.collections.all, l->collections.all, l->collections.capacity * sizeof *l->collections.all);
  ck_assert(v.broker.connections.accounts.is_over);
  carried_forget(&w);
  end_scene(&v);
}
END_TEST

/* Whatever a state has, one that is read and written again has it, too, at the same place: but for the lists, which nobody sees
 * the order of, nothing is lost on the way. */
START_TEST(twice_is_as_once) {
  size_t sizes[2];
  carried_keeps = _i;
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
  carried_keeps = _i;
  set_scene();
  int fd = carried_write(&w.broker);
  uint8_t *bytes = bytes_of(fd, &whole);
  close(fd);
  for (size_t size = whole - 1; size > 0; size -= size < 400 || whole - size < 100 ? 1 : size < 40000 ? 397 : 20011) {
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

/* A broker with the state that is written now does not start, for this reason. */
static void expect_refused(const char *reason) {
  int status, fd = carried_write(&w.broker);
  pid_t child = fork();
  if (child == 0) {
    char error[512];
    bool refused = carried_start(&v, &w, &config, fd, error) < 0;
    if (refused && strstr(error, reason)) _exit(0);
    fprintf(stderr, "%s\n", refused ? error : "it starts");
    _exit(1);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  close(fd);
}

static struct client *first_ready(void) {
  struct client *c = w.broker.connections.all;
  while (c->state != CLIENT_READY) c = c->next;
  return c;
}

/* The last net: the broker before has asked for the versions (stamp.h). */
START_TEST(a_client_of_another_version_is_refused) {
  set_scene();
  struct client *c = first_ready();
  uint32_t version = c->version;
  for (int i = 0; i < 2; i++) {
    c->version = i ? WIRE_VERSION_MOST + 1 : WIRE_VERSION_LEAST - 1;
    expect_refused("version of the wire");
  }
  c->version = version;
  end_scene(&w);
}
END_TEST

START_TEST(a_socket_that_is_not_open_is_refused) {
  set_scene();
  int *fds[] = {&w.broker.listener.fd, &w.broker.listener.lock_fd};
  for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
    int fd = *fds[i];
    *fds[i] = 1000; /* nobody has opened so many */
    expect_refused("the descriptor of the socket or of its lock is not open");
    *fds[i] = fd;
  }
  end_scene(&w);
}
END_TEST

/* What stays open for the next broker, in exec, is closed again for the programs that this one starts. */
START_TEST(descriptors_are_for_the_next_broker_only) {
  set_scene();
  first_ready()->version = WIRE_VERSION_LEAST; /* that one stays, too */
  connections_keep(&w.broker.connections, true);
  listener_keep(&w.broker.listener, true);
  ck_assert_int_eq(fcntl(w.broker.listener.fd, F_GETFD), 0);
  carried_over(&v, &w, &config);
  for (const struct client *c = v.broker.connections.all; c; c = c->next) ck_assert_int_eq(fcntl(c->fd, F_GETFD), FD_CLOEXEC);
  ck_assert_int_eq(fcntl(v.broker.listener.fd, F_GETFD), FD_CLOEXEC);
  ck_assert_int_eq(fcntl(v.broker.listener.lock_fd, F_GETFD), FD_CLOEXEC);
  carried_forget(&w);
  end_scene(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker carried");
  TCase *t = tcase_create("carried");
  suite_add_tcase(s, t);
  tcase_add_loop_test(t, all_is_as_before, 0, 2);
  tcase_add_test(t, accounts_are_as_before);
  tcase_add_test(t, the_log_is_as_before);
  tcase_add_test(t, collections_are_as_before);
  tcase_add_loop_test(t, twice_is_as_once, 0, 2);
  tcase_add_test(t, a_client_of_another_version_is_refused);
  tcase_add_test(t, a_socket_that_is_not_open_is_refused);
  tcase_add_test(t, descriptors_are_for_the_next_broker_only);
  t = tcase_create("cut");
  run_long(t);
  suite_add_tcase(s, t);
  tcase_add_loop_test(t, a_state_that_ends_early_is_refused, 0, 2);
  return run_suite(s);
}
