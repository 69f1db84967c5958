/* SPDX-License-Identifier: MIT
 *
 * call [-s SOCKET] [-n NAME] WORKER LABEL [ARGUMENT...]
 *
 * Calls a function that a Lua worker has exposed under a label, from C, and prints what it returns.
 * Try:
 *
 *   build/gaijin-broker -s /tmp/demo.sock &
 *   build/gaijin-worker -s /tmp/demo.sock -n shop examples/c/shop.lua &
 *   build/examples/call -s /tmp/demo.sock shop price apple 3
 *
 * It is also the tutorial of the C interface (client-lib/include/gaijin/gaijin.h), in its blocking
 * style: begin a message, put its values, end it, await the answer. A program with a loop of its
 * own gives gaijin_end_request a call-back instead of NULL, polls gaijin_fd() and calls
 * gaijin_dispatch() and gaijin_flush(). Link with libgaijin.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gaijin/gaijin.h>

/* No answer of an example should take longer. */
#define WAIT_SECONDS 5.0

/* Says in one line what went wrong; returns the exit status. */
static int complain(const char *what, const char *text) {
  fprintf(stderr, "call: %s: %s\n", what, text);
  return 1;
}

/* Ends the request that has been begun and waits for its answer. Two things can go wrong here, and
 * each has a text: the message cannot be sent (too large, connection lost), or no answer comes in
 * time. An answer may still be an error: see `ok`. */
static int ask(gaijin *g, const char *what, struct gaijin_answer *answer) {
  uint64_t id;
  if (gaijin_end_request(g, NULL, NULL, &id) != 0) return complain(what, gaijin_error(g));
  if (gaijin_await(g, id, WAIT_SECONDS, answer) != 0) return complain(what, gaijin_error(g));
  return 0;
}

/* An argument of the command line as a value: a number if it looks like one, else a string. */
static void put_argument(gaijin *g, const char *text) {
  char *end;
  double number = strtod(text, &end);
  if (end != text && *end == '\0')
    gaijin_put_number(g, number);
  else
    gaijin_put_text(g, text);
}

/* Prints a value as Lua's print would. References are shown by their kind and where they live. */
static void print_value(FILE *out, const gaijin *g, const struct gaijin_value *v) {
  switch (v->type) {
    case GAIJIN_NIL: fprintf(out, "nil"); break;
    case GAIJIN_BOOL: fprintf(out, "%s", v->boolean ? "true" : "false"); break;
    case GAIJIN_NUMBER: fprintf(out, "%.14g", v->number); break;
    case GAIJIN_STRING: /* not terminated, may hold any byte */
      fwrite(v->bytes, 1, v->size, out);
      break;
    case GAIJIN_ARRAY: fprintf(out, "array of %u:", v->count); break; /* its elements come next */
    case GAIJIN_HOME: fprintf(out, "an object of this program"); break;
    case GAIJIN_NULL: fprintf(out, "the null pointer"); break;
    case GAIJIN_STALE: fprintf(out, "an object that is gone"); break;
    case GAIJIN_FOREIGN: {
      struct gaijin_pt pt = gaijin_holding_pt(v->holding);
      const char *name = gaijin_host_name(g, pt.host);
      fprintf(out, "%s %llu of %s", gaijin_kind_name(pt.kind), (unsigned long long)pt.id,
              name ? name : "an unknown worker");
      break;
    }
  }
}

/* Says what an error answer means. One that the system made has a text; one that the Lua code
 * raised has a value, of any type, and perhaps a traceback after it. */
static int report_error(const gaijin *g, const char *what, const struct gaijin_answer *answer) {
  struct gaijin_value v;
  if (answer->status != GAIJIN_STATUS_RAISED) {
    fprintf(stderr, "call: %s: %s: %s\n", what, gaijin_status_name(answer->status), answer->text);
    return 1;
  }
  fprintf(stderr, "call: %s raised an error\n", what);
  while (gaijin_body_next(answer->body, &v)) {
    print_value(stderr, g, &v);
    fprintf(stderr, "\n");
  }
  gaijin_body_free(answer->body);
  return 1;
}

/* Finds what WORKER has exposed under LABEL. On success *function is held: the caller lets it
 * go. */
static int look_up(gaijin *g, const char *worker, const char *label, gaijin_holding **function) {
  struct gaijin_answer answer;
  struct gaijin_value v = {.type = GAIJIN_NIL};
  /* s2t, "string to token", is addressed to a worker by its name. One value will follow: the
   * label. */
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .depth = 1, .name = worker},
                       1);
  gaijin_put_text(g, label);
  int status = ask(g, label, &answer);
  if (status != 0) return status;
  if (!answer.ok) return report_error(g, label, &answer);
  gaijin_body_next(answer.body, &v);
  if (v.type == GAIJIN_FOREIGN) {
    /* A received holding is ours only until the next value is read or the body is freed, unless we
     * hold it. */
    gaijin_hold(g, v.holding);
    *function = v.holding;
  } else if (v.type == GAIJIN_NIL) {
    status = complain(label, "the worker exposes nothing under this label");
  } else {
    status = complain(label, "this label is no function but a plain value");
  }
  gaijin_body_free(answer.body);
  return status;
}

/* Calls the function and prints its results, one per line. */
static int call(gaijin *g, gaijin_holding *function, const char *label, char **arguments,
                int count) {
  struct gaijin_answer answer;
  struct gaijin_value v;
  /* The target is the object itself this time. The values announced must be put exactly. */
  gaijin_begin_request(g,
                       &(struct gaijin_send){.op = GAIJIN_OP_CALL, .depth = 1, .holding = function},
                       (uint32_t)count);
  for (int i = 0; i < count; i++) put_argument(g, arguments[i]);
  int status = ask(g, label, &answer);
  if (status != 0) return status;
  if (!answer.ok) return report_error(g, label, &answer);
  while (gaijin_body_next(answer.body, &v)) {
    print_value(stdout, g, &v);
    printf("\n");
  }
  /* Freeing the body gives back what it carried: tables among the results are not kept alive for us
   * any longer. */
  gaijin_body_free(answer.body);
  return 0;
}

static int usage(void) {
  fprintf(stderr, "usage: call [-s SOCKET] [-n NAME] WORKER LABEL [ARGUMENT...]\n");
  return 2;
}

int main(int argc, char **argv) {
  /* A zeroed struct is a good start: the default socket, a name of the broker's choice, no
   * call-backs. */
  struct gaijin_options options = {.wait_seconds = 1};
  char error[512];
  gaijin *g;
  gaijin_holding *function = NULL;
  int option;
  while ((option = getopt(argc, argv, "+s:n:")) != -1) {
    if (option == 's')
      options.socket = optarg;
    else if (option == 'n')
      options.name = optarg;
    else
      return usage();
  }
  if (argc - optind < 2) return usage();
  const char *worker = argv[optind], *label = argv[optind + 1];

  if (gaijin_connect(&g, &options, error, sizeof error) != 0) {
    fprintf(stderr, "call: %s\n", error);
    return 1;
  }
  int status = look_up(g, worker, label, &function);
  if (status == 0) {
    status = call(g, function, label, argv + optind + 2, argc - optind - 2);
    /* Nobody here needs the function any more. The release leaves with the next flush; the broker
     * would also clean up after a program that just ends, but a long-running one must let go of
     * what it was given. */
    gaijin_let_go(g, function);
    gaijin_flush(g, true);
  }
  gaijin_close(g);
  return status;
}
