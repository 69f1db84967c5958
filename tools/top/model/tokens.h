/* SPDX-License-Identifier: MIT
 *
 * The page of tokens. All objects stream by; those are kept that come first in the order that is
 * shown, TOKENS_KEPT at most, so that a million cost no more than a thousand.
 */
#ifndef GAIJIN_TOOLS_TOKENS_H
#define GAIJIN_TOOLS_TOKENS_H

#include "tools/ask/observe.h"
#include "tools/top/model/grid.h"

enum { TOKENS_KEPT = 1000 };

/* The columns, in the order of commands.def. */
enum tokens_column { TOKENS_HOST, TOKENS_ID, TOKENS_KIND, TOKENS_AGE, TOKENS_HOLDERS,
                     TOKENS_COPIES, TOKENS_LABELS, TOKENS_DEAD };

struct token {
  char *host;
  uint64_t id;
  char kind[10];
  double age;
  bool is_dead;
  char *holders; /* names, a line each; perhaps not all */
  uint64_t n_holders, copies; /* copies: how often they got it */
  char *labels; /* NULL: not known */
};

struct tokens {
  struct token *kept; /* room for twice TOKENS_KEPT; sorted by tokens_end */
  size_t count;
  uint64_t seen, fit; /* of all; of these, that fit the filter */
  enum tokens_column by;
  bool downwards;
  const char *filter; /* in host, host:id, kind or a holder's name; not owned, NULL: none */
  const char *host;   /* only of this one; not owned, NULL: of all */
};

void tokens_deinit(struct tokens *t);
/* A token that went by; owns its texts from now on. */
void tokens_put(struct tokens *t, struct token *one);
/* All have been put, or so far: sorts what is kept, and leaves TOKENS_KEPT. */
void tokens_end(struct tokens *t);

/* The book, whose rows are put; `t` must outlive its reading. */
struct observe_book tokens_book(struct tokens *t);
/* What a host answered to `labels`, for those of its that are kept. */
void tokens_label(struct tokens *t, const char *host, gaijin_body *answer);

/* Rows, as they are sorted. Their keys are host and id. */
void tokens_rows(struct grid *g, const struct tokens *t);

#endif
