/* SPDX-License-Identifier: MIT
 *
 * Real brokers, killed in the midst of it, and clients of the bare wire that come back to each next
 * one: who held what holds it still, who ended is dead, and nothing is left.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/hello.h"
#include "proto/limits.h"
#include "proto/returning.h"
#include "proto/status.h"
#include "tests/bed/bed.h"
#include "tests/hostile/raw.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

enum { WORKERS = 5, ANSWER_MS = 60000 };

/* A client of this process. What it holds of whom is what the test knows. */
struct worker {
  struct raw raw;
  char name[16];
  struct secret secret;
  uint64_t host, generation;
  bool lives;
  bool holds[WORKERS]; /* the one token of that worker */
};

static struct bed *b;
static const char *socket_path; /* NULL: the bed's */
static struct worker workers[WORKERS];

static void read_reply(struct worker *k) {
  struct hello_reply r;
  struct reader v;
  ck_assert_ptr_null(hello_read_reply(&k->raw.m, &r));
  ck_assert(!k->host || k->host == r.host);
  k->host = k->raw.host = r.host;
  ck_assert(hello_option(&r.options, RETURN_SECRET_KEY, &v) && secret_read(&v, &k->secret));
  ck_assert(hello_option(&r.options, RETURN_GENERATION_KEY, &v) && reader_uint(&v, &k->generation));
}

/* Says hello as a new host, or as the one it was; the answer is k->raw.m. */
static void say_hello(struct worker *k, bool again) {
  struct hello_request h = {.lowest = 1, .highest = WIRE_VERSION_MOST, .name = k->name,
                            .name_size = (uint32_t)strlen(k->name)};
  uint32_t options = again ? 2 : 0;
  ck_assert(raw_connect(&k->raw, socket_path ? socket_path : bed_socket(b)));
  k->raw.last_id = 1;
  struct pack *p = raw_begin(&k->raw, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(options));
  hello_put_request(p, &h, options);
  if (again) {
    pack_text(p, RETURN_HOST_KEY);
    pack_uint(p, k->host);
    pack_text(p, RETURN_SECRET_KEY);
    pack_string(p, (const char *)k->secret.bytes, SECRET_BYTES);
  }
  raw_end(&k->raw);
  ck_assert(raw_answer(&k->raw));
}

static void join(struct worker *k) {
  k->host = 0;
  say_hello(k, false);
  ck_assert_int_eq(k->raw.m.kind, MESSAGE_REPLY);
  read_reply(k);
  k->lives = true;
}

static uint64_t refused_with(struct worker *k) {
  uint64_t status = 0;
  if (k->raw.m.kind == MESSAGE_ERROR) ck_assert(reader_uint(&k->raw.r, &status));
  raw_close(&k->raw);
  return status;
}

static struct pt token_of(int i) { return raw_token(&workers[i].raw, 1); }

/* The next message of this op, others passed over. */
static void await(struct worker *k, enum op op) {
  do
    ck_assert_int_eq(raw_next(&k->raw, ANSWER_MS), 1);
  while (k->raw.m.op != op);
}

/* `by` asks for the token of `of`, by name. */
static void fetch(int by, int of) {
  struct worker *asker = &workers[by], *host = &workers[of];
  struct pt pt = token_of(of);
  pack_text(raw_ask(&asker->raw, OP_s2t, host->name, NULL, 0, 1), "x");
  raw_end(&asker->raw);
  ck_assert(raw_push(&asker->raw, ANSWER_MS));
  await(host, OP_s2t);
  pack_pt(raw_begin(&host->raw, MESSAGE_REPLY, OP_s2t, host->raw.m.id, 1), &pt);
  raw_end(&host->raw);
  ck_assert(raw_push(&host->raw, ANSWER_MS));
  ck_assert(raw_answer(&asker->raw));
  ck_assert_int_eq(asker->raw.m.kind, MESSAGE_REPLY);
  asker->holds[of] = true;
}

static void say(struct worker *k, enum op op, const struct pt *pt) {
  struct pack *p = raw_begin(&k->raw, MESSAGE_NOTICE, op, 0, pt ? 1 : 0);
  if (pt) pack_pt(p, pt);
  raw_end(&k->raw);
  ck_assert(raw_push(&k->raw, ANSWER_MS));
}

static void come_back(int i) {
  struct worker *k = &workers[i];
  struct pt own = token_of(i);
  say_hello(k, true);
  ck_assert_int_eq(k->raw.m.kind, MESSAGE_REPLY);
  read_reply(k);
  say(k, OP_announce, &own);
  uint32_t n = 0;
  for (int of = 0; of < WORKERS; of++) n += k->holds[of];
  if (n) {
    raw_ask(&k->raw, OP_claim, NULL, NULL, 0, n);
    for (int of = 0; of < WORKERS; of++) {
      struct pt pt = token_of(of);
      if (k->holds[of]) pack_pt(&k->raw.p, &pt);
    }
    raw_end(&k->raw);
  }
  say(k, OP_back, NULL);
}

/* Reads the answer to the claim: refused are those whose host is dead, and nothing else. */
static void read_claims(int i) {
  struct worker *k = &workers[i];
  uint32_t n = 0, place = 0;
  for (int of = 0; of < WORKERS; of++) n += k->holds[of];
  if (!n) return;
  await(k, OP_claim);
  ck_assert_int_eq(k->raw.m.kind, MESSAGE_REPLY);
  for (int of = 0; of < WORKERS; of++) {
    uint64_t refused;
    place += k->holds[of];
    if (!k->holds[of] || workers[of].lives) continue;
    ck_assert_msg(reader_uint(&k->raw.r, &refused) && refused == place,
                  "the claim of an object of %s, who is dead, was granted", workers[of].name);
    k->holds[of] = false;
  }
  ck_assert(k->raw.r.at == k->raw.r.end);
}

static void restart(void) {
  bed_kill(b, bed_broker(b));
  for (int i = 0; i < WORKERS; i++) raw_close(&workers[i].raw);
  bed_restart(b);
}

static void use_all(void) {
  for (int by = 0; by < WORKERS; by++)
    for (int of = 0; of < WORKERS; of++) {
      if (!workers[by].lives || !workers[by].holds[of]) continue;
      struct pt pt = token_of(of);
      raw_ask(&workers[by].raw, OP_len, NULL, &pt, 0, 0);
      raw_end(&workers[by].raw);
      ck_assert(raw_push(&workers[by].raw, ANSWER_MS));
      await(&workers[of], OP_len);
      ck_assert_uint_eq(workers[of].raw.m.id >> CALL_ID_BITS, workers[of].generation);
      pack_uint(raw_begin(&workers[of].raw, MESSAGE_REPLY, OP_len, workers[of].raw.m.id, 1), 7);
      raw_end(&workers[of].raw);
      ck_assert(raw_push(&workers[of].raw, ANSWER_MS));
      ck_assert(raw_answer(&workers[by].raw));
      ck_assert_int_eq(workers[by].raw.m.kind, MESSAGE_REPLY);
    }
}

/* Gives all back, and is told of each token that nobody holds then: the count was right. */
static void give_back(void) {
  bool held[WORKERS] = {0};
  for (int by = 0; by < WORKERS; by++)
    for (int of = 0; of < WORKERS; of++) {
      struct worker *k = &workers[by];
      struct pt pt = token_of(of);
      if (!k->lives || !k->holds[of]) continue;
      pack_pt(raw_begin(&k->raw, MESSAGE_NOTICE, OP_unsub, 0, 2), &pt);
      pack_uint(&k->raw.p, 1);
      raw_end(&k->raw);
      ck_assert(raw_push(&k->raw, ANSWER_MS));
      k->holds[of] = false;
      held[of] = true;
    }
  for (int of = 0; of < WORKERS; of++)
    if (workers[of].lives && held[of]) await(&workers[of], OP_drop);
}

static void open_all(const struct bed_options *options) {
  b = bed_open(options);
  for (int i = 0; i < WORKERS; i++) {
    workers[i] = (struct worker){.raw = {.fd = -1}};
    snprintf(workers[i].name, sizeof workers[i].name, "w%d", i);
    join(&workers[i]);
  }
}
static void close_all(void) {
  for (int i = 0; i < WORKERS; i++) raw_close(&workers[i].raw);
  bed_close(b);
}

static int any_of(uint64_t *state, int n) { return (int)random_below(state, (uint32_t)n); }

/* Each round all come back, in another order; sometimes the broker is killed again before they have. */
START_TEST(many_kills_in_a_row) {
  static const char *const flags[] = {"--return-grace", "600", NULL};
  uint64_t seed = random_seed("return");
  open_all(&(struct bed_options){.broker_flags = flags});
  for (int i = 0; i < WORKERS; i++) fetch(i, (i + 1) % WORKERS);
  for (int round = 0; round < 15; round++) {
    int by = any_of(&seed, WORKERS), of = (by + 1 + any_of(&seed, WORKERS - 1)) % WORKERS;
    if (!workers[by].holds[of]) fetch(by, of);
    restart();
    int first = any_of(&seed, WORKERS), step = 1 + any_of(&seed, WORKERS - 1);
    int come = any_of(&seed, 3) ? WORKERS : any_of(&seed, WORKERS);
    for (int i = 0; i < come; i++) come_back((first + i * step) % WORKERS);
    if (come < WORKERS) { /* killed again while the others are away */
      restart();
      for (int i = 0; i < WORKERS; i++) come_back((first + i * step) % WORKERS);
    }
    for (int i = 0; i < WORKERS; i++) read_claims(i);
    use_all();
  }
  give_back();
  bed_no_tokens(b);
  close_all();
}
END_TEST

START_TEST(one_stays_away_too_long) {
  struct bed_text grace; /* in which the others are to be back */
  const char *const flags[] = {"--return-grace", bed_seconds(&grace, 1), NULL};
  open_all(&(struct bed_options){.broker_flags = flags});
  for (int i = 0; i < WORKERS; i++) fetch(i, (i + 1) % WORKERS);
  restart();
  workers[2].lives = false;
  for (int i = 0; i < WORKERS; i++)
    if (workers[i].lives) come_back(i);
  for (int i = 0; i < WORKERS; i++)
    if (workers[i].lives) read_claims(i);
  say_hello(&workers[2], true); /* who is late */
  ck_assert_uint_eq(refused_with(&workers[2]), STATUS_dead);
  await(&workers[3], OP_drop); /* only that one held it */
  use_all();
  restart(); /* death is final: nobody waits for it */
  say_hello(&workers[2], true);
  ck_assert_uint_eq(refused_with(&workers[2]), STATUS_dead);
  memset(workers[2].holds, 0, sizeof workers[2].holds);
  for (int i = 0; i < WORKERS; i++)
    if (workers[i].lives) come_back(i);
  for (int i = 0; i < WORKERS; i++)
    if (workers[i].lives) read_claims(i);
  use_all();
  give_back();
  join(&workers[2]);
  close_all();
}
END_TEST

/* A process of its own: it says hello, tells what it is to be known by, and waits to be killed. */
static pid_t start_other(struct worker *k, uint64_t *host) {
  int tell[2];
  ck_assert_int_eq(pipe(tell), 0);
  pid_t pid = fork();
  if (pid == 0) {
    join(k);
    if (write(tell[1], &k->host, sizeof k->host) != sizeof k->host) _exit(1);
    pause();
  }
  ck_assert_int_eq(read(tell[0], host, sizeof *host), sizeof *host);
  close(tell[0]);
  close(tell[1]);
  return pid;
}

/* Killed in the outage, it is dead at once, and its name free for whoever a supervisor starts. */
START_TEST(one_is_killed_in_the_outage) {
  open_all(NULL);
  struct worker other = {.name = "other", .raw = {.fd = -1}};
  uint64_t host;
  pid_t pid = start_other(&other, &host);
  bed_kill(b, bed_broker(b));
  ck_assert_int_eq(kill(pid, SIGKILL), 0);
  siginfo_t info;
  ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0); /* a zombie still */
  for (int i = 0; i < WORKERS; i++) raw_close(&workers[i].raw);
  bed_restart(b);
  join(&other);
  ck_assert_uint_ne(other.host, host);
  ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
  for (int i = 0; i < WORKERS; i++) come_back(i);
  bed_no_tokens(b);
  raw_close(&other.raw);
  close_all();
}
END_TEST

/* Another user's process with the right secret. */
START_TEST(another_user_does_not_come_back) {
  static const char *const flags[] = {"--allow-uid", "65534", "--mode", "0666", NULL};
  if (geteuid() != 0) return;
  open_all(&(struct bed_options){.broker_flags = flags});
  ck_assert_int_eq(chmod(bed_dir(b), 0711), 0);
  restart();
  pid_t pid = fork();
  if (pid == 0) {
    /* Not all directories above it are open to that user. */
    socket_path = strrchr(bed_socket(b), '/') + 1;
    if (chdir(bed_dir(b)) < 0 || setuid(65534) < 0) _exit(3);
    say_hello(&workers[0], true);
    _exit(refused_with(&workers[0]) == STATUS_dead ? 0 : 1);
  }
  int status;
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_int_eq(status, 0);
  bed_expect(b, bed_broker(b), "and is of another user");
  for (int i = 0; i < WORKERS; i++) come_back(i);
  close_all();
}
END_TEST

START_TEST(an_end_in_good_order_is_told) {
  char roster[200];
  struct stat st;
  open_all(NULL);
  snprintf(roster, sizeof roster, "%s.roster", bed_socket(b));
  ck_assert(stat(roster, &st) == 0 && (st.st_mode & 0777) == 0600);
  child_signal(bed_broker(b), SIGTERM);
  for (int i = 0; i < WORKERS; i++) {
    await(&workers[i], OP_bye);
    ck_assert_int_eq(raw_next(&workers[i].raw, ANSWER_MS), -1);
  }
  bed_exit(b, bed_broker(b), 0);
  ck_assert_int_eq(stat(roster, &st), -1);
  close_all();
}
END_TEST

int main(void) {
  Suite *s = suite_create("return");
  TCase *t = tcase_create("return");
  suite_add_tcase(s, t);
  tcase_set_timeout(t, 300);
  tcase_add_test(t, many_kills_in_a_row);
  tcase_add_test(t, one_stays_away_too_long);
  tcase_add_test(t, one_is_killed_in_the_outage);
  tcase_add_test(t, another_user_does_not_come_back);
  tcase_add_test(t, an_end_in_good_order_is_told);
  return run_suite(s);
}
