/* SPDX-License-Identifier: MIT
 *
 * Memory that outlives the program that uses it: a file in memory, whose pages another program
 * finds as they were when this process executes it (upgrade/upgrade.h). Nothing is copied then, so
 * a million records go over as fast as one. Whatever lives here refers to other records by number,
 * never by address: the next program maps the file elsewhere.
 *
 * The file is as large as any pool can become and has no memory but where somebody has asked for
 * some. It is cut into regions, each of one user's: of pieces (equally large, named by numbers,
 * that do not move while they are there), or of an array (which grows at its end and may move).
 *
 * Memory is taken from the system when it is asked for, not when it is touched first, which would
 * end the program if there is none. What is given back goes back to the system at once.
 *
 * No other process maps the file: it is closed on exec but for the one exec, and a forked child
 * does not have the mappings.
 */
#ifndef GAIJIN_BROKER_POOL_H
#define GAIJIN_BROKER_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POOL_REGIONS = 4 };

struct pool {
  int fd; /* -1: there is none, its users have ordinary memory */
};

/* Makes one. False: the system has none for us, and errno says why. */
bool pool_open(struct pool *p);
/* One that the program before has made. False: the descriptor is none of a pool. */
bool pool_take_over(struct pool *p, int fd);
/* After its users have let go of it. */
void pool_close(struct pool *p);

/* ---- Pieces ---- */

/* So many pieces are mapped together, for the system limits how many mappings a process has. */
enum { POOL_WINDOW = 16 };

struct pool_pieces {
  const struct pool *pool; /* NULL: not in a pool, and nothing below is to be called */
  unsigned region;
  size_t size;       /* of a piece: whole pages */
  uint8_t **windows; /* NULL: not mapped yet */
  uint32_t window_count;
};

/* Pieces of at least `size` bytes. A zeroed struct is valid to deinit, which gives nothing back:
 * pages stay as long as the file. */
void pool_pieces_init(struct pool_pieces *g, const struct pool *p, unsigned region, size_t size);
void pool_pieces_deinit(struct pool_pieces *g);
/* The piece of a number that is not taken, zeroed; NULL when memory is short. */
void *pool_pieces_take(struct pool_pieces *g, uint32_t number);
/* Its memory goes back to the system. */
void pool_pieces_give(struct pool_pieces *g, uint32_t number);
/* Of the program before: maps the pieces of all numbers below `count`, as they are. False when
 * memory is short. */
bool pool_pieces_take_over(struct pool_pieces *g, uint32_t count);
/* The mapping of one part of the pieces is emptied, without a change of what they are: before they
 * are all to be unmapped, which takes long at once. False: there is no such part. */
bool pool_pieces_let_rest(struct pool_pieces *g, uint32_t part);
static inline uint32_t pool_pieces_parts(const struct pool_pieces *g) { return g->window_count; }
/* One that is taken. */
static inline void *pool_piece(const struct pool_pieces *g, uint32_t number) {
  return g->windows[number / POOL_WINDOW] + (size_t)(number % POOL_WINDOW) * g->size;
}

/* ---- Arrays ---- */

struct pool_array {
  const struct pool *pool; /* as above */
  unsigned region;
  uint8_t *at;
  size_t bytes, mapped; /* with memory; that there are addresses for: whole pages */
};

/* A zeroed struct is valid to deinit. */
void pool_array_init(struct pool_array *a, const struct pool *p, unsigned region);
void pool_array_deinit(struct pool_array *a);
/* It has memory for at least so many bytes, not 0, and none for many more; what it had of those
 * stays, what is new is zeroed. It may have moved. False when memory is short: nothing has
 * changed, and it has not moved. */
bool pool_array_resize(struct pool_array *a, size_t bytes);
/* Of the program before: maps so many bytes of it as they are. False when memory is short. */
bool pool_array_take_over(struct pool_array *a, size_t bytes);
/* As pool_pieces_let_rest. */
bool pool_array_let_rest(struct pool_array *a, uint32_t part);
uint32_t pool_array_parts(const struct pool_array *a);

#endif
