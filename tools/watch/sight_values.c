/* SPDX-License-Identifier: MIT
 *
 * The values of a message that was seen: the first bytes of a body, whose last string may be cut.
 */
#include <inttypes.h>
#include <string.h>

#include "proto/base.h"
#include "proto/body.h"
#include "proto/pt.h"
#include "tools/watch/sight.h"

/* What follows is the begin of a string: its bytes that are here, and how many it has. */
static bool read_cut(struct reader *r, struct value *v, uint32_t *whole) {
  uint32_t left = (uint32_t)(r->end - r->at), head;
  const uint8_t *p = r->at;
  if (!left) return false;
  if ((p[0] & 0xe0) == 0xa0) {
    head = 1;
    *whole = p[0] & 0x1f;
  } else if (p[0] == 0xd9 || p[0] == 0xc4) {
    head = 2;
    *whole = left >= 2 ? p[1] : 0;
  } else if (p[0] == 0xda || p[0] == 0xc5) {
    head = 3;
    *whole = left >= 3 ? load_be16(p + 1) : 0;
  } else if (p[0] == 0xdb || p[0] == 0xc6) {
    head = 5;
    *whole = left >= 5 ? load_be32(p + 1) : 0;
  } else {
    return false;
  }
  if (left < head || *whole < left - head) return false;
  *v = (struct value){.type = VALUE_STRING, .bytes = (const char *)p + head, .size = left - head};
  r->at = r->end;
  return true;
}

static bool next(struct reader *r, struct value *v, uint32_t *whole) {
  if (r->at == r->end) return false;
  struct reader before = *r;
  if (reader_next(r, v)) {
    *whole = v->type == VALUE_STRING ? v->size : 0;
    return true;
  }
  *r = before;
  return read_cut(r, v, whole);
}

static struct reader open_values(const struct sight *m) {
  return (struct reader){m->bytes, m->bytes + m->n_bytes};
}

bool sight_first_string(const struct sight *m, const char **text, uint32_t *size) {
  struct reader r = open_values(m);
  struct value v;
  uint32_t whole;
  if (!next(&r, &v, &whole) || v.type != VALUE_STRING) return false;
  *text = v.bytes;
  *size = v.size;
  return true;
}

bool sight_first_object(const struct sight *m, uint64_t *host, uint64_t *id) {
  struct reader r = open_values(m);
  struct value v;
  uint32_t whole;
  if (!next(&r, &v, &whole) || v.type != VALUE_PT) return false;
  *host = v.pt.host;
  *id = v.pt.id;
  return true;
}

static void add_string(struct text *out, const struct value *v, uint32_t whole) {
  struct text plain = {0};
  text_add_plain(&plain, v->bytes, v->size);
  text_add(out, "\"", 1);
  for (size_t i = 0; i < plain.size; i++) {
    if (plain.bytes[i] == '"') text_add(out, "\\", 1);
    text_add(out, plain.bytes + i, 1);
  }
  text_add(out, "\"", 1);
  if (whole > v->size) text_print(out, "... (%" PRIu32 " bytes)", whole);
  text_deinit(&plain);
}

static void add_object(struct text *out, const struct sights *s, const struct pt *pt) {
  const char *name = known_get(&s->names, pt->host, 0);
  const char *label = known_get(&s->labels, pt->host, pt->id);
  text_print(out, "%s ", pt_kind_name(pt->kind));
  text_add_plain(out, name ? name : "?", name ? strlen(name) : 1);
  text_print(out, ":%" PRIu64, pt->id);
  if (!label) return;
  text_add(out, " (", 2);
  text_add_plain(out, label, strlen(label));
  text_add(out, ")", 1);
}

static void add_value(struct text *out, const struct sights *s, const struct value *v,
                      uint32_t whole) {
  switch (v->type) {
    case VALUE_NIL: text_add(out, "nil", 3); break;
    case VALUE_BOOL: text_print(out, "%s", v->boolean ? "true" : "false"); break;
    case VALUE_NUMBER: text_add_number(out, v->number); break;
    case VALUE_STRING: add_string(out, v, whole); break;
    case VALUE_PT: add_object(out, s, &v->pt); break;
    case VALUE_NULL: text_add(out, "null", 4); break;
    case VALUE_ARRAY: text_print(out, "{%" PRIu32 "}", v->count); break;
  }
}

void sight_add_values(struct text *out, const struct sights *s, const struct sight *m) {
  struct reader r = open_values(m);
  struct value v;
  uint64_t left = m->count; /* values, those of arrays included */
  uint32_t whole;
  const char *between = "";
  for (; left && next(&r, &v, &whole); left--) {
    text_add(out, between, strlen(between));
    add_value(out, s, &v, whole);
    if (v.type == VALUE_ARRAY) left += v.count;
    between = ", ";
    if (v.type == VALUE_STRING && whole > v.size) {
      left--;
      break;
    }
  }
  if (left) text_print(out, "%s...", between);
}
