/* SPDX-License-Identifier: MIT
 *
 * A row is an id, then key and value in pairs; keys that are not known are skipped, as are values
 * of another type than theirs: an older program shows what it knows of a newer host's answer.
 */
#include "tools/ask/description.h"

#include <math.h>
#include <string.h>

/* ---- Reading ---- */

/* Skips so many values with what is in them. */
static bool skip(gaijin_body *b, uint64_t count) {
  struct gaijin_value v;
  for (; count; count--) {
    if (!gaijin_body_next(b, &v)) return false;
    if (v.type == GAIJIN_ARRAY) count += v.count;
  }
  return true;
}

static bool is_plain(const struct gaijin_value *v) {
  return v->type == GAIJIN_BOOL || v->type == GAIJIN_NUMBER || v->type == GAIJIN_STRING;
}

static bool read_keys(gaijin_body *b, uint32_t count, struct description *d) {
  struct gaijin_value v;
  for (; count; count--) {
    if (!gaijin_body_next(b, &v)) return false;
    if (v.type == GAIJIN_ARRAY && !skip(b, v.count)) return false;
    if (is_plain(&v) && d->n_keys < DESCRIPTION_KEYS) d->keys[d->n_keys++] = v;
  }
  return true;
}

static bool is_key(const struct gaijin_value *key, const char *name) {
  return key->size == strlen(name) && memcmp(key->bytes, name, key->size) == 0;
}

static struct gaijin_value *text_of(struct description *d, const struct gaijin_value *key) {
  return is_key(key, "type")     ? &d->type
         : is_key(key, "name")   ? &d->name
         : is_key(key, "source") ? &d->source
         : is_key(key, "status") ? &d->status
         : is_key(key, "from")   ? &d->from
         : is_key(key, "op")     ? &d->op
         : is_key(key, "to")     ? &d->to
                                 : NULL;
}

static bool is_count(const struct gaijin_value *v) {
  return v->type == GAIJIN_NUMBER && v->number >= 0 && isfinite(v->number);
}

static bool read_value(gaijin_body *b, const struct gaijin_value *key, struct description *d) {
  struct gaijin_value v;
  struct gaijin_value *text = text_of(d, key);
  if (!gaijin_body_next(b, &v)) return false;
  if (v.type == GAIJIN_ARRAY)
    return is_key(key, "keys") ? read_keys(b, v.count, d) : skip(b, v.count);
  if (text && v.type == GAIJIN_STRING) *text = v;
  if (is_key(key, "answer") && v.type == GAIJIN_BOOL) d->answer = v.boolean;
  if (is_key(key, "more") && v.type == GAIJIN_BOOL) d->more = v.boolean;
  if (is_key(key, "line") && is_count(&v)) d->line = v.number;
  if (is_key(key, "entries") && is_count(&v)) {
    d->counted = true;
    d->entries = v.number;
  }
  return true;
}

static bool read_row(gaijin_body *b, uint64_t id, struct description *d) {
  struct gaijin_value v, key;
  *d = (struct description){.state = DESCRIPTION_GONE};
  if (!gaijin_body_next(b, &v) || v.type != GAIJIN_ARRAY || v.count % 2 == 0) return false;
  uint32_t pairs = v.count / 2;
  if (!gaijin_body_next(b, &v) || v.type != GAIJIN_NUMBER || v.number != (double)id) return false;
  for (; pairs; pairs--) {
    if (!gaijin_body_next(b, &key) || key.type != GAIJIN_STRING) return false;
    if (!read_value(b, &key, d)) return false;
  }
  if (d->type.type == GAIJIN_STRING) d->state = DESCRIPTION_TOLD;
  return true;
}

bool description_read(gaijin_body *b, const uint64_t *ids, size_t count, struct description *out) {
  struct gaijin_value v;
  if (gaijin_body_size(b) > count * DESCRIPTION_BYTES) return false;
  for (size_t i = 0; i < count; i++)
    if (!read_row(b, ids[i], &out[i])) return false;
  return !gaijin_body_next(b, &v);
}

/* ---- Showing ---- */

static bool is_told(const struct gaijin_value *v) { return v->type == GAIJIN_STRING && v->size; }

static bool is_text(const struct gaijin_value *v, const char *text) {
  return v->type == GAIJIN_STRING && is_key(v, text);
}

static void add_plain(struct text *t, const struct gaijin_value *v) {
  text_add_plain(t, v->bytes, v->size);
}

static void add_key(struct text *t, const struct gaijin_value *k) {
  if (k->type == GAIJIN_STRING) {
    add_plain(t, k);
    return;
  }
  text_print(t, "[");
  if (k->type == GAIJIN_BOOL)
    text_print(t, "%s", k->boolean ? "true" : "false");
  else
    text_add_number(t, k->number);
  text_print(t, "]");
}

static void add_entries(struct text *t, const struct description *d) {
  if (t->size) text_print(t, ", ");
  text_print(t, "%s", d->more ? "more than " : "");
  text_add_number(t, d->entries);
  text_print(t, d->entries == 1 && !d->more ? " entry" : " entries");
  for (uint32_t i = 0; i < d->n_keys; i++) {
    text_print(t, i ? ", " : ": ");
    add_key(t, &d->keys[i]);
  }
  if (d->n_keys && (d->more || d->entries > d->n_keys)) text_print(t, ", ...");
}

/* "shop.lua:12", with its bytes as they came. */
static void add_place(struct text *t, const struct description *d) {
  text_add(t, d->source.bytes, d->source.size);
  if (d->line > 0) text_print(t, ":%.0f", d->line);
}

static void add_place_plain(struct text *t, const struct description *d) {
  struct text place = {0};
  add_place(&place, d);
  text_add_plain(t, place.bytes, place.size);
  text_deinit(&place);
}

/* "call to shop", "get of till", as it came. */
static void add_op(struct text *t, const struct description *d) {
  text_add(t, d->op.bytes, d->op.size);
  if (!is_told(&d->to)) return;
  text_print(t, d->answer ? " of " : " to ");
  text_add(t, d->to.bytes, d->to.size);
}

static void add_sent(struct text *t, const struct description *d) {
  struct text op = {0};
  if (!is_told(&d->from) && !is_told(&d->op)) return;
  text_print(t, "%ssent", t->size ? "; " : "");
  if (is_told(&d->from)) {
    text_print(t, " from ");
    add_plain(t, &d->from);
  }
  if (is_told(&d->op)) {
    add_op(&op, d);
    text_print(t, " (");
    text_add_plain(t, op.bytes, op.size);
    text_print(t, ")");
  }
  text_deinit(&op);
}

void description_text(struct text *out, const struct description *d) {
  struct text t = {0};
  if (d->state == DESCRIPTION_TOLD) {
    if (is_told(&d->name)) add_plain(&t, &d->name);
    if (d->counted) add_entries(&t, d);
    if (is_told(&d->status)) {
      if (t.size) text_print(&t, ", ");
      add_plain(&t, &d->status);
    }
    if (is_told(&d->source)) {
      if (t.size) text_print(&t, is_told(&d->status) ? " at " : " ");
      add_place_plain(&t, d);
    }
    add_sent(&t, d);
    if (!t.size) add_plain(&t, &d->type);
  } else {
    text_print(&t, d->state == DESCRIPTION_GONE ? "given back meanwhile" : "-");
  }
  text_add(out, t.bytes, t.size);
  text_deinit(&t);
}

static void json_text(struct text *t, const char *key, const struct gaijin_value *v) {
  if (v->type != GAIJIN_STRING) return;
  text_print(t, ",\"%s\":", key);
  text_add_json(t, v->bytes, v->size);
}

static void json_number(struct text *t, const char *key, double v) {
  text_print(t, ",\"%s\":", key);
  text_add_number(t, v);
}

static void json_keys(struct text *t, const struct description *d) {
  text_print(t, ",\"keys\":[");
  for (uint32_t i = 0; i < d->n_keys; i++) {
    const struct gaijin_value *k = &d->keys[i];
    if (i) text_print(t, ",");
    if (k->type == GAIJIN_STRING)
      text_add_json(t, k->bytes, k->size);
    else if (k->type == GAIJIN_BOOL)
      text_print(t, "%s", k->boolean ? "true" : "false");
    else if (isfinite(k->number))
      text_add_number(t, k->number);
    else
      text_print(t, "\"%s\"", isnan(k->number) ? "nan" : k->number > 0 ? "inf" : "-inf");
  }
  text_print(t, "]");
}

void description_json(struct text *out, const struct description *d) {
  if (d->state == DESCRIPTION_UNKNOWN) {
    text_print(out, "null");
    return;
  }
  text_print(out, "{\"held\":%s", d->state == DESCRIPTION_TOLD ? "true" : "false");
  json_text(out, "type", &d->type);
  json_text(out, "name", &d->name);
  if (d->counted) {
    json_number(out, "entries", d->entries);
    text_print(out, ",\"more\":%s", d->more ? "true" : "false");
    json_keys(out, d);
  }
  json_text(out, "status", &d->status);
  json_text(out, "source", &d->source);
  if (d->line > 0) json_number(out, "line", d->line);
  json_text(out, "from", &d->from);
  json_text(out, "op", &d->op);
  json_text(out, "to", &d->to);
  if (is_told(&d->op)) text_print(out, ",\"answer\":%s", d->answer ? "true" : "false");
  text_print(out, "}");
}

bool description_origin(struct text *out, const struct description *d) {
  if (d->state != DESCRIPTION_TOLD) return false;
  if (is_text(&d->type, "function") && is_told(&d->source)) {
    if (d->line <= 0 && is_told(&d->name)) { /* C: the name says more than [C] */
      text_add(out, d->name.bytes, d->name.size);
      text_print(out, " ");
    }
    add_place(out, d);
    return true;
  }
  if (is_told(&d->from))
    text_add(out, d->from.bytes, d->from.size);
  else if (is_told(&d->to))
    add_op(out, d);
  else if (is_told(&d->op))
    text_print(out, "too many places");
  else
    return false;
  return true;
}
