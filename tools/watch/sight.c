/* SPDX-License-Identifier: MIT
 *
 * Labels are learnt from the messages themselves: an s2t asks for one, and its answer has the
 * object.
 */
#include "tools/watch/sight.h"

#include <string.h>

#include "proto/ops.h"

enum { MESSAGE_VALUES = 12, HOST_VALUES = 2 };

void sights_deinit(struct sights *s) {
  known_deinit(&s->names);
  known_deinit(&s->labels);
  known_deinit(&s->asked);
}

static bool read_number(gaijin_body *b, uint64_t *out) {
  struct gaijin_value v;
  *out = 0;
  if (!gaijin_body_next(b, &v)) return false;
  if (v.type == GAIJIN_NUMBER && v.is_uint) *out = v.integer;
  return v.type == GAIJIN_NIL || (v.type == GAIJIN_NUMBER && v.is_uint);
}

static int read_host(struct sights *s, gaijin_body *b, struct sight *m) {
  struct gaijin_value name;
  uint64_t host;
  if (!read_number(b, &host) || !gaijin_body_next(b, &name) || name.type != GAIJIN_STRING)
    return -1;
  m->from = known_put(&s->names, host, 0, name.bytes, name.size) ? host : 0;
  return 0;
}

int sight_read(struct sights *s, gaijin_body *b, uint32_t values, struct sight *m) {
  struct gaijin_value v;
  if (values == HOST_VALUES) return read_host(s, b, m);
  if (values < MESSAGE_VALUES) return -1;
  uint64_t *const numbers[] = {&m->time_us, &m->kind,    &m->op,          &m->request,
                               &m->from,    &m->to,      &m->size,        &m->took_ns,
                               &m->target_kind, &m->target, &m->count};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (!read_number(b, numbers[i])) return -1;
  if (!gaijin_body_next(b, &v) || v.type != GAIJIN_STRING || v.size > SIGHT_BYTES_MOST) return -1;
  memcpy(m->bytes, v.bytes, v.size);
  m->n_bytes = (uint32_t)v.size;
  for (uint32_t left = values - MESSAGE_VALUES; left; left--) /* of a later version */
    if (!gaijin_body_next(b, &v) || v.type == GAIJIN_ARRAY) return -1;
  return m->kind <= SIGHT_POST ? 1 : -1;
}

static bool note_label(struct sights *s, const struct sight *m) {
  const char *label;
  uint32_t size;
  uint64_t host, id;
  if (m->kind == SIGHT_REQUEST && sight_first_string(m, &label, &size)) {
    known_put(&s->asked, m->from, m->request, label, size);
  } else if (m->kind == SIGHT_REPLY && sight_first_object(m, &host, &id)) {
    const char *asked = known_get(&s->asked, m->to, m->request);
    return asked && host == m->from && known_put(&s->labels, host, id, asked, strlen(asked));
  }
  return false;
}

bool sight_note(struct sights *s, const struct sight *m) {
  bool is_new = m->op == OP_s2t && note_label(s, m);
  s->counts[m->kind]++;
  if (!s->first_us) s->first_us = m->time_us;
  s->last_us = m->time_us;
  if (m->took_ns) histogram_add(&s->took, histogram_bucket(m->took_ns), m->took_ns);
  return is_new;
}
