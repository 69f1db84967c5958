/* SPDX-License-Identifier: MIT
 *
 * The walk over an untrusted body, for the broker, which forwards values and wants to know of
 * most no more than where they end: so numbers and strings are stepped over and not read. Knows
 * the same msgpack forms as reader_next (body.c), and believes a length no sooner.
 */
#include "proto/body.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "proto/base.h"
#include "proto/limits.h"

/* The count of a value that is no array: no array has as many values, which have a byte each. */
#define NO_ARRAY UINT32_MAX

/* How a null pointer begins. */
enum { NULL_MARK = 0xd4 };

/* Behind `n` bytes; NULL: there are fewer. */
static inline const uint8_t *behind(const uint8_t *at, const uint8_t *end, size_t n) {
  return (size_t)(end - at) < n ? NULL : at + n;
}

static inline const uint8_t *array(const uint8_t *at, const uint8_t *end, uint32_t n,
                                   uint32_t *count) {
  *count = n;
  return (size_t)(end - at) < n ? NULL : at;
}

/* The forms from 0xc0 to 0xdf; `at` is behind the mark. */
static const uint8_t *skip_marked(const uint8_t *at, const uint8_t *end, uint32_t *count) {
  size_t left = (size_t)(end - at);
  struct pt pt;
  switch (at[-1]) {
    case 0xc0: case 0xc2: case 0xc3: return at;
    case 0xcc: case 0xd0: return behind(at, end, 1);
    case 0xcd: case 0xd1: return behind(at, end, 2);
    case 0xca: case 0xce: case 0xd2: return behind(at, end, 4);
    case 0xcb: case 0xcf: case 0xd3: return behind(at, end, 8);
    case 0xc4: case 0xd9: return left < 1 ? NULL : behind(at + 1, end, at[0]);
    case 0xc5: case 0xda: return left < 2 ? NULL : behind(at + 2, end, load_be16(at));
    case 0xc6: case 0xdb: return left < 4 ? NULL : behind(at + 4, end, load_be32(at));
    case 0xdc: return left < 2 ? NULL : array(at + 2, end, load_be16(at), count);
    case 0xdd: return left < 4 ? NULL : array(at + 4, end, load_be32(at), count);
    case PT_MARK: return pt_read(at - 1, (uint32_t)left + 1, &pt) ? at - 1 + PT_WIRE_BYTES : NULL;
    case NULL_MARK:
      if (left < NULL_WIRE_BYTES - 1 || memcmp(at - 1, null_on_wire, NULL_WIRE_BYTES) != 0)
        return NULL;
      return at - 1 + NULL_WIRE_BYTES;
    default: return NULL;
  }
}

/* Behind the value at `at`, of which `end` is not the end; an array's own values come next, and
 * *count says how many. NULL: it is cut short, or its form is not allowed. */
static inline const uint8_t *skip(const uint8_t *at, const uint8_t *end, uint32_t *count) {
  uint8_t mark = *at++;
  *count = NO_ARRAY;
  if (mark < 0x80 || mark >= 0xe0) return at;
  if (mark >= 0xc0) return skip_marked(at, end, count);
  if (mark >= 0xa0) return behind(at, end, mark & 0x1f);
  return mark >= 0x90 ? array(at, end, mark & 0x0f, count) : NULL; /* else a fixmap */
}

/* The bytes of values, by their marks, that have one size and hold no others; 0: it is another. */
#define ONES_16 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
enum { SIZES_MOST = 32 };
static const uint8_t sizes[0x100] = {
    ONES_16, ONES_16, ONES_16, ONES_16, ONES_16, ONES_16, ONES_16, ONES_16, /* small integers */
    [0xa0] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, /* short strings */
    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, SIZES_MOST,
    [0xc0] = 1, 0, 1, 1,                   /* nil, booleans */
    [0xca] = 5, 9, 2, 3, 5, 9, 2, 3, 5, 9, /* numbers */
    [0xe0] = ONES_16, ONES_16};            /* small negative integers */

/* Behind a nil, a boolean, a number or a short string, as most values are; NULL: it may be
 * something else. */
static inline const uint8_t *skip_short(const uint8_t *at, const uint8_t *end) {
  if (sizes[*at]) return behind(at, end, sizes[*at]);
  return *at == 0xd9 && end - at > 1 ? behind(at + 2, end, at[1]) : NULL;
}

/* Steps over such values, `most` of them at most; how many there were. */
static inline uint32_t skip_run(const uint8_t **at, const uint8_t *end, uint32_t most) {
  const uint8_t *p = *at, *next;
  uint32_t left = most;
  for (; left > 0 && p != end && (next = skip_short(p, end)); left--) p = next;
  *at = p;
  return most - left;
}

/* Steps over values none of which can end behind `safe` + SIZES_MOST, as skip_run does. Where the
 * next one begins is known from this one's size, and a size from the table comes many cycles later:
 * the processor foresees how the commonest forms branch, and does not wait for it. */
static inline const uint8_t *skip_safe(const uint8_t *p, const uint8_t *safe, uint32_t *left) {
  for (; *left > 0 && p <= safe; --*left) {
    uint8_t mark = *p;
    if (mark < 0x80)
      p += 1;
    else if (mark == 0xce)
      p += 5;
    else if (mark == 0xcb)
      p += 9;
    else if (sizes[mark])
      p += sizes[mark];
    else
      break;
  }
  return p;
}

/* The same where there may be many: as long as none can end too late it is not looked at whether
 * one does. */
static inline uint32_t skip_many(const uint8_t **at, const uint8_t *end, uint32_t most) {
  const uint8_t *p = *at, *next;
  uint32_t left = most;
  for (; left > 0 && p != end; left--, p = next) {
    if (end - p >= SIZES_MOST) {
      p = skip_safe(p, end - SIZES_MOST, &left);
      if (left == 0 || p == end) break;
    }
    if (!(next = skip_short(p, end))) break;
  }
  *at = p;
  return most - left;
}

/* A PT, or a null pointer, that was stepped over. */
static void show(body_visit_fn visit, void *user, const uint8_t *at, const uint8_t *end) {
  struct reader r = {at, end};
  struct value v = {.type = VALUE_PT};
  bool is_good = *at == PT_MARK ? pt_read(at, (uint32_t)(end - at), &v.pt) : reader_next(&r, &v);
  assert(is_good && (v.type == VALUE_PT || v.type == VALUE_NULL));
  if (is_good) visit(user, &v);
}

void body_walker_start(struct body_walker *w) {
  *w = (struct body_walker){.left = {1}}; /* the body is one value */
}

/* The walk itself, from where it stands; *values gets how many it passed. NULL at the end or when
 * `most` are behind it: then r->at tells which. */
static inline const char *walk(struct reader *r, struct body_walker *w, uint32_t most,
                               uint32_t *values, body_visit_fn visit, void *user) {
  const uint8_t *at = r->at, *const end = r->end;
  unsigned depth = w->depth;
  uint32_t left = w->left[depth]; /* in the innermost array; w->left has it for the others */
  for (*values = 0;; ++*values) {
    while (left == 0 && depth > 0) left = w->left[--depth];
    if (depth > 0) {
      uint32_t run = skip_many(&at, end, left < most - *values ? left : most - *values);
      left -= run;
      *values += run;
      while (left == 0 && depth > 0) left = w->left[--depth];
    }
    if (left == 0 || *values == most) break;
    left--;
    uint32_t count;
    const uint8_t *next = at == end ? NULL : skip(at, end, &count);
    if (!next)
      return "body is cut short or holds a msgpack form that is not allowed (map, foreign ext, "
             "malformed PT, absurd length)";
    if (count != NO_ARRAY) {
      if (depth == BODY_DEPTH_MAX) return "arrays nested too deep";
      w->left[depth++] = left;
      left = count;
    } else if (depth == 0) {
      return "body is not an array";
    } else if (visit && (*at == PT_MARK || *at == NULL_MARK)) {
      show(visit, user, at, next);
    }
    at = next;
  }
  w->left[depth] = left;
  w->depth = depth;
  r->at = at;
  return left == 0 && at != end ? "bytes after the body" : NULL;
}

const char *body_walk(const uint8_t *body, uint32_t size, body_visit_fn visit, void *user) {
  struct reader r = {body, body + size};
  struct body_walker w; /* no more of it is read than has been written */
  uint32_t values;
  w.depth = 0;
  w.left[0] = 1;
  if (size && (*body & 0xf0) == 0x90) {
    /* Most have a few numbers and short strings, and then it is over. */
    uint32_t left = *r.at++ & 0x0f;
    left -= skip_run(&r.at, r.end, left);
    if (left == 0 && r.at == r.end) return NULL;
    w.depth = 1;
    w.left[0] = 0;
    w.left[1] = left;
  }
  return walk(&r, &w, UINT32_MAX, &values, visit, user);
}

enum body_walked body_walker_go_on(struct body_walker *w, const uint8_t *body, uint32_t size,
                                   uint32_t most, body_visit_fn visit, void *user,
                                   const char **fault) {
  struct reader r = {body + w->at, body + size};
  uint32_t values;
  assert(w->at <= size);
  *fault = walk(&r, w, most, &values, visit, user);
  w->at = (uint32_t)(r.at - body);
  w->values += values;
  if (*fault) return BODY_FAULTY;
  return values < most ? BODY_WALKED : BODY_MORE;
}
