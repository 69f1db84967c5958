/* SPDX-License-Identifier: MIT
 *
 * One holder after the other, with what is under way to it.
 */
#include <string.h>

#include "tools/cmd/find/why.h"

static const char *why_not(const struct why_asked *a) {
  return a->fault ? a->fault : a->is_open ? "no answer" : "not asked, since others did not answer";
}

/* "the answer to `call`, from shop". */
static void text_message(struct text *t, const struct why_waiting *w) {
  text_print(t, "%s `%s`", w->kind == 1   ? "a request"
                           : w->kind == 2 ? "the answer to"
                                          : "the error that answers", w->op);
  if (!w->from) return;
  text_print(t, " from ");
  text_add_plain(t, w->from, strlen(w->from));
}

/* What the broker has not written to it yet. */
static void text_waiting(struct text *t, const struct why *y, const char *to) {
  for (size_t i = 0; i < y->n_waiting; i++) {
    const struct why_waiting *w = &y->waiting[i];
    if (strcmp(w->to, to) != 0) continue;
    text_print(t, w->count == 1 ? "  under way to it, once, in "
                                : "  under way to it, %llu times, in ",
               (unsigned long long)w->count);
    text_message(t, w);
    text_print(t, "\n");
  }
}

static void text_paths(struct text *t, const struct why_asked *a) {
  const char *path = a->paths.bytes;
  for (size_t i = 0; i < a->n_paths; i++, path += strlen(path) + 1)
    text_print(t, "  %s\n", path);
}

/* Nothing was found in the heap of a holder. */
static void text_nothing(struct text *t, const struct why_asked *a) {
  if (a->complete)
    text_print(t, "  no path found: only its collector can tell. It may be garbage that is not "
                  "collected yet\n  (`gaijinctl gc` collects it), or be in the '...' of a waiting "
                  "coroutine or in a C function\n");
  else
    text_print(t, "  no path found among the first %.0f objects; its heap has more\n", a->objects);
}

static void text_all(const struct why *y, struct text *t) {
  text_add_plain(t, y->host, strlen(y->host));
  text_print(t, ":%llu  %s, %.0f s old%s\n", (unsigned long long)y->id, y->kind, y->age,
             y->dead ? ", dead: its worker has ended" : "");
  for (size_t i = 0; i < y->n; i++) {
    const struct why_asked *a = &y->asked[i];
    text_print(t, "held by ");
    text_add_plain(t, a->name, strlen(a->name));
    text_print(t, a->count == 1 ? " for %llu s, sent to it once\n"
                                : " for %llu s, sent to it %llu times\n",
               (unsigned long long)a->since_s, (unsigned long long)a->count);
    text_waiting(t, y, a->name);
    text_paths(t, a);
    if (a->is_observer)
      text_print(t, "  an observer: as long as its command takes\n");
    else if (!a->told)
      text_print(t, "  it does not tell: %s\n", why_not(a));
    else if (!a->n_paths)
      text_nothing(t, a);
  }
  if (y->more)
    text_print(t, "held by %llu more, which were not asked\n", (unsigned long long)y->more);
  if (y->more_waiting)
    text_print(t, "%llu more messages under way may have it\n",
               (unsigned long long)y->more_waiting);
  const struct why_asked *host = &y->asked[y->n];
  if (y->dead) return;
  text_print(t, "inside ");
  text_add_plain(t, y->host, strlen(y->host));
  text_print(t, "\n");
  text_paths(t, host);
  if (!host->told)
    text_print(t, "  it does not tell: %s\n", why_not(host));
  else if (!host->n_paths)
    text_print(t, host->complete ? "  no path found: it lives because others hold it\n"
                                 : "  no path found among the first %.0f objects\n", host->objects);
}

static void json_waiting(struct text *t, const struct why *y, const char *to) {
  bool first = true;
  text_print(t, ",\"under_way\":[");
  for (size_t i = 0; i < y->n_waiting; i++) {
    const struct why_waiting *w = &y->waiting[i];
    if (strcmp(w->to, to) != 0) continue;
    text_print(t, "%s{\"from\":", first ? "" : ",");
    if (w->from)
      text_add_json(t, w->from, strlen(w->from));
    else
      text_print(t, "null");
    text_print(t, ",\"kind\":\"%s\",\"op\":\"%s\",\"count\":%llu}",
               w->kind == 1 ? "request" : w->kind == 2 ? "reply" : "error", w->op,
               (unsigned long long)w->count);
    first = false;
  }
  text_print(t, "]");
}

static void json_asked(struct text *t, const struct why *y, const struct why_asked *a) {
  const char *path = a->paths.bytes;
  text_print(t, "{\"worker\":");
  text_add_json(t, a->name, strlen(a->name));
  text_print(t, ",\"count\":%llu", (unsigned long long)a->count);
  if (a->count) text_print(t, ",\"since_s\":%llu", (unsigned long long)a->since_s);
  if (a->count) json_waiting(t, y, a->name);
  text_print(t, ",\"complete\":%s,\"paths\":", a->told && a->complete ? "true" : "false");
  if (!a->told) {
    text_print(t, "null,\"error\":");
    text_add_json(t, why_not(a), strlen(why_not(a)));
    text_print(t, "}");
    return;
  }
  text_print(t, "[");
  for (size_t i = 0; i < a->n_paths; i++, path += strlen(path) + 1) {
    if (i) text_print(t, ",");
    text_add_json(t, path, strlen(path));
  }
  text_print(t, a->is_observer ? "],\"observer\":true}" : "]}");
}

static void json_all(const struct why *y, struct text *t) {
  text_print(t, "{\"worker\":");
  text_add_json(t, y->host, strlen(y->host));
  text_print(t, ",\"id\":%llu,\"kind\":", (unsigned long long)y->id);
  text_add_json(t, y->kind, strlen(y->kind));
  text_print(t, ",\"age_s\":");
  text_add_number(t, y->age);
  text_print(t, ",\"dead\":%s,\"holders\":[", y->dead ? "true" : "false");
  for (size_t i = 0; i < y->n; i++) {
    if (i) text_print(t, ",");
    json_asked(t, y, &y->asked[i]);
  }
  text_print(t, "],\"not_asked\":%llu,\"inside\":", (unsigned long long)y->more);
  if (y->dead)
    text_print(t, "null");
  else
    json_asked(t, y, &y->asked[y->n]);
  text_print(t, "}\n");
}

void why_show(const struct why *y, bool json, struct text *out) {
  if (json)
    json_all(y, out);
  else
    text_all(y, out);
}
