/* SPDX-License-Identifier: MIT
 *
 * Requests (s2t) that wait for a label of this worker: records, not fibers, so that any number of
 * them holds up nobody who is to be served. A record is due when it is new, and when its label has
 * been set since it was served: then it is served, and if the label has no value it waits. Askers
 * take turns; those of one are served as they came. Found by label, and by request when it is given
 * up; bounded for each asker. This file serves nothing.
 */
#ifndef GAIJIN_LUA_LABEL_WAITS_H
#define GAIJIN_LUA_LABEL_WAITS_H

#include "lua/vm/worker.h"

/* What one asker may have waiting here: requests, and their bytes. The broker allows as many waits
 * for names. All askers together may have LABEL_WAITS_ALL times that, and each as much as is left
 * of it. */
enum { LABEL_WAITS_MOST = 10000, LABEL_WAITS_BYTES_MOST = 4 << 20, LABEL_WAITS_ALL = 8 };

struct label_wait {
  struct label_wait *next, *prev;     /* in its list: of the label's bucket, or of those due */
  struct label_wait *next_by_request; /* in its bucket */
  struct label_wait_list *list;
  struct label_asker *asker;
  struct gaijin_request request;
  double asked_until; /* until when its asker waits; 0: for ever */
  gaijin_body *body;  /* at its begin; its first value is the label. NULL: another's, see take */
  uint32_t size;      /* of the label, if it is a string */
};

enum label_waits_outcome { LABEL_WAITS_OK, LABEL_WAITS_FULL, LABEL_WAITS_NO_MEMORY };

/* Whether a request is one for this file; nothing of its body has been read. */
bool label_waits_is(const struct gaijin_request *request, const gaijin_body *body);
/* Such a request is due, or waits, from now on; OK: the body is the record's. Otherwise nothing has
 * changed. */
enum label_waits_outcome label_waits_add(struct worker *w, const struct gaijin_request *request,
                                         double asked_until, gaijin_body *body, bool due);
/* What an outcome that is not OK says to the asker. */
const char *label_waits_fault(enum label_waits_outcome outcome);
/* Those that wait for the label (a string or number) are due, in the order in which they came.
 * Raises nothing, allocates nothing. */
void label_waits_set(struct worker *w, const struct gaijin_value *label);
/* The first that is due (worker.backlog.n_due) of the asker whose turn it is, taken out; NULL: none
 * is. The caller's to free, who may take the body out of it before. */
struct label_wait *label_waits_take(struct worker *w);
void label_waits_free(struct worker *w, struct label_wait *k);

/* Whether this request waits here: it has been forgotten then. */
bool label_waits_cancel(struct worker *w, uint64_t request);

/* Answers all with the error; none waits then. */
void label_waits_refuse_all(struct worker *w, enum gaijin_status status, const char *text);

unsigned label_waits_count(const struct worker *w);

/* Frees all, before the connection is closed. */
void label_waits_deinit(struct worker *w);

/* NULL, or a static text that says which invariant is broken. */
const char *label_waits_check(const struct worker *w);

#endif
