/* SPDX-License-Identifier: MIT
 *
 * A program on libgaijin that does, step by step, whatever <gaijin/gaijin.h> allows.
 */
#ifndef GAIJIN_TESTS_FUZZ_PROGRAM_H
#define GAIJIN_TESTS_FUZZ_PROGRAM_H

#include <gaijin/gaijin.h>
#include "proto/ops.h"
#include "tests/fuzz/fuzz.h"

enum { TOKENS = 8, HELD = 16, BODIES = 8, CALLS = 16, REQUESTS = 16 };

/* A request of the program's. */
struct call_record {
  uint64_t id; /* 0: none yet */
  enum op op;
  bool open;    /* not answered yet, nor cancelled */
  bool awaited; /* begun for gaijin_await: no call-back comes */
  struct gaijin_pt claim;
  struct program *program;
};

struct program {
  gaijin *g;
  struct script *script;
  uint32_t version;
  gaijin_token *tokens[TOKENS]; /* NULL: forgotten */
  gaijin_holding *held[HELD];   /* those it is a user of */
  gaijin_body *bodies[BODIES];
  struct call_record calls[CALLS];
  struct {
    uint64_t id;
    enum gaijin_op op;
  } requests[REQUESTS]; /* to be answered; id 0: none */
  uint64_t frees[REQUESTS];
  uint64_t last_asked; /* of the broker's side: ids of requests are not used twice */
};

/* All events; and of a program that serves nobody, only that of a token that ends. */
extern const struct gaijin_events program_events, program_deaf;

/* One thing that programs do. */
void program_step(struct program *p, unsigned what);
/* Ends everything; each request has been answered then. */
void program_close(struct program *p);

/* A PT of another host; a few, so that they come again. */
struct gaijin_pt program_foreign(uint8_t pick);

#endif
