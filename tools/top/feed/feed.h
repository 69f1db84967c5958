/* SPDX-License-Identifier: MIT
 *
 * Where pages come from: rounds of questions to the broker and its workers. A round reads the books
 * one after the other into a sample, and asks each worker whether it answers; objects are read
 * apart from it, while their page is looked at. Nothing waits here: answers come while the
 * program's loop dispatches, and what is late is only known to be.
 */
#ifndef GAIJIN_TOOLS_FEED_H
#define GAIJIN_TOOLS_FEED_H

#include "tools/top/feed/reader.h"
#include "tools/top/model/sample.h"
#include "tools/top/model/tokens.h"

enum { FEED_BOOKS = 5 };

/* A question to one worker. */
struct probe {
  struct feed *feed;
  char *name;
  uint64_t host, request;
  double since;   /* when it was asked */
  bool is_wanted; /* the worker is in the last sample */
  bool is_late;   /* it has not answered the last question in time */
};

struct feed {
  struct observer *o;
  struct reader reader;  /* of the round */
  size_t book;           /* FEED_BOOKS: no round is on */
  struct sample *coming; /* what it reads; owned */
  struct sample *now, *before; /* the last two that are whole, or NULL; owned */
  double round_began, round_took;
  struct probe **probes;
  size_t n_probes, probes_room;

  struct reader tokens_reader;
  bool reads_tokens;
  double tokens_began, tokens_took;
  struct tokens reading, tokens; /* what is read; the last that was read whole */
  bool has_tokens;
  size_t asked_labels; /* hosts that have not answered yet */

  bool changed; /* there is something new to see; the program's to reset */
  char fault[200]; /* why the last round was not whole; "": it was */
};

void feed_init(struct feed *f, struct observer *o);
void feed_deinit(struct feed *f);
/* The connection is about to be closed: nothing is under way any more. */
void feed_stop(struct feed *f);

/* Begins a round unless one is on. */
void feed_round(struct feed *f);
/* Begins to read objects as f->reading says (by, downwards, filter, host), from their beginning. */
void feed_tokens(struct feed *f);
/* Forgets those that have been read. */
void feed_forget_tokens(struct feed *f);
/* Asks a worker for the labels of its objects. */
void feed_labels(struct feed *f, const char *host);
/* Notes who has not answered in time. */
void feed_look(struct feed *f);
/* Seconds since the broker was asked what it has not answered yet; 0: nothing. */
double feed_late(const struct feed *f);

#endif
