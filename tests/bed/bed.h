/* SPDX-License-Identifier: MIT
 *
 * The test bed: a private broker on a socket in a fresh directory, workers with
 * captured output, and connections to the broker, for tests of whole stories.
 *
 *   struct bed *b = bed_open(NULL);
 *   bed_start(b, &(struct bed_worker){.name = "shop", .code = "bakaGaijin.x = {}"});
 *   ...
 *   bed_close(b);
 *
 * Every wait has a limit: 20 s unless the options say otherwise, times GAIJIN_TEST_SLOWER. What goes wrong ends the
 * test with a text, and the whole output of every process goes to stderr. bed_close distrusts the test: see there.
 * Programs come from $GAIJIN_BUILD, else from the directory the bed was built in. The processes die with the test.
 */
#ifndef GAIJIN_TESTS_BED_H
#define GAIJIN_TESTS_BED_H

#include <gaijin/gaijin.h>
#include "tests/bed/child.h"

struct bed;

struct bed_options {
  const char *const *broker_flags; /* more flags for the broker, ended by NULL; or NULL */
  const char *title;               /* put before the text of a failure; or NULL */
  bool tokens_may_stay;            /* bed_close does not wait for the last token to go */
  double limit;                    /* seconds for each wait; 0: 20 */
  uint32_t reconnect_ms;           /* so long bed_connect's connections try to come back to another broker; 0: not at all */
  /* Called with the text of a failure after everything has been cleaned up; must not return. NULL: Check's ck_abort_msg. */
  void (*on_failure)(void *user, const char *text);
  void *user;
};

/* Starts a broker and waits until it accepts. options may be NULL. */
struct bed *bed_open(const struct bed_options *options);

/* Checks that nothing is left, and frees the bed. In this order: each process that has ended was waited for (bed_exit,
 * bed_kill); the broker has no tokens, after workers were asked to collect; workers still running end with 0 on
 * SIGTERM; the broker does too and has unlinked its socket; its directory is empty; no descriptor is open that was not
 * at bed_open. Connections and sockets the test opened must have been closed. */
void bed_close(struct bed *b);

/* Ends the test with this text: cleans up as far as possible, then calls options.on_failure. Does not return. */
_Noreturn void bed_fail(struct bed *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

const char *bed_socket(const struct bed *b);
/* The bed's directory. What a test makes there it must remove. */
const char *bed_dir(const struct bed *b);
/* The path of a program of the build; valid until the next call. */
const char *bed_program(struct bed *b, const char *name);
/* The limit of one wait in seconds, GAIJIN_TEST_SLOWER included. */
double bed_limit(const struct bed *b);
/* A time of a program's own within which something has to happen in a test, stretched as that limit is, as a flag has it. */
struct bed_text {
  char bytes[32];
};
const char *bed_seconds(struct bed_text *out, double seconds);

/* ---- Processes ---- */

struct bed_worker {
  const char *name;                /* -n */
  const char *script;              /* path of a Lua file, or else */
  const char *code;                /* -e */
  bool once;                       /* --once */
  bool no_wait;                    /* do not wait until it is ready */
  const char *const *flags, *const *args; /* more flags; arguments of the script; ended by NULL, or NULL */
};
/* Starts a worker and waits until it is ready or has ended. The bed owns the child. */
struct child *bed_start(struct bed *b, const struct bed_worker *worker);
/* Starts any program: argv[0] is a path. The bed owns the child. */
struct child *bed_spawn(struct bed *b, const char *name, const char *const argv[]);
struct child *bed_broker(struct bed *b);
/* Starts another broker on the same socket with the same flags; the one before must have ended (bed_exit, bed_kill). */
void bed_restart(struct bed *b);

/* Waits until the worker says it is ready; returns false if it ended before. */
bool bed_ready(struct bed *b, struct child *c);
/* Waits until it has ended, and fails unless with this exit status. */
void bed_exit(struct bed *b, struct child *c, int status);
/* As bed_exit for a process that must die of a signal. */
void bed_exit_signal(struct bed *b, struct child *c, int signal_number);
/* SIGKILL; returns when it is dead. */
void bed_kill(struct bed *b, struct child *c);
/* Drops a process whose end the test has waited for, and its output, so that a long test may start many. */
void bed_forget(struct bed *b, struct child *c);
/* Waits until its output contains the text; fails if it ends without. */
void bed_expect(struct bed *b, struct child *c, const char *text);
/* Runs gaijinctl -s SOCKET args... (ended by NULL) to its end; returns its exit status. *output (may be NULL) gets what
 * it wrote, to be freed. */
int bed_ctl(struct bed *b, char **output, const char *const args[]);

/* ---- Conditions ---- */

/* Waits until the condition is true, calling it every few milliseconds; fails with "timeout: TEXT" at the limit. */
void bed_until(struct bed *b, bool (*condition)(void *user), void *user, const char *text);

/* ---- The broker, seen from outside ---- */

/* A connection of the client library, closed by the test. name NULL: the broker makes one up. */
gaijin *bed_connect(struct bed *b, const char *name, bool observer, const struct gaijin_events *events, void *user);
/* A connected, blocking socket that has sent nothing; closed by the test. */
int bed_raw(struct bed *b);
/* The bed's own observer connection, made at first use. */
gaijin *bed_observer(struct bed *b);
/* How many tokens the broker knows. */
size_t bed_tokens(struct bed *b);
/* Waits until it knows none, asking workers to collect meanwhile; fails with a list of those left. */
void bed_no_tokens(struct bed *b);

#endif
