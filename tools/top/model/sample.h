/* SPDX-License-Identifier: MIT
 *
 * What the broker and the kernel told at one time, and what happened between two such times, as
 * rows of the pages of workers and of operations. It knows neither connections nor terminals beyond
 * the rows it is handed.
 *
 * Always true of a sample that is whole: workers are sorted by name and incarnation, pairs and ops
 * by their names.
 */
#ifndef GAIJIN_TOOLS_SAMPLE_H
#define GAIJIN_TOOLS_SAMPLE_H

#include "tools/ask/stats.h"
#include "tools/top/model/grid.h"
#include "tools/top/model/process.h"

struct worker {
  char *name;
  uint64_t host, pid, uid;
  double uptime;
  uint64_t exports, holds, in_flight, queued, in, out, refused;
  bool ready, answering; /* as far as the broker knows */
  bool is_late;          /* it was asked itself, and has not answered in time */
  bool has_load;
  uint64_t held, allowance; /* of the host of which it holds most of what it may */
  struct process process;
};

struct sample {
  double at; /* clock_seconds() */
  struct worker *workers;
  size_t n_workers, room;
  struct stats stats;
};

void sample_deinit(struct sample *s);

/* The books of workers and of loads, which add to the sample; those of counters are stats'. Loads
 * are read when all workers have been, and sample_sort was called. */
struct observe_book sample_book_clients(struct sample *s);
struct observe_book sample_book_loads(struct sample *s);
void sample_sort(struct sample *s);
/* The worker of this name and incarnation (0: any); NULL: there is none. */
struct worker *sample_find(const struct sample *s, const char *name, uint64_t host);

/* Rows of what happened since `before` (NULL: there is nothing to compare with: what has to be
 * compared is not known). A worker's key is its incarnation. */
void sample_workers(struct grid *g, const struct sample *now, const struct sample *before);
/* The same of operations, and of pairs of workers. `all`: times are those of all since the counters
 * began. */
void sample_operations(struct grid *g, const struct sample *now, const struct sample *before,
                       bool all);

/* The columns of a page, rows of commands.def. */
enum sample_page { SAMPLE_WORKERS, SAMPLE_TOKENS, SAMPLE_OPERATIONS, SAMPLE_PAGES };
const struct column *sample_columns(enum sample_page page, size_t *count);

#endif
