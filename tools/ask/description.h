/* SPDX-License-Identifier: MIT
 *
 * What an object is, as its host tells it (op describe, docs/protocol.md), and how that is shown.
 * A host is a stranger: what it says is checked when it is read, and escaped when it is shown.
 */
#ifndef GAIJIN_TOOLS_DESCRIPTION_H
#define GAIJIN_TOOLS_DESCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gaijin/gaijin.h>
#include "tools/base/text.h"

enum { DESCRIPTION_KEYS = 8 }; /* more are not shown */
/* Of a row: more than any worker of this version answers with. */
enum { DESCRIPTION_BYTES = 1024 };

enum description_state {
  DESCRIPTION_UNKNOWN, /* not asked, or not answered */
  DESCRIPTION_GONE,    /* nobody holds it any more */
  DESCRIPTION_TOLD,
};

/* Texts are strings, or nil where they are not told; they live as long as the answer. */
struct description {
  enum description_state state;
  struct gaijin_value type, name, source, status;
  /* If that is remembered: the line that sent it first; the op, and to whom. */
  struct gaijin_value from, op, to;
  bool answer; /* it was an answer to that op of theirs */
  bool counted, more;               /* entries is known; there are more */
  double entries;
  double line; /* 0: not known */
  struct gaijin_value keys[DESCRIPTION_KEYS];
  uint32_t n_keys;
};

/* Reads an answer about `count` objects of these ids into as many descriptions. False: it has
 * another form, or more bytes than so many rows, and none of them is to be used. */
bool description_read(gaijin_body *b, const uint64_t *ids, size_t count, struct description *out);

/* In a line, for people: "2 entries: name, open"; "shop.lua:12". Of one that is not told "-". */
void description_text(struct text *out, const struct description *d);
/* An object, or null. */
void description_json(struct text *out, const struct description *d);

/* Where a function was defined, else where it was first sent from, as it came: "shop.lua:12", or
 * "get of till" if no line of a script sent it, or "too many places" if there were more than the
 * worker remembers. False, and nothing is added, if neither is told. */
bool description_origin(struct text *out, const struct description *d);

#endif
