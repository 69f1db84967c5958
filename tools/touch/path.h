/* SPDX-License-Identifier: MIT
 *
 * Where something is in a live system:
 *
 *   NAME              a worker; quoted ("my.till") when it has one of . : [ or a quote in it
 *   NAME:ID           an object of it, as `gaijinctl tokens` lists it
 *   NAME.label        what it exposes, also NAME["any label"] and NAME[7]
 *   ... .key [3] ["any key"] [true]     a field of that, and so on
 */
#ifndef GAIJIN_TOOLS_PATH_H
#define GAIJIN_TOOLS_PATH_H

#include "tools/touch/datum.h"
#include "tools/touch/scan.h"

struct path {
  const char *worker; /* terminated; a text of `data`, or the worker that was given */
  bool has_id;
  uint64_t id;
  size_t head_end;    /* bytes of the text up to the end of NAME or NAME:ID */
  struct datum *keys; /* without an id the first is the label */
  size_t *ends;       /* of each key: bytes of the text up to its end */
  size_t count, room;
  struct data data;
};

/* Reads a path that begins here, as far as it goes. A text that begins with . : or [ is about the
 * worker `current` (NULL: then that is a fault). False: s has the fault. End it either way with
 * path_deinit. */
bool path_scan(struct scan *s, const char *current, struct path *p);
/* The same where a word at the begin is a label of `current`, unless that is NULL; a worker is one
 * in quotes, or with :ID behind it. */
bool path_scan_in(struct scan *s, const char *current, struct path *p);
/* As path_scan, of a whole text. */
bool path_parse(struct scan *s, const char *current, struct path *p);
void path_deinit(struct path *p);

#endif
