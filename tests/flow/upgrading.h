/* SPDX-License-Identifier: MIT
 *
 * For tests of brokers that are upgraded: how to do it, and programs that say what they are told to say.
 */
#ifndef GAIJIN_TESTS_UPGRADING_H
#define GAIJIN_TESTS_UPGRADING_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bed/bed.h"
#include "tests/unit/run.h"

/* A program that goes on with tokens and holds where they are, and one that wants them as records: the broker behind a script that
 * answers for it. */
enum { KEPT, RECORDS };

static const char server[] =
    "local things = setmetatable({}, {__mode = 'k'})\n"
    "local posted = 0\n"
    "bakaGaijin.add = function(a, b) return a + b end\n"
    "bakaGaijin.thing = {n = 0}\n"
    "bakaGaijin.new = function() local t = {} things[t] = true return t end\n"
    "bakaGaijin.is_thing = function(t) return things[t] == true end\n"
    "bakaGaijin.note = function() posted = posted + 1 end\n"
    "bakaGaijin.posted = function() return posted end\n"
    "bakaGaijin.slow = function(s) gaijin.sleep(s) return 'slow answer' end\n"
    "bakaGaijin.never = function() gaijin.sleep(1000) end\n";

/* By SIGUSR2, and waits until the broker has gone on `n` times. */
struct gone_on {
  struct bed *b;
  unsigned n;
};
static inline bool has_gone_on(void *user) {
  struct gone_on *g = user;
  char *text = child_output(bed_broker(g->b));
  unsigned n = 0;
  for (const char *at = text; at && (at = strstr(at, " goes on in the place of ")); at++) n++;
  free(text);
  return n >= g->n;
}
static inline void upgrade(struct bed *b, unsigned n) {
  struct gone_on g = {b, n};
  child_signal(bed_broker(b), SIGUSR2);
  bed_until(b, has_gone_on, &g, "the broker goes on");
}

static inline void write_program(const char *path, const char *text) {
  FILE *f = fopen(path, "w");
  ck_assert_ptr_nonnull(f);
  fputs(text, f);
  ck_assert_int_eq(fclose(f), 0);
  ck_assert_int_eq(chmod(path, 0700), 0);
}

/* A program that says `answer` to the question, and does `then` when it is to go on; $BROKER is the broker's file. */
static inline void write_answering(struct bed *b, char path[128], const char *answer, const char *then) {
  char text[2048];
  snprintf(path, 128, "%s/program", bed_dir(b));
  snprintf(text, sizeof text, "#!/bin/sh\nBROKER='%s'\n[ \"$1\" = --check-upgrade ] && { echo %s; exit 0; }\n%s\n",
           bed_program(b, "gaijin-broker"), answer, then);
  write_program(path, text);
}

/* What the broker has said. */
static inline void expect_said(struct bed *b, const char *part, bool said) {
  char *text = child_output(bed_broker(b));
  ck_assert_msg(!strstr(text, part) == !said, "%s: %s", part, text);
  free(text);
}

#endif
