/* SPDX-License-Identifier: MIT
 *
 * Connecting and the greeting (client-lib/connect.c, hello.c).
 */
#include <fcntl.h>
#include <sys/wait.h>

#include "proto/closed.h"
#include "tests/unit/fake_broker.h"

static char error[512];

static bool sandboxed; /* as what dial_path connects */

static int dial_path(const char *path, const char *name, double wait, gaijin **g) {
  struct gaijin_options o = {.socket = path, .name = name, .wait_seconds = wait,
                             .sandboxed = sandboxed};
  error[0] = '\0';
  int status = gaijin_connect(g, &o, error, sizeof error);
  ck_assert((status == 0) == (*g != NULL));
  ck_assert_ptr_null(strchr(error, '\n'));
  return status;
}

START_TEST(a_greeted_connection_knows_itself) {
  struct fake f;
  fake_open(&f);
  ck_assert_uint_eq(gaijin_host(f.g), FAKE_HOST);
  ck_assert_str_eq(gaijin_name(f.g), "shop");
  ck_assert_str_eq(gaijin_host_name(f.g, FAKE_HOST), "shop");
  ck_assert_uint_eq(gaijin_max_message(f.g), MAX_MESSAGE_DEFAULT);
  ck_assert_str_eq(gaijin_broker_version(f.g), "0.1-fake");
  ck_assert_uint_eq(gaijin_wire_version(f.g), WIRE_VERSION_MOST);
  ck_assert_str_eq(gaijin_error(f.g), "");
  ck_assert_str_eq(gaijin_status_name(GAIJIN_STATUS_NAME_TAKEN), "name_taken");
  ck_assert_str_eq(gaijin_kind_name(GAIJIN_KIND_THREAD), "thread");
  ck_assert_int_ne(fcntl(gaijin_fd(f.g), F_GETFD) & FD_CLOEXEC, 0);
  ck_assert_int_ne(fcntl(gaijin_fd(f.g), F_GETFL) & O_NONBLOCK, 0);
  fake_close(&f);
  gaijin_close(NULL);
}
END_TEST

/* What a program without stderr prints must not go to the broker. The fake broker's sockets take the others. */
START_TEST(a_connection_is_no_standard_stream) {
  struct fake f;
  int saved[3];
  for (int i = 0; i < 3; i++) saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
  for (int i = 0; i < 3; i++) close(i);
  fake_open(&f);
  int own = gaijin_fd(f.g), flags = fcntl(own, F_GETFD);
  fake_close(&f);
  for (int i = 0; i < 3; i++) dup2(saved[i], i);
  ck_assert_int_gt(own, STDERR_FILENO);
  ck_assert_int_ne(flags & FD_CLOEXEC, 0);
}
END_TEST

START_TEST(no_broker_is_said_clearly) {
  gaijin *g;
  ck_assert_int_eq(dial_path("/nonexistent/s", "x", 0, &g), GAIJIN_STATUS_LOST);
  ck_assert_str_eq(error, "no broker at /nonexistent/s; start one with gaijin-broker -s /nonexistent/s");
  ck_assert_int_eq(dial_path("/nonexistent/s", "x", 0.05, &g), GAIJIN_STATUS_LOST);
  ck_assert_str_eq(error, "no broker at /nonexistent/s after 0.05 s; start one with gaijin-broker -s /nonexistent/s");
  ck_assert_int_eq(dial_path("/nonexistent/s", NULL, -60, &g), GAIJIN_STATUS_LOST); /* not waited for */
  ck_assert_str_eq(error, "no broker at /nonexistent/s; start one with gaijin-broker -s /nonexistent/s");
  ck_assert_int_eq(dial_path("/dev/null/s", "x", 5, &g), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(error, "cannot connect to the broker at /dev/null/s: Not a directory"));
}
END_TEST

START_TEST(options_are_checked_first) {
  gaijin *g;
  static char path[200], name[NAME_MAX_BYTES + 2];
  memset(path, 'p', sizeof path - 1);
  memset(name, 'n', sizeof name - 1);
  ck_assert_int_eq(dial_path(path, "x", 5, &g), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(error, "199 bytes, more than the 107"));
  ck_assert_int_eq(dial_path("/nonexistent/s", name, 5, &g), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_str_eq(error, "a worker's name has 1 to 64 bytes");
  ck_assert_int_eq(dial_path("/nonexistent/s", "", 5, &g), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_int_eq(dial_path("/nonexistent/s", "shop@home", 5, &g), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_str_eq(error, "a worker's name has no '@' and no '/': they are reserved for naming machines");
}
END_TEST

START_TEST(the_default_socket_follows_the_environment) {
  char out[64];
  setenv("GAIJIN_SOCKET", "/a/b", 1);
  ck_assert_str_eq(gaijin_default_socket(out, sizeof out), "/a/b");
  setenv("GAIJIN_SOCKET", "", 1);
  setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
  ck_assert_str_eq(gaijin_default_socket(out, sizeof out), "/run/user/7/gaijin.sock");
  ck_assert_str_eq(gaijin_default_socket(out, 5), "/run");
  unsetenv("GAIJIN_SOCKET");
  unsetenv("XDG_RUNTIME_DIR");
  ck_assert_str_eq(gaijin_default_socket(out, sizeof out), "/run/gaijin/gaijin.sock");
}
END_TEST

/* ---- Brokers that answer otherwise: `script` plays one connection each ---- */

struct play {
  struct fake f;
  void (*script)(struct fake *f);
  int connections;
};

static void *play_broker(void *user) {
  struct play *p = user;
  for (int i = 0; i < p->connections; i++) {
    p->f.fd = accept(p->f.listener, NULL, NULL);
    if (p->f.fd < 0) return NULL;
    p->script(&p->f);
    close(p->f.fd);
    p->f.fd = -1;
    frame_deinit(&p->f.in);
    frame_init(&p->f.in, MAX_MESSAGE_MOST);
  }
  return NULL;
}

static int dial_play(void (*script)(struct fake *f), int connections, double wait, gaijin **g) {
  struct play p = {.script = script, .connections = connections};
  pthread_t broker;
  fake_listen(&p.f);
  ck_assert_int_eq(pthread_create(&broker, NULL, play_broker, &p), 0);
  int status = dial_path(p.f.path, "shop", wait, g);
  pthread_join(broker, NULL);
  fake_close(&p.f);
  return status;
}

static void refuse_name(struct fake *f) {
  fake_next(f);
  fake_begin(f, MESSAGE_ERROR, GAIJIN_OP_HELLO, f->m.id, 2);
  pack_uint(&f->p, GAIJIN_STATUS_NAME_TAKEN);
  pack_text(&f->p, "another worker is called shop");
  fake_send(f);
}

static void name_is_free_then(struct fake *f) {
  if (f->max_message++ < MAX_MESSAGE_DEFAULT + 3) {
    refuse_name(f);
    return;
  }
  fake_next(f);
  fake_welcome(f, WIRE_VERSION_MOST, MAX_MESSAGE_DEFAULT, 0);
  fake_send(f);
}

static void welcome(struct fake *f, uint64_t version, uint64_t max, uint32_t options) {
  fake_next(f);
  fake_welcome(f, version, max, options);
  for (uint32_t i = 0; i < options; i++) {
    pack_text(&f->p, i ? "shape" : "colour");
    pack_array(&f->p, 1);
    pack_uint(&f->p, i);
  }
  fake_send(f);
}
static void newer(struct fake *f) { welcome(f, WIRE_VERSION_MOST + 1, MAX_MESSAGE_DEFAULT, 0); }
static void version_0(struct fake *f) { welcome(f, 0, MAX_MESSAGE_DEFAULT, 0); }
static void version_1(struct fake *f) { welcome(f, 1, MAX_MESSAGE_DEFAULT, 0); }
static void unknown_options(struct fake *f) { welcome(f, 2, MAX_MESSAGE_DEFAULT, 2); }
static void too_early_options(struct fake *f) { welcome(f, 1, MAX_MESSAGE_DEFAULT, 1); }
static void absurd_limit(struct fake *f) { welcome(f, WIRE_VERSION_MOST, 10, 0); }
/* A broker that knows only version 1 finds four values in hello and says so, then hangs up. */
static void broker_of_version_1(struct fake *f) {
  fake_next(f);
  fake_begin(f, MESSAGE_ERROR, GAIJIN_OP_HELLO, 0, 2);
  pack_uint(&f->p, GAIJIN_STATUS_PROTOCOL);
  pack_text(&f->p, "the broker ends this connection, whose client broke the protocol: "
                   "wrong number of values for the opcode");
  fake_send(f);
}
/* A broker without descriptors answers before it has read anything. */
static void full(struct fake *f) {
  fake_begin(f, MESSAGE_ERROR, GAIJIN_OP_HELLO, 0, 2);
  pack_uint(&f->p, GAIJIN_STATUS_BUSY);
  pack_text(&f->p, "no descriptor is left");
  fake_send(f);
}
static void full_without_a_word(struct fake *f) {
  fake_begin(f, MESSAGE_ERROR, GAIJIN_OP_HELLO, 0, 2);
  pack_uint(&f->p, GAIJIN_STATUS_BUSY);
  pack_text(&f->p, "");
  fake_send(f);
}
static void say_nothing(struct fake *f) { fake_next(f); }
static void speak_http(struct fake *f) { fake_bytes(f, "HTTP/1.1 400 Bad Request\r\n\r\n", 28); }
static void reply_elsewhere(struct fake *f) {
  fake_next(f);
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_PING, f->m.id, 0);
  fake_send(f);
}
static void second_time(struct fake *f) {
  fake_next(f);
  if (f->max_message++ == MAX_MESSAGE_DEFAULT) return;
  fake_welcome(f, WIRE_VERSION_MOST, MAX_MESSAGE_DEFAULT, 0);
  fake_end(f);
  /* What follows the welcome in the same write waits for the first dispatch. */
  fake_begin(f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&f->p, OTHER_HOST);
  pack_text(&f->p, "bank");
  fake_send(f);
}

/* A broker that knows sandboxed clients, or one that says it does not. */
static bool is_known;
static void answer_sandboxed(struct fake *f) {
  struct hello_request h;
  struct reader r;
  bool is = false;
  fake_next(f);
  if (hello_read_request(&f->m, &h)) ck_abort_msg("hello is malformed");
  if (h.options.count != sandboxed) ck_abort_msg("options nobody asked for, or none");
  if (sandboxed && (!hello_option(&h.options, SANDBOXED_KEY, &r) || !reader_bool(&r, &is) || !is))
    ck_abort_msg("the mark is missing");
  fake_welcome(f, WIRE_VERSION_MOST, MAX_MESSAGE_DEFAULT, 1);
  pack_text(&f->p, SANDBOXED_KEY);
  pack_bool(&f->p, is_known);
  fake_send(f);
}

START_TEST(a_sandboxed_client_needs_a_broker_that_knows) {
  gaijin *g;
  is_known = sandboxed = true;
  ck_assert_int_eq(dial_play(answer_sandboxed, 1, 0, &g), 0);
  gaijin_close(g);
  is_known = false;
  ck_assert_int_eq(dial_play(answer_sandboxed, 1, 0, &g), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_str_eq(error, "the broker (gaijin 0.1-fake) knows no sandboxed clients; restart the broker with the same "
                          "release of gaijin");
  ck_assert_int_eq(dial_play(unknown_options, 1, 0, &g), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_int_eq(dial_play(version_1, 1, 0, &g), GAIJIN_STATUS_UNSUPPORTED);
  sandboxed = false;
  ck_assert_int_eq(dial_play(answer_sandboxed, 1, 0, &g), 0);
  gaijin_close(g);
}
END_TEST

START_TEST(refusals_are_passed_on) {
  gaijin *g;
  ck_assert_int_eq(dial_play(refuse_name, 1, 0, &g), GAIJIN_STATUS_NAME_TAKEN);
  ck_assert_str_eq(error, "another worker is called shop");
}
END_TEST

START_TEST(a_broker_without_room_is_told_from_an_older_one) {
  gaijin *g;
  ck_assert_int_eq(dial_play(full, 1, 0, &g), GAIJIN_STATUS_BUSY);
  ck_assert_str_eq(error, "no descriptor is left");
}
END_TEST

START_TEST(a_refusal_without_a_reason_keeps_its_status) {
  gaijin *g;
  ck_assert_int_eq(dial_play(full_without_a_word, 1, 0, &g), GAIJIN_STATUS_BUSY);
  ck_assert_str_eq(error, "the broker refused hello without saying why");
}
END_TEST

/* The worker before it may be about to end. */
START_TEST(a_name_that_is_taken_is_asked_for_again_while_it_may_wait) {
  gaijin *g;
  ck_assert_int_eq(dial_play(name_is_free_then, 4, 60, &g), 0);
  gaijin_close(g);
}
END_TEST

static double seconds_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* It accepts (the kernel does), and says nothing. */
START_TEST(a_broker_that_hangs_is_waited_for_no_longer_than_was_said) {
  struct fake f;
  gaijin *g;
  fake_listen(&f);
  double start = seconds_now();
  ck_assert_int_eq(dial_path(f.path, "shop", 1.5, &g), GAIJIN_STATUS_LOST);
  ck_assert_str_eq(error, "the broker accepts connections but does not answer; look whether it hangs");
  double took = seconds_now() - start;
  ck_assert(took >= 1.5);
  ck_assert_msg(took < 10, "it took %g s", took); /* what it has without a wait */
  start = seconds_now();
  ck_assert_int_eq(dial_path(f.path, "shop", -0.2, &g), GAIJIN_STATUS_LOST);
  ck_assert_str_eq(error, "the broker accepts connections but does not answer; look whether it hangs");
  took = seconds_now() - start;
  ck_assert(took >= 0.2);
  ck_assert_msg(took < 10, "it took %g s", took);
  fake_close(&f);
}
END_TEST

START_TEST(the_broker_chooses_among_the_versions_asked) {
  gaijin *g;
  ck_assert_int_eq(dial_play(version_1, 1, 5, &g), 0);
  ck_assert_uint_eq(gaijin_wire_version(g), 1);
  gaijin_close(g);
  ck_assert_int_eq(dial_play(newer, 1, 5, &g), GAIJIN_STATUS_PROTOCOL);
  char wanted[256];
  snprintf(wanted, sizeof wanted,
           "the broker chose version %d of the wire, this program asked for versions 1 to %d; "
           "install the same gaijin for both",
           WIRE_VERSION_MOST + 1, WIRE_VERSION_MOST);
  ck_assert_str_eq(error, wanted);
  ck_assert_int_eq(dial_play(version_0, 1, 5, &g), GAIJIN_STATUS_PROTOCOL);
  ck_assert_ptr_nonnull(strstr(error, "chose version 0"));
}
END_TEST

START_TEST(options_nobody_knows_are_skipped) {
  gaijin *g;
  ck_assert_int_eq(dial_play(unknown_options, 1, 5, &g), 0);
  ck_assert_uint_eq(gaijin_wire_version(g), 2);
  ck_assert_str_eq(gaijin_name(g), "shop");
  gaijin_close(g);
  ck_assert_int_eq(dial_play(too_early_options, 1, 5, &g), GAIJIN_STATUS_PROTOCOL);
  ck_assert_ptr_nonnull(strstr(error, "malformed: hello or its reply has too many values"));
}
END_TEST

START_TEST(an_older_broker_is_told_from_one_that_refuses) {
  gaijin *g;
  ck_assert_int_eq(dial_play(broker_of_version_1, 1, 5, &g), GAIJIN_STATUS_PROTOCOL);
  ck_assert_ptr_nonnull(strstr(error, "wrong number of values"));
  char wanted[128];
  snprintf(wanted, sizeof wanted, "speaks versions 1 to %d of the wire; restart the broker",
           WIRE_VERSION_MOST);
  ck_assert_ptr_nonnull(strstr(error, wanted));
}
END_TEST

START_TEST(what_is_no_broker_is_said_to_be_none) {
  gaijin *g;
  ck_assert_int_eq(dial_play(absurd_limit, 1, 5, &g), GAIJIN_STATUS_PROTOCOL);
  ck_assert_int_eq(dial_play(speak_http, 1, 5, &g), GAIJIN_STATUS_PROTOCOL);
  ck_assert_int_eq(dial_play(reply_elsewhere, 1, 5, &g), GAIJIN_STATUS_PROTOCOL);
  ck_assert_int_eq(dial_play(say_nothing, 1, 0, &g), GAIJIN_STATUS_LOST);
  ck_assert_str_eq(error, "the broker closed the connection without answering hello");
}
END_TEST

START_TEST(a_broker_that_goes_during_hello_is_tried_again) {
  gaijin *g;
  ck_assert_int_eq(dial_play(second_time, 2, 5, &g), 0);
  ck_assert_ptr_null(gaijin_host_name(g, OTHER_HOST));
  while (gaijin_dispatch(g) == 0) continue;
  ck_assert_str_eq(gaijin_host_name(g, OTHER_HOST), "bank");
  gaijin_close(g);
}
END_TEST

/* The socket appears while the client waits for it. */
START_TEST(a_broker_that_comes_later_is_found) {
  struct fake f;
  char path[128];
  fake_listen(&f);
  snprintf(path, sizeof path, "%s/late", f.dir);
  gaijin *g;
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    int status = dial_path(path, "shop", 20, &g);
    gaijin_close(g);
    _exit(status);
  }
  ck_assert_int_eq(rename(f.path, path), 0); /* before or after its first attempt: both must work */
  fake_greet(&f);
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  unlink(path);
  f.g = NULL;
  fake_close(&f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_connect");
  TCase *c = tcase_create("connect");
  tcase_add_test(c, a_greeted_connection_knows_itself);
  tcase_add_test(c, a_connection_is_no_standard_stream);
  tcase_add_test(c, no_broker_is_said_clearly);
  tcase_add_test(c, options_are_checked_first);
  tcase_add_test(c, the_default_socket_follows_the_environment);
  tcase_add_test(c, a_sandboxed_client_needs_a_broker_that_knows);
  tcase_add_test(c, refusals_are_passed_on);
  tcase_add_test(c, a_refusal_without_a_reason_keeps_its_status);
  tcase_add_test(c, a_broker_without_room_is_told_from_an_older_one);
  tcase_add_test(c, a_name_that_is_taken_is_asked_for_again_while_it_may_wait);
  tcase_add_test(c, a_broker_that_hangs_is_waited_for_no_longer_than_was_said);
  tcase_add_test(c, the_broker_chooses_among_the_versions_asked);
  tcase_add_test(c, options_nobody_knows_are_skipped);
  tcase_add_test(c, an_older_broker_is_told_from_one_that_refuses);
  tcase_add_test(c, what_is_no_broker_is_said_to_be_none);
  tcase_add_test(c, a_broker_that_goes_during_hello_is_tried_again);
  tcase_add_test(c, a_broker_that_comes_later_is_found);
  suite_add_tcase(s, c);
  return run_suite(s);
}
