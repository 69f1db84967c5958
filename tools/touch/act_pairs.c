/* SPDX-License-Identifier: MIT
 *
 * A traversal, page by page, each of which is printed and forgotten before the next is asked for.
 * The cursor is a reference, and goes with the first page's data.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"
#include "tools/touch/act.h"
#include "tools/touch/wire.h"

struct traversal {
  struct act *a;
  const char *text;
  bool any; /* an entry was printed */
};

static void print_entry(struct traversal *t, const struct data *d, const struct datum *key,
                        const struct datum *value) {
  struct text line = {0};
  const struct print *how = &t->a->how;
  if (how->json) {
    text_print(&line, "%s{\"key\":", t->any ? ",\n " : "[");
    print_datum(&line, how, d, key);
    text_print(&line, ",\"value\":");
    print_datum(&line, how, d, value);
    text_print(&line, "}");
  } else {
    print_key(&line, d, key);
    text_print(&line, " = ");
    print_datum(&line, how, d, value);
    text_print(&line, "\n");
  }
  fwrite(line.bytes, 1, line.size, stdout);
  text_deinit(&line);
  t->any = true;
}

/* Prints key, value, ... of n values; false after an error line: that is no form of a page. */
static bool print_page(struct traversal *t, const struct data *d, const struct datum *values,
                       uint32_t n) {
  for (uint32_t i = 0; i < n; i += 2) {
    if (n - i < 2 || values[i].type == DATUM_NIL) {
      ask_report_form(&t->a->ask, t->text, strlen(t->text));
      return false;
    }
    print_entry(t, d, &values[i], &values[i + 1]);
  }
  return true;
}

/* Pages from the cursor on, until one says that it is the last. */
static bool print_rest(struct traversal *t, struct data *first, const struct datum *cursor) {
  struct ask *a = &t->a->ask;
  size_t size = strlen(t->text);
  if (cursor->type == DATUM_NIL) return true;
  if (cursor->type != DATUM_REFERENCE) {
    ask_report_form(a, t->text, size);
    return false;
  }
  struct gaijin_send send = {.op = GAIJIN_OP_CALL,
                             .holding = datum_reference_at(first, cursor)->holding};
  for (bool more = true; more;) {
    struct data d = {0};
    struct datum *values;
    uint32_t n;
    ask_begin(a, &send, 0);
    bool good = ask_values(a, t->text, size, ask_end(a, t->text, size), &d, &values, &n);
    more = good && n && values[0].type == DATUM_BOOL && values[0].boolean;
    if (good && (n == 0 || (more && n == 1))) {
      ask_report_form(a, t->text, size);
      good = false;
    }
    good = good && print_page(t, &d, values + 1, n - 1);
    free(values);
    data_deinit(&d);
    if (!good) return false;
  }
  return true;
}

static bool traverse(struct traversal *t, gaijin_body *body) {
  struct data d = {0};
  struct datum *values;
  uint32_t n;
  bool good = ask_values(&t->a->ask, t->text, strlen(t->text), body, &d, &values, &n);
  if (good && n == 0) {
    ask_report_form(&t->a->ask, t->text, strlen(t->text));
    good = false;
  }
  good = good && print_page(t, &d, values + 1, n - 1) && print_rest(t, &d, &values[0]);
  free(values);
  data_deinit(&d);
  return good;
}

/* Entries of a table by value, in the order in which they are shown. */
static bool print_copied(struct traversal *t, const struct data *d, const struct datum *v) {
  const struct datum_table *table = datum_table_at(d, v);
  for (uint32_t i = 0; i < table->count; i++)
    print_entry(t, d, &table->entries[i].key, &table->entries[i].value);
  return true;
}

static bool print_object(struct traversal *t, const struct path *p) {
  struct ask *a = &t->a->ask;
  struct data d = {0};
  struct datum v;
  struct gaijin_send send = {.op = GAIJIN_OP_PAIRS};
  bool good;
  if (!ask_resolve(a, p, t->text, p->count, &d, &v)) {
    good = false;
  } else if (v.type == DATUM_TABLE) {
    good = print_copied(t, &d, &v);
  } else if (v.type == DATUM_REFERENCE) {
    send.holding = datum_reference_at(&d, &v)->holding;
    ask_begin(a, &send, 0);
    good = traverse(t, ask_end(a, t->text, strlen(t->text)));
  } else {
    tool_error("%s: it is a %s, which has no entries", t->text, datum_type_name(&d, &v));
    a->status = EXIT_FAILED;
    good = false;
  }
  data_deinit(&d);
  return good;
}

bool act_pairs(struct act *a, const struct path *p, const char *text) {
  struct traversal t = {.a = a, .text = text};
  bool good;
  if (p->count || p->has_id) {
    good = print_object(&t, p);
  } else {
    ask_begin(&a->ask, &(struct gaijin_send){.op = GAIJIN_OP_LABELS, .name = p->worker}, 1);
    gaijin_put_bool(a->ask.g, true);
    good = traverse(&t, ask_end(&a->ask, text, strlen(text)));
  }
  if (a->how.json && (t.any || good)) puts(t.any ? "]" : "[]");
  return good;
}
