/* SPDX-License-Identifier: MIT
 *
 * Of several entries with one key the last counts for Lua; here all are written, and most readers
 * of JSON take the last, too.
 */
#include "tools/touch/print_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/printable.h"
#include "tools/touch/print_tables.h"

struct writer {
  struct text *t;
  const struct data *d;
  struct print_tables tables;
  int most; /* depth */
};

static void value(struct writer *w, const struct datum *v, int depth);

static bool is_utf8(const char *bytes, size_t size) {
  uint32_t code;
  for (size_t i = 0, n; i < size; i += n)
    if (!(n = printable_decode(bytes + i, size - i, &code))) return false;
  return true;
}

static void string(struct text *t, const struct datum *v) {
  if (is_utf8(v->bytes, v->size)) {
    text_add_json(t, v->bytes, v->size);
    return;
  }
  text_print(t, "{\"$bytes\":\"");
  for (size_t i = 0; i < v->size; i++) text_print(t, "%02x", (unsigned)(unsigned char)v->bytes[i]);
  text_print(t, "\"}");
}

static void number(struct text *t, double v) {
  if (!isfinite(v)) text_print(t, "{\"$number\":\"");
  text_add_number(t, v);
  if (!isfinite(v)) text_print(t, "\"}");
}

static void reference(struct text *t, const struct datum_reference *r) {
  text_print(t, "{\"$ref\":\"%s\",\"worker\":", gaijin_kind_name(r->kind));
  text_add_json(t, r->worker, strlen(r->worker));
  text_print(t, ",\"id\":%" PRIu64 "%s}", r->id, r->dead ? ",\"dead\":true" : "");
}

/* Whether all keys are texts that a JSON object may have. */
static bool is_object(const struct datum_table *t) {
  for (uint32_t i = 0; i < t->count; i++) {
    const struct datum *k = &t->entries[i].key;
    if (k->type != DATUM_STRING || (k->size && k->bytes[0] == '$') || !is_utf8(k->bytes, k->size))
      return false;
  }
  return true;
}

static void entries(struct writer *w, const struct datum_table *t, int depth) {
  const struct datum_entry **sorted = print_tables_sorted(t);
  bool is_list = print_tables_is_list(sorted, t->count), has_texts = !is_list && is_object(t);
  text_print(w->t, "%s", is_list ? "[" : has_texts ? "{" : "{\"$table\":[");
  for (uint32_t i = 0; i < t->count; i++) {
    if (i) text_add(w->t, ",", 1);
    if (!is_list && !has_texts) text_add(w->t, "[", 1);
    if (!is_list) {
      value(w, &sorted[i]->key, depth);
      text_add(w->t, has_texts ? ":" : ",", 1);
    }
    value(w, &sorted[i]->value, depth);
    if (!is_list && !has_texts) text_add(w->t, "]", 1);
  }
  text_print(w->t, "%s", is_list ? "]" : has_texts ? "}" : "]}");
  free(sorted);
}

static void table(struct writer *w, const struct datum *v, int depth) {
  const struct datum_table *t = datum_table_at(w->d, v);
  unsigned number_of = print_tables_number(&w->tables, v->number_of);
  if (print_tables_was_shown(&w->tables, v->number_of)) {
    text_print(w->t, "{\"$same\":%u}", number_of);
    return;
  }
  print_tables_show(&w->tables, v->number_of);
  if (number_of) text_print(w->t, "{\"$id\":%u,\"$value\":", number_of);
  if (t->count && depth >= w->most)
    text_print(w->t, "{\"$deeper\":%" PRIu32 "}", t->count);
  else
    entries(w, t, depth + 1);
  if (number_of) text_add(w->t, "}", 1);
}

static void value(struct writer *w, const struct datum *v, int depth) {
  switch (v->type) {
    case DATUM_NIL: text_print(w->t, "null"); return;
    case DATUM_BOOL: text_print(w->t, "%s", v->boolean ? "true" : "false"); return;
    case DATUM_NUMBER: number(w->t, v->number); return;
    case DATUM_STRING: string(w->t, v); return;
    case DATUM_NULL: text_print(w->t, "{\"$null\":true}"); return;
    case DATUM_REFERENCE: reference(w->t, datum_reference_at(w->d, v)); return;
    case DATUM_TABLE: table(w, v, depth); return;
  }
}

void print_json(struct text *t, int depth, const struct data *d, const struct datum *v) {
  struct writer w = {.t = t, .d = d, .most = depth};
  print_tables_init(&w.tables, d, v);
  value(&w, v, 0);
  print_tables_deinit(&w.tables);
}
