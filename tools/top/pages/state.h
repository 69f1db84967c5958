/* SPDX-License-Identifier: MIT
 *
 * gaijinctl top as data: what is looked at and how (pages.h), where it comes from (feed.h), what is
 * done meanwhile (acts.h). Keys (keys.h) change it, draw.h shows it, top.h is the loop.
 */
#ifndef GAIJIN_TOOLS_STATE_H
#define GAIJIN_TOOLS_STATE_H

#include "proto/limits.h"
#include "tools/ask/link.h"
#include "tools/top/feed/feed.h"
#include "tools/top/feed/helper.h"
#include "tools/top/model/scroll.h"

enum { TOP_INPUT_MOST = 64, TOP_MESSAGE_MOST = 300 };

/* A page: how its table is sorted, what of it is shown, and where one is in it. */
struct page {
  size_t by; /* a column */
  bool downwards;
  char filter[TOP_INPUT_MOST + 1];
  struct scroll scroll;
};

enum top_mode {
  TOP_TABLE,    /* a page */
  TOP_FILTER,   /* a page, and its filter is typed */
  TOP_INTERVAL, /* a page, and the seconds between pictures are typed */
  TOP_CONFIRM,  /* a page, and whether to stop a worker is asked */
  TOP_TEXT      /* lines: help, or why an object lives */
};

enum top_act { ACT_NONE, ACT_FREE, ACT_STOP };

struct top {
  const struct invocation *in;
  struct observer observer;
  struct feed feed;
  struct link *link; /* while there is no connection */
  char away[TOP_MESSAGE_MOST]; /* why there is none */
  double interval, due, tokens_due, labelled, looked;
  bool is_paused, is_over;
  bool more_keys; /* there may be more, which curses has read already: nothing tells of these */

  enum top_mode mode;
  enum sample_page page;
  struct page pages[SAMPLE_PAGES];
  char host[NAME_MAX_BYTES + 1]; /* of whose objects alone there is a page; "": of all */
  bool all_times; /* times are those of all since counting began */
  struct grid grid;
  struct layout layout; /* of the last picture, or of what was sorted since */

  char input[TOP_INPUT_MOST + 1];
  char message[TOP_MESSAGE_MOST];
  bool message_is_bad;

  enum top_act act; /* under way, or asked whether to do it */
  char act_on[NAME_MAX_BYTES + 1];
  struct helper actor, asker; /* asker: of `why` */

  char title[TOP_MESSAGE_MOST];
  struct text lines; /* of TOP_TEXT; made safe */
  size_t n_lines;    /* as wide as the last picture had them */
  struct scroll lines_scroll;
  bool asks; /* the lines are those of `asker` */
};

/* Says something in the last line, until a key is typed. */
void top_say(struct top *t, bool is_bad, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
