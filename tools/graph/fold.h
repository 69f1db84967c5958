/* SPDX-License-Identifier: MIT
 *
 * The nodes of a graph of who holds what, however many objects there are: each object is put once,
 * and becomes a node of its own, or part of one that stands for several. There are never more nodes
 * than asked for, but for FOLD_BEYOND: memory is by nodes and workers, not by objects.
 *
 * While there are too many nodes, the objects of the worker that has the most of them are folded
 * one step further:
 *
 *   FOLD_NOT       each object is a node
 *   FOLD_LABELLED  objects without a label: one for each kind and set of holders
 *   FOLD_HOLDERS   all objects: one for each kind and set of holders
 *   FOLD_KINDS     one for each kind
 *   FOLD_ALL       one for the worker
 *
 * What is left then are as many workers as nodes; those beyond have one node together. This file
 * asks nobody.
 */
#ifndef GAIJIN_TOOLS_FOLD_H
#define GAIJIN_TOOLS_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/base/text.h"

enum fold_step { FOLD_NOT, FOLD_LABELLED, FOLD_HOLDERS, FOLD_KINDS, FOLD_ALL };
#define FOLD_NOBODY UINT32_MAX /* no worker's number */
enum { FOLD_LABELS = 3 /* that a node of several shows */ };
/* Nodes that may be over: those of workers beyond (living and ended), what is kept, what is put. */
enum { FOLD_BEYOND = 4 };

/* Who has objects, or holds some. A name may have an ended worker and a living one. */
struct fold_worker {
  char *name;
  bool is_dead;
  bool is_known; /* the broker has it among those that are connected */
  uint64_t pid;  /* 0: not known */
  uint64_t exports, holds; /* objects, so far */
  uint32_t nodes;          /* of its objects */
  enum fold_step step;
  bool is_rest; /* its objects are in the node of those beyond */
};

/* That a worker holds what a node stands for. */
struct fold_hold {
  uint32_t worker;
  uint64_t objects; /* of the node's */
  uint64_t count;   /* how often they were sent to it */
  uint64_t waiting; /* of these, how many are in messages that the broker has not written yet */
};

struct fold_node {
  uint32_t host; /* a worker, or FOLD_NOBODY: the node of those beyond */
  bool is_dead;
  bool is_kept; /* the object that is asked for: it stays a node; there is one at most */
  const char *kind; /* static; NULL: several */
  uint64_t objects;
  uint64_t id;      /* of the first */
  uint64_t oldest_s;
  struct text labels; /* each with its 0, the first few */
  uint64_t labelled;  /* objects with a label */
  char *said;         /* what its worker says of it; NULL: it was not asked */
  char *said_json;    /* the same as an object of JSON */
  struct fold_hold *holds; /* sorted by worker */
  uint32_t n_holds, holds_room;
  uint64_t others;  /* holders of objects that are not among them, since they were not told */
  uint32_t link;    /* the next of its hash */
  uint64_t hash;
};

struct fold {
  uint32_t most;
  struct fold_worker *workers;
  uint32_t n_workers, workers_room;
  uint32_t *by_name; /* hash table of workers: number + 1, 0: none */
  uint32_t by_name_room;
  struct fold_node *nodes;
  uint32_t n_nodes;
  uint32_t *heads;
  uint32_t heads_room;
  uint64_t objects;
};

/* At most so many nodes; at least 1. */
void fold_init(struct fold *f, uint32_t most);
void fold_deinit(struct fold *f);

/* The number of a worker, which is noted if it is new. */
uint32_t fold_worker(struct fold *f, const char *name, size_t size, bool is_dead);

/* An object. The labels are those of fold_node. */
struct fold_object {
  uint32_t host;
  const char *kind; /* static */
  uint64_t id, age_s;
  bool is_kept;
  const struct text *labels;
  const struct fold_hold *holds; /* with `objects` 1, in any order, each worker once */
  uint32_t n_holds;
  uint64_t others;
};
void fold_put(struct fold *f, const struct fold_object *o);

/* When all are put: workers in the order of their names, nodes by worker, and objects that differ
 * in nothing but id and labels beside one another. */
void fold_sort(struct fold *f);

#endif
