/* SPDX-License-Identifier: MIT
 *
 * A table that comes as a reference is fetched, `depth` levels of it, so that people see what is in
 * it; what does not come that way is shown as the reference, and one line says why.
 */
#include "tools/touch/act.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"
#include "tools/touch/wire.h"

/* ---- Showing ---- */

static void print_line(struct text *t) {
  fwrite(t->bytes, 1, t->size, stdout);
  fputc('\n', stdout);
  text_deinit(t);
}

static bool is_table(const struct data *d, const struct datum *v) {
  return v->type == DATUM_REFERENCE && datum_reference_at(d, v)->kind == GAIJIN_KIND_TABLE &&
         !datum_reference_at(d, v)->dead;
}

/* Puts what a reference to a table has in it in its place, if it can be had. */
static bool fetch(struct act *a, const char *text, size_t size, struct data *d,
                  struct datum *v) {
  struct ask *ask = &a->ask;
  struct datum got;
  if (a->how.depth < 1 || !is_table(d, v)) return true;
  struct gaijin_send send = {.op = GAIJIN_OP_APPLY,
                             .holding = datum_reference_at(d, v)->holding};
  int status = ask->status;
  ask_begin(ask, &send, 3);
  gaijin_put_text(ask->g, "fetch");
  wire_put(ask->g, d, v);
  gaijin_put_number(ask->g, a->how.depth);
  if (ask_value(ask, text, size, ask_end(ask, text, size), d, &got)) {
    *v = got;
    return true;
  }
  if (ask->status == EXIT_NO_BROKER || ask->was_interrupted) return false;
  ask->status = status;
  fputs("  (what is in it is not shown for that reason; --depth 0 does not ask for it)\n", stderr);
  return true;
}

/* `all`: as a list, in JSON; else one value. */
static bool show(struct act *a, const char *text, struct data *d, struct datum *values,
                 uint32_t count, bool all) {
  struct text t = {0};
  for (uint32_t i = 0; i < count; i++)
    if (!fetch(a, text, strlen(text), d, &values[i])) return false;
  if (a->how.json && all) text_add(&t, "[", 1);
  for (uint32_t i = 0; i < count; i++) {
    if (a->how.json && i) text_add(&t, ",", 1);
    print_datum(&t, &a->how, d, &values[i]);
    if (!a->how.json) print_line(&t);
  }
  if (a->how.json && all) text_add(&t, "]", 1);
  if (a->how.json) print_line(&t);
  return true;
}

/* ---- Doing ---- */

bool act_fits(const struct path *p, const char *text, enum act_needs needs) {
  if (needs == ACT_NEEDS_NOTHING) return true;
  if (!p->count && !p->has_id) {
    tool_error("%s: that is a worker; say what of it: %s.LABEL or %s:ID (`gaijinctl labels %s`, "
               "`gaijinctl tokens`)", text, text, text, text);
    return false;
  }
  if (needs == ACT_NEEDS_THING || p->count >= (p->has_id ? 1 : 2)) return true;
  tool_error("%s: %s; only a key of it can be set", text,
             p->has_id ? "that is an object" : "a label is the worker's own to set");
  return false;
}

bool act_get(struct act *a, const struct path *p, const char *text) {
  struct data d = {0};
  struct datum v;
  bool good =
      ask_resolve(&a->ask, p, text, p->count, &d, &v) && show(a, text, &d, &v, 1, false);
  data_deinit(&d);
  return good;
}

bool act_set(struct act *a, const struct path *p, const char *text, const struct data *from,
             const struct datum *value) {
  struct data d = {0};
  struct datum object;
  struct gaijin_send send = {.op = GAIJIN_OP_SET};
  struct datum *none;
  uint32_t count;
  bool good = ask_target(&a->ask, p, text, p->count - 1, "cannot be changed there", &d, &object,
                         &send);
  if (good) {
    ask_begin(&a->ask, &send, 2);
    wire_put(a->ask.g, &p->data, &p->keys[p->count - 1]);
    wire_put(a->ask.g, from, value);
    good = ask_values(&a->ask, text, strlen(text), ask_end(&a->ask, text, strlen(text)), &d,
                      &none, &count);
    free(none);
  }
  data_deinit(&d);
  return good;
}

bool act_call(struct act *a, const struct path *p, const char *text, const struct data *from,
              const struct datum *arguments, uint32_t count) {
  struct data d = {0};
  struct datum object, *results = NULL;
  struct gaijin_send send = {.op = GAIJIN_OP_CALL};
  uint32_t n;
  bool good = ask_target(&a->ask, p, text, p->count, "cannot be called", &d, &object, &send);
  if (good) {
    ask_begin(&a->ask, &send, count);
    for (uint32_t i = 0; i < count; i++) wire_put(a->ask.g, from, &arguments[i]);
    good = ask_values(&a->ask, text, strlen(text), ask_end(&a->ask, text, strlen(text)), &d,
                      &results, &n) &&
           show(a, text, &d, results, n, true);
    free(results);
  }
  data_deinit(&d);
  return good;
}

/* Entries of a table by value, as Lua's # counts them. */
static double border(const struct data *d, const struct datum *table) {
  const struct datum_table *t = datum_table_at(d, table);
  bool *there = tool_alloc((size_t)t->count + 2, sizeof *there); /* [1] is the first; one is not */
  uint32_t n = 0;
  for (uint32_t i = 0; i < t->count; i++) {
    const struct datum *key = &t->entries[i].key;
    if (key->type == DATUM_NUMBER && key->number >= 1 && key->number <= t->count &&
        floor(key->number) == key->number)
      there[(size_t)key->number] = true;
  }
  while (there[n + 1]) n++;
  free(there);
  return n;
}

bool act_len(struct act *a, const struct path *p, const char *text) {
  struct data d = {0};
  struct datum v, n;
  bool good = ask_resolve(&a->ask, p, text, p->count, &d, &v);
  if (good && v.type == DATUM_STRING) {
    n = datum_number((double)v.size);
  } else if (good && v.type == DATUM_TABLE) {
    n = datum_number(border(&d, &v));
  } else if (good && v.type == DATUM_REFERENCE) {
    struct gaijin_send send = {.op = GAIJIN_OP_LEN,
                               .holding = datum_reference_at(&d, &v)->holding};
    ask_begin(&a->ask, &send, 0);
    good = ask_value(&a->ask, text, strlen(text), ask_end(&a->ask, text, strlen(text)), &d, &n);
  } else if (good) {
    tool_error("%s: it is a %s, which has no length", text, datum_type_name(&d, &v));
    a->ask.status = EXIT_FAILED;
    good = false;
  }
  good = good && show(a, text, &d, &n, 1, false);
  data_deinit(&d);
  return good;
}

bool act_eval(struct act *a, const char *worker, const char *code, size_t size) {
  struct data d = {0};
  struct datum *results = NULL;
  uint32_t n;
  ask_begin(&a->ask, &(struct gaijin_send){.op = GAIJIN_OP_EVAL, .name = worker}, 1);
  gaijin_put_string(a->ask.g, code, size);
  bool good = ask_values(&a->ask, worker, strlen(worker),
                         ask_end(&a->ask, worker, strlen(worker)), &d, &results, &n) &&
              show(a, worker, &d, results, n, true);
  free(results);
  data_deinit(&d);
  return good;
}
