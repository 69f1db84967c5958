/* SPDX-License-Identifier: MIT
 *
 * Who holds what, read from the broker into nodes (fold.h): workers, labels, what waits in the
 * broker's own queues, and then the objects, page by page.
 */
#ifndef GAIJIN_TOOLS_GRAPH_READ_H
#define GAIJIN_TOOLS_GRAPH_READ_H

#include "tools/ask/observe.h"
#include "tools/graph/fold.h"

/* What is wanted. */
struct graph_scope {
  const char *host, *holder, *kind; /* filters; NULL: none */
  double least_age;                 /* in seconds */
  const char *focus;                /* worker of the object in focus, not terminated; NULL: all */
  size_t focus_size;
  uint64_t focus_id;
  uint32_t depth;
  bool describe;  /* have workers say what the objects of nodes of one are */
  double seconds; /* that one may take for it */
};

struct graph {
  struct fold fold;
  struct graph_scope scope;
  uint64_t waiting_more; /* objects in messages under way that were not looked at */
  bool untold;           /* a worker has not said what its objects are; an error line said so */
};

/* Fills a graph that has been given its scope and a fold that is empty. False after an error
 * line. */
bool graph_read(struct graph *g, struct observer *o);

#endif
