/* SPDX-License-Identifier: MIT
 *
 * Values of scripts as gaijinctl has them: parsed from what somebody typed (literal.h), read from
 * messages and put into them (wire.h), printed (print.h).
 *
 * A struct data owns what its data refer to: the bytes of strings, tables, holdings of references.
 * A table is known by its number, so that one may occur several times, also within itself.
 */
#ifndef GAIJIN_TOOLS_DATUM_H
#define GAIJIN_TOOLS_DATUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gaijin/gaijin.h>

enum datum_type {
  DATUM_NIL,
  DATUM_BOOL,
  DATUM_NUMBER,
  DATUM_STRING,
  DATUM_TABLE,     /* by value */
  DATUM_REFERENCE, /* an object of a worker */
  DATUM_NULL       /* the null pointer */
};

struct datum {
  enum datum_type type;
  bool boolean;
  double number;
  const char *bytes; /* STRING: any bytes; not terminated */
  size_t size;
  uint32_t number_of; /* TABLE and REFERENCE: its number in the struct data */
};

struct datum_entry {
  struct datum key, value; /* neither is nil; no key is nan */
};

struct datum_table {
  struct datum_entry *entries;
  uint32_t count, room;
};

struct datum_reference {
  gaijin_holding *holding; /* data is a user of it */
  enum gaijin_kind kind;
  char *worker; /* the host's name; "?" if it is not known */
  uint64_t id;
  bool dead;
};

/* Zeroed: empty. */
struct data {
  gaijin *g; /* whose the holdings are; NULL with no references */
  struct datum_table *tables;
  uint32_t table_count, table_room;
  struct datum_reference *references;
  uint32_t reference_count, reference_room;
  char **texts;
  size_t text_count, text_room;
};

/* Lets go of the references and frees all; d is empty then. Before the connection is closed. */
void data_deinit(struct data *d);

/* A string of its own. */
struct datum datum_string(struct data *d, const char *bytes, size_t size);
struct datum datum_number(double v);
/* An empty table; datum_put adds an entry (a nil value or key, or nan as key: nothing). A pointer
 * to a table is valid until the next one is made. */
struct datum datum_table_new(struct data *d);
void datum_put(struct data *d, uint32_t table, const struct datum *key, const struct datum *value);
/* A reference; one more user of the holding. */
struct datum datum_reference_new(struct data *d, gaijin *g, gaijin_holding *h);

static inline struct datum_table *datum_table_at(const struct data *d, const struct datum *v) {
  return &d->tables[v->number_of];
}
static inline struct datum_reference *datum_reference_at(const struct data *d,
                                                         const struct datum *v) {
  return &d->references[v->number_of];
}

/* "nil", "boolean", "number", "string", "table", "function", ...: as Lua's type. Static. */
const char *datum_type_name(const struct data *d, const struct datum *v);
/* The entry of a table by value; nil if there is none. The last one with the key counts. */
struct datum datum_index(const struct data *d, const struct datum *table, const struct datum *key);
/* Whether two are the same value, as Lua's raw ==; tables by their number. */
bool datum_equal(const struct datum *a, const struct datum *b);

#endif
