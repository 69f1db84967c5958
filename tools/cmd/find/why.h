/* SPDX-License-Identifier: MIT
 *
 * What gaijinctl why finds out about an object: filled from the broker's books, then by asking
 * workers (why_ask.c), then shown (why_show.c).
 */
#ifndef GAIJIN_TOOLS_WHY_H
#define GAIJIN_TOOLS_WHY_H

#include "tools/ask/observe.h"
#include "tools/base/text.h"

enum { WHY_HOLDERS_MOST = 64, WHY_WAITING_MOST = 32 };

/* A worker that is asked how it reaches the object: a holder, or the host. */
struct why_asked {
  char *name;
  uint64_t count;   /* of its holdings */
  uint64_t since_s; /* so long it has held it */
  bool told, complete;
  bool is_observer; /* a program like this one, which has no heap to ask for */
  bool is_open;     /* it has been asked, and has not answered */
  double again_at;  /* it was busy, and is asked again then; 0: it is not */
  double objects;
  struct text paths; /* each with its 0 */
  size_t n_paths;
  char *fault; /* why it has not told */
};

/* Messages with the object that the broker has not written yet, of one kind. */
struct why_waiting {
  char *to, *from; /* from: NULL: the broker, or who is gone */
  char *op;
  uint64_t kind; /* as the wire numbers it */
  uint64_t count;
};

struct why {
  struct observer o;
  char *host;
  uint64_t id;
  bool found, dead;
  char *kind;
  double age;
  struct why_asked asked[WHY_HOLDERS_MOST + 1]; /* the last is the host */
  size_t n;
  uint64_t more; /* holders that are not asked */
  struct why_waiting waiting[WHY_WAITING_MOST];
  size_t n_waiting;
  uint64_t more_waiting; /* messages of which it is not told what is in them, or that are over */
};

/* Asks all of them, some at a time, until they have answered or the seconds are over. */
void why_ask(struct why *y, double seconds);
/* Adds all of it, for people or as JSON. */
void why_show(const struct why *y, bool json, struct text *out);

#endif
