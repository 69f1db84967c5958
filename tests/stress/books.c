/* SPDX-License-Identifier: MIT
 *
 * Tokens of two dead incarnations of a worker look alike from outside (the books
 * have names, not hosts), so rows are compared as a sorted list, not looked up.
 */
#include "tests/stress/books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/clock.h"

void books_deinit(struct books *b) {
  free(b->rows);
  *b = (struct books){0};
}

void books_add(struct system *s, struct books *b, const struct books_row *row) {
  if (b->count == b->capacity) {
    size_t capacity = b->capacity ? 2 * b->capacity : 256;
    struct books_row *rows = realloc(b->rows, capacity * sizeof *rows);
    if (!rows) bed_fail(s->bed, "no memory");
    b->rows = rows;
    b->capacity = capacity;
  }
  b->rows[b->count++] = *row;
}

static int compare_rows(const void *x, const void *y) {
  const struct books_row *a = x, *b = y;
  if (a->host != b->host) return a->host < b->host ? -1 : 1;
  if (a->dead != b->dead) return a->dead ? 1 : -1;
  if (a->id != b->id) return a->id < b->id ? -1 : 1;
  if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
  return a->holders < b->holders ? -1 : a->holders > b->holders;
}

static void sort(struct books *b) {
  if (b->count) qsort(b->rows, b->count, sizeof *b->rows, compare_rows);
}

/* ---- Reading ---- */

/* Number of a client's name; the driver is 15. */
static unsigned number_of(struct system *s, const struct gaijin_value *name) {
  if (name->type == GAIJIN_STRING && name->size == 6 && memcmp(name->bytes, "driver", 6) == 0) return 15;
  if (name->type != GAIJIN_STRING || name->size != 2 || name->bytes[0] != 'w') bed_fail(s->bed, "the books have a name that is nobody's");
  return (unsigned)(name->bytes[1] - '1');
}

static uint32_t read_token(struct system *s, gaijin_body *body, void *books) {
  struct books_row row = {.serial = 0};
  struct gaijin_value v = system_value(s, body);
  row.host = (uint8_t)number_of(s, &v);
  row.id = system_value(s, body).integer;
  v = system_value(s, body);
  for (unsigned kind = GAIJIN_KIND_TABLE; kind <= GAIJIN_KIND_USERDATA; kind++) {
    const char *name = gaijin_kind_name((enum gaijin_kind)kind);
    if (v.size == strlen(name) && memcmp(v.bytes, name, v.size) == 0) row.kind = (uint8_t)kind;
  }
  system_value(s, body); /* age */
  row.dead = system_value(s, body).boolean;
  for (uint32_t n = system_value(s, body).count; n > 1; n -= 2) {
    v = system_value(s, body);
    row.holders = (uint16_t)(row.holders | 1u << number_of(s, &v));
    if (system_value(s, body).number < 1) bed_fail(s->bed, "the books have a holder with a count of 0");
  }
  books_add(s, books, &row);
  return 6;
}

/* Rows of held tokens by host and client. */
struct sums {
  uint32_t held[16][16];
};

static uint32_t read_load(struct system *s, gaijin_body *body, void *sums) {
  struct sums *loads = sums;
  struct gaijin_value host = system_value(s, body), client = system_value(s, body);
  loads->held[number_of(s, &host)][number_of(s, &client)] += (uint32_t)system_value(s, body).number;
  return 3;
}

/* Reads all pages of a kind of rows, each row with `read`, which returns how many columns it has read. */
static void read_pages(struct system *s, const char *what, uint32_t (*read)(struct system *s, gaijin_body *body, void *user), void *user) {
  gaijin *g = bed_observer(s->bed);
  uint64_t cursor = 0;
  for (bool first = true, more = true; more; first = false) {
    struct gaijin_answer answer = {.body = NULL};
    uint64_t id = 0;
    gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_INSPECT}, first ? 1 : 2);
    gaijin_put_text(g, what);
    if (!first) gaijin_put_number(g, (double)cursor);
    if (gaijin_end_request(g, NULL, NULL, &id) != 0 || gaijin_await(g, id, bed_limit(s->bed), &answer) != 0 || !answer.ok)
      bed_fail(s->bed, "reading the books: %s", gaijin_error(g));
    struct gaijin_value v = system_value(s, answer.body);
    more = v.type != GAIJIN_NIL;
    cursor = v.integer;
    while (gaijin_body_next(answer.body, &v)) { /* more columns than we know may follow */
      uint64_t left = v.count - read(s, answer.body, user);
      for (; left; left--) {
        v = system_value(s, answer.body);
        if (v.type == GAIJIN_ARRAY) left += v.count;
      }
    }
    gaijin_body_free(answer.body);
  }
}

/* The first host and client whose load is not as many tokens as the client holds; false: there are none. */
static bool find_difference(const struct books *b, const struct sums *loads, char text[128]) {
  struct sums tokens = {{{0}}};
  for (size_t i = 0; i < b->count; i++)
    for (unsigned c = 0; c < 16; c++)
      if (b->rows[i].holders & 1u << c) tokens.held[b->rows[i].host][c]++;
  for (unsigned h = 0; h < 16; h++) {
    for (unsigned c = 0; c < 16; c++) {
      if (loads->held[h][c] == tokens.held[h][c]) continue;
      snprintf(text, 128, "the broker counts a load of %u for w%u at client %u, which holds %u tokens", loads->held[h][c], h + 1, c + 1,
               tokens.held[h][c]);
      return true;
    }
  }
  return false;
}

/* With rounds about cycles something may be let go between the pages: then all is read again. */
void books_read(struct system *s, struct books *b) {
  double end = clock_seconds() + bed_limit(s->bed);
  char text[128];
  for (bool differs = true; differs;) {
    struct sums loads = {{{0}}};
    b->count = 0;
    read_pages(s, "tokens", read_token, b);
    read_pages(s, "loads", read_load, &loads);
    differs = find_difference(b, &loads, text);
    if (differs && (!s->settings->cycles || clock_seconds() > end)) bed_fail(s->bed, "%s", text);
  }
  sort(b);
}

/* ---- Comparing ---- */

bool books_equal(const struct books *a, const struct books *b) {
  if (a->count != b->count) return false;
  for (size_t i = 0; i < a->count; i++)
    if (compare_rows(&a->rows[i], &b->rows[i]) != 0) return false;
  return true;
}

/* "w3 token 17 (a dead function) held by w1 driver" */
static const char *describe(const struct books_row *row, char out[256]) {
  int n = snprintf(out, 256, "w%u token %llu (a %s%s) held by", row->host + 1u, (unsigned long long)row->id, row->dead ? "dead " : "",
                   gaijin_kind_name((enum gaijin_kind)row->kind));
  for (unsigned i = 0; i < WORKERS_MOST; i++)
    if (row->holders & 1u << i) n += snprintf(out + n, 256 - (size_t)n, " w%u", i + 1);
  if (row->holders & BOOKS_DRIVER) snprintf(out + n, 256 - (size_t)n, " driver");
  return out;
}

void books_compare(struct system *s, const struct books *found, struct books *wanted) {
  char a[256], b[256];
  sort(wanted);
  for (size_t i = 0; i < found->count || i < wanted->count; i++) {
    int order = i >= found->count ? 1 : i >= wanted->count ? -1 : compare_rows(&found->rows[i], &wanted->rows[i]);
    if (order == 0) continue;
    if (i < found->count && i < wanted->count && found->rows[i].id == wanted->rows[i].id && found->rows[i].host == wanted->rows[i].host) {
      bed_fail(s->bed, "object %u: the broker has %s, right would be %s", wanted->rows[i].serial, describe(&found->rows[i], a),
               describe(&wanted->rows[i], b));
    }
    if (order < 0) bed_fail(s->bed, "the broker has %s, which nobody should hold", describe(&found->rows[i], a));
    bed_fail(s->bed, "the broker lacks %s (object %u)", describe(&wanted->rows[i], b), wanted->rows[i].serial);
  }
}

void books_check_counts(struct system *s, const struct books *wanted, unsigned worker, const struct books_counts *counts) {
  uint32_t exported = 0, used = 0;
  for (size_t i = 0; i < wanted->count; i++) {
    if (wanted->rows[i].host == worker && !wanted->rows[i].dead) exported++;
    if (wanted->rows[i].holders & 1u << worker) used++;
  }
  if (exported != counts->exported || used != counts->used) {
    bed_fail(s->bed, "w%u says it has %u exported and %u used, right would be %u and %u", worker + 1, counts->exported, counts->used,
             exported, used);
  }
}
