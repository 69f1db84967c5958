/* SPDX-License-Identifier: MIT
 *
 * gaijinctl why NAME:ID: why an object lives. The broker's books say who holds it, its host under
 * which labels it is exposed, and each holder how it reaches it (op paths): all holders are asked
 * at once, each walks its heap in a forked copy. One that does not tell costs a line in the answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/base.h"
#include "proto/clock.h"
#include "tools/ask/exposed.h"
#include "tools/ask/observe.h"
#include "tools/base/object.h"
#include "tools/base/text.h"

enum { COLUMNS = 6, HOLDERS_MOST = 64 };
/* A copy may take 10, and then one may have to wait for another's to end. */
static const double standard_seconds = 15;
static const double again = 0.2; /* seconds until one that was busy is asked again */

/* A worker that is asked how it reaches the object: a holder, or the host. */
struct asked {
  char *name;
  uint64_t count; /* of its holdings */
  uint64_t request;
  bool told, complete;
  bool is_observer; /* a program like this one, which has no heap to ask for */
  double objects;
  struct text paths; /* each with its 0 */
  size_t n_paths;
  char *fault; /* why it has not told */
};

struct why {
  struct observer o;
  char *host;
  uint64_t id;
  bool found, dead;
  char *kind;
  double age;
  struct asked asked[HOLDERS_MOST + 1]; /* the last is the host */
  size_t n;
  uint64_t more; /* holders that are not asked */
};

/* NAME:ID; false after an error line. */
static bool parse(struct why *y, const char *word) {
  struct object_name object;
  if (!object_read(word, &object)) {
    tool_error("'%.80s' is no object: write NAME:ID, as `gaijinctl tokens` shows worker and id",
               word);
    return false;
  }
  y->id = object.id;
  y->host = tool_copy(object.worker, object.size);
  return true;
}

static bool add_holder(struct why *y, const struct gaijin_value *name, uint64_t count) {
  bool is_rest = name->size == 3 && memcmp(name->bytes, "...", 3) == 0;
  if (is_rest || y->n == HOLDERS_MOST) {
    y->more += is_rest ? count : 1;
    return true;
  }
  y->asked[y->n++] = (struct asked){.name = tool_copy(name->bytes, name->size), .count = count};
  return true;
}

static bool read_token(struct observer *o, gaijin_body *b, void *user) {
  struct why *y = user;
  struct gaijin_value host, id, kind, age, dead, list, name, count;
  if (!observe_value(o, b, "why", &host) || !observe_value(o, b, "why", &id) ||
      !observe_value(o, b, "why", &kind) || !observe_value(o, b, "why", &age) ||
      !observe_value(o, b, "why", &dead) || !observe_value(o, b, "why", &list))
    return false;
  bool is_it = id.type == GAIJIN_NUMBER && id.integer == y->id && kind.type == GAIJIN_STRING;
  if (is_it) {
    /* Of two hosts of that name the living one is meant. */
    bool is_dead = dead.type != GAIJIN_BOOL || dead.boolean;
    is_it = !y->found || y->dead;
    if (is_it) {
      for (size_t i = 0; i < y->n; i++) free(y->asked[i].name);
      memset(y->asked, 0, sizeof y->asked);
      free(y->kind);
      y->n = 0;
      y->more = 0;
      y->found = true;
      y->dead = is_dead;
      y->kind = tool_copy(kind.bytes, kind.size);
      y->age = age.number;
    }
  }
  for (uint32_t i = 0; i + 1 < list.count; i += 2) {
    if (!observe_value(o, b, "why", &name) || !observe_value(o, b, "why", &count)) return false;
    if (is_it && name.type == GAIJIN_STRING && !add_holder(y, &name, count.integer)) return false;
  }
  return true;
}

/* ---- Asking holders ---- */

static void ask(const struct why *y, struct asked *a) {
  gaijin_begin_request(y->o.g, &(struct gaijin_send){.op = GAIJIN_OP_PATHS, .name = a->name}, 2);
  gaijin_put_text(y->o.g, y->host);
  gaijin_put_number(y->o.g, (double)y->id);
  if (gaijin_end_request(y->o.g, NULL, NULL, &a->request) != 0) {
    a->fault = tool_copy(gaijin_error(y->o.g), strlen(gaijin_error(y->o.g)));
    a->request = 0;
  }
}

static void read_answer(struct asked *a, gaijin_body *b) {
  struct gaijin_value complete, objects, path;
  a->told = b && gaijin_body_next(b, &complete) && gaijin_body_next(b, &objects);
  if (!a->told) {
    a->fault = tool_copy("its answer has another form than this version knows", 51);
    return;
  }
  a->complete = complete.type == GAIJIN_BOOL && complete.boolean;
  a->objects = objects.number;
  while (gaijin_body_next(b, &path)) {
    if (path.type != GAIJIN_STRING) continue;
    struct text plain = {0};
    text_add_plain(&plain, path.bytes, path.size);
    text_add(&a->paths, plain.bytes ? plain.bytes : "", plain.size + 1);
    text_deinit(&plain);
    a->n_paths++;
  }
}

/* A refusal as text: what the worker raised, or what the broker says. */
static char *refusal(const struct gaijin_answer *a) {
  struct gaijin_value v;
  if (a->status == GAIJIN_STATUS_RAISED && a->body && gaijin_body_next(a->body, &v) &&
      v.type == GAIJIN_STRING)
    return tool_copy(v.bytes, v.size);
  return tool_copy(a->text, strlen(a->text));
}

static bool is_busy(const struct gaijin_answer *a, const char *text) {
  return a->status == GAIJIN_STATUS_BUSY || strstr(text, "gaijin: busy: ") != NULL;
}

/* Waits for one; it is asked again while it is busy, until `end`. */
static void await(const struct why *y, struct asked *a, double end) {
  while (a->request) {
    struct gaijin_answer answer = {0};
    double left = end - clock_seconds();
    int r = gaijin_await(y->o.g, a->request, left > 0 ? left : 0, &answer);
    a->request = 0;
    if (r != 0) {
      a->fault = tool_copy(r == GAIJIN_STATUS_TIMEOUT ? "no answer" : gaijin_error(y->o.g),
                           strlen(r == GAIJIN_STATUS_TIMEOUT ? "no answer" : gaijin_error(y->o.g)));
    } else if (answer.ok) {
      read_answer(a, answer.body);
    } else {
      a->fault = refusal(&answer);
      if (is_busy(&answer, a->fault) && clock_seconds() + again < end) {
        struct timespec pause = {.tv_nsec = (long)(again * 1e9)};
        nanosleep(&pause, NULL);
        free(a->fault);
        a->fault = NULL;
        ask(y, a);
      }
    }
    gaijin_body_free(answer.body);
  }
}

static void ask_all(struct why *y, double seconds) {
  if (!y->dead)
    y->asked[y->n] = (struct asked){.name = tool_copy(y->host, strlen(y->host))};
  size_t all = y->n + !y->dead;
  for (size_t i = 0; i < all; i++) {
    struct asked *a = &y->asked[i];
    a->is_observer = a->name[0] == '@'; /* no worker's name begins so */
    if (a->is_observer)
      a->told = true;
    else
      ask(y, a);
  }
  double end = clock_seconds() + seconds;
  for (size_t i = 0; i < all; i++) await(y, &y->asked[i], end);
}

/* ---- Showing ---- */

static void text_paths(struct text *t, const struct asked *a) {
  const char *path = a->paths.bytes;
  for (size_t i = 0; i < a->n_paths; i++, path += strlen(path) + 1)
    text_print(t, "  %s\n", path);
}

/* Nothing was found in the heap of a holder. */
static void text_nothing(struct text *t, const struct asked *a) {
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
    const struct asked *a = &y->asked[i];
    text_print(t, "held by ");
    text_add_plain(t, a->name, strlen(a->name));
    text_print(t, a->count == 1 ? ", sent to it once\n" : ", sent to it %llu times\n",
               (unsigned long long)a->count);
    text_paths(t, a);
    if (a->is_observer)
      text_print(t, "  an observer: as long as its command takes\n");
    else if (!a->told)
      text_print(t, "  it does not tell: %s\n", a->fault ? a->fault : "no answer");
    else if (!a->n_paths)
      text_nothing(t, a);
  }
  if (y->more)
    text_print(t, "held by %llu more, which were not asked\n", (unsigned long long)y->more);
  const struct asked *host = &y->asked[y->n];
  if (y->dead) return;
  text_print(t, "inside ");
  text_add_plain(t, y->host, strlen(y->host));
  text_print(t, "\n");
  text_paths(t, host);
  if (!host->told)
    text_print(t, "  it does not tell: %s\n", host->fault ? host->fault : "no answer");
  else if (!host->n_paths)
    text_print(t, host->complete ? "  no path found: it lives because others hold it\n"
                                 : "  no path found among the first %.0f objects\n", host->objects);
}

static void json_asked(struct text *t, const struct asked *a) {
  const char *path = a->paths.bytes;
  text_print(t, "{\"worker\":");
  text_add_json(t, a->name, strlen(a->name));
  text_print(t, ",\"count\":%llu,\"complete\":%s,\"paths\":", (unsigned long long)a->count,
             a->told && a->complete ? "true" : "false");
  if (!a->told) {
    text_print(t, "null,\"error\":");
    text_add_json(t, a->fault ? a->fault : "no answer", strlen(a->fault ? a->fault : "no answer"));
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
    json_asked(t, &y->asked[i]);
  }
  text_print(t, "],\"not_asked\":%llu,\"inside\":", (unsigned long long)y->more);
  if (y->dead)
    text_print(t, "null");
  else
    json_asked(t, &y->asked[y->n]);
  text_print(t, "}\n");
}

/* False if somebody has not told, or the output was not taken. */
static bool show(const struct why *y, bool json) {
  struct text t = {0};
  if (json)
    json_all(y, &t);
  else
    text_all(y, &t);
  bool good = fwrite(t.bytes, 1, t.size, stdout) == t.size;
  text_deinit(&t);
  for (size_t i = 0; i < y->n + !y->dead; i++) good = good && y->asked[i].told;
  return good;
}

static void deinit(struct why *y) {
  for (size_t i = 0; i < y->n + !y->dead; i++) {
    free(y->asked[i].name);
    free(y->asked[i].fault);
    text_deinit(&y->asked[i].paths);
  }
  free(y->kind);
  free(y->host);
}

int cmd_why(const struct invocation *in) {
  struct why y = {.dead = true};
  if (!parse(&y, in->words[0])) return EXIT_USAGE;
  struct observe_book book = {.what = "tokens", .columns = COLUMNS, .host = y.host,
                              .row = read_token, .user = &y};
  bool good = observe_open(&y.o, in) && observe_read(&y.o, &book);
  if (good && !y.found) {
    tool_error("nobody holds an object %s:%llu; `gaijinctl tokens` lists those that are held",
               y.host, (unsigned long long)y.id);
    good = false;
  } else if (good) {
    bool given = settings_given(&in->settings, SETTING_timeout);
    ask_all(&y, given ? observe_timeout(in) : standard_seconds);
    good = show(&y, settings_flag(&in->settings, SETTING_json)) && !y.o.no_broker;
  }
  int status = observe_close(&y.o, good);
  deinit(&y);
  return status;
}
