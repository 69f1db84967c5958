/* SPDX-License-Identifier: MIT
 *
 * gaijinctl web: a page in the browser that shows the system live. It asks for JSON every second:
 *
 *   /KEY/            the page, and its files
 *   /KEY/look        workers, loads, traffic, ops and the broker, as the commands show them
 *   /KEY/tokens      some objects: ?host=&holder=&kind=&min_age=&limit=
 *   /KEY/why         ?object=WORKER:ID: what `gaijinctl why` says
 *
 * Two desks ask: one looks, over one connection; why takes seconds, and is another's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "proto/clock.h"
#include "tools/ask/ops_table.h"
#include "tools/base/said.h"
#include "tools/web/books.h"
#include "tools/web/child.h"
#include "tools/web/key.h"
#include "tools/web/look.h"
#include "tools/web/page.h"

#define JSON_TYPE "application/json"
#define POLICY                                                                      \
  "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

enum {
  TOKENS_MOST = 1000, /* that are shown at once */
  ROWS_MOST = 1000,   /* of loads and workers */
  FIELD_MOST = 100,   /* bytes of a field of a query */
  WHY_BYTES = 1 << 20,
};
static const double why_seconds = 20; /* the command itself gives up before */

struct web {
  const struct invocation *in;
  struct key key;
  struct look look;
  struct desk *looks, *whys;
};

/* ---- What is asked of the broker ---- */

/* `answering` and not `warnings`: both ask every worker. */
#define STATUS_COLUMNS                                                                             \
  "version,generation,grace_left_s,workers,away,away_workers,uptime_s,tokens,holdings,requests,"   \
  "memory,memory_most,refused,log_lost"

static bool read_look(void *user, struct observer *o, struct text *body) {
  static const struct book books[] = {
      {.name = "status", .command = COMMAND_status, .fill = cmd_status, .columns = STATUS_COLUMNS},
      {.name = "clients", .command = COMMAND_clients, .fill = cmd_clients, .limit = ROWS_MOST},
      {.name = "loads", .command = COMMAND_loads, .fill = cmd_loads, .sort = "-held",
       .limit = ROWS_MOST},
      {.name = "traffic", .command = COMMAND_traffic, .fill = cmd_traffic},
      {.name = "stats", .command = COMMAND_stats, .fill = ops_table_fill},
  };
  (void)user;
  text_print(body, "{\"at_s\":%.6f", clock_seconds());
  for (size_t i = 0; i < ARRAY_SIZE(books); i++)
    if (!book_add(o, &books[i], body)) return false;
  return true;
}

/* The lines of a question for objects. It is cut into them once, and may be asked twice. */
enum { FIELD_HOST, FIELD_HOLDER, FIELD_KIND, FIELD_AGE, FIELD_LIMIT, FIELDS };
static const char *const field_names[FIELDS] = {"host", "holder", "kind", "min_age", "limit"};
struct objects {
  char *fields[FIELDS];
  bool is_faulty; /* there is no such question */
};

static bool read_tokens(void *user, struct observer *o, struct text *body) {
  struct objects *q = user;
  unsigned long most = strtoul(q->fields[FIELD_LIMIT], NULL, 10);
  struct book b = {.name = "tokens",
                   .command = COMMAND_tokens,
                   .fill = cmd_tokens,
                   .enough = most && most < TOKENS_MOST ? most : TOKENS_MOST,
                   .host = q->fields[FIELD_HOST],
                   .holder = q->fields[FIELD_HOLDER],
                   .kind = q->fields[FIELD_KIND],
                   .least_age = q->fields[FIELD_AGE]};
  q->is_faulty = !book_is_sound(&b);
  text_print(body, "{");
  return !q->is_faulty && book_add(o, &b, body);
}

static void answer_look(void *user, const char *question, struct desk_answer *a) {
  struct web *w = user;
  struct text said = {0};
  bool is_look = strcmp(question, "look") == 0;
  char *copy = tool_copy(question, strlen(question)), *next = copy;
  struct objects q = {0};
  for (size_t i = 0; i < FIELDS; i++) q.fields[i] = strsep(&next, "\n");
  look_ask(&w->look, is_look ? read_look : read_tokens, &q, JSON_TYPE, a, &said);
  if (q.is_faulty) a->status = 400;
  if (a->status == 200) books_end(&a->body, &said);
  text_deinit(&said);
  free(copy);
}

static void answer_why(void *user, const char *question, struct desk_answer *a) {
  const struct web *w = user;
  const char *socket = settings_text(&w->in->settings, SETTING_socket);
  char *with_socket[] = {(char *)"gaijinctl", (char *)"--json", (char *)"-s",      (char *)socket,
                         (char *)"why",       (char *)"--",     (char *)question, NULL};
  char *without[] = {(char *)"gaijinctl", (char *)"--json", (char *)"why", (char *)"--",
                     (char *)question, NULL};
  struct text said = {0};
  int status =
      child_command(socket ? with_socket : without, why_seconds, WHY_BYTES, &a->body, &said);
  a->status = status == EXIT_NO_BROKER ? 503 : 200;
  a->type = JSON_TYPE;
  if (status != EXIT_GOOD && !(status == EXIT_FAILED && a->body.size)) {
    text_deinit(&a->body);
    text_print(&a->body, "{");
    books_end(&a->body, &said);
  }
  text_deinit(&said);
}

/* ---- What is asked of us ---- */

static bool add_word(struct text *t, const char *word) {
  text_add(t, word, strlen(word));
  return true;
}

/* Adds a field of the query, which may not be there; false if nobody means that. */
static bool add_field(struct text *t, const struct serve_request *r, const char *name) {
  const char *value = serve_field(r, name);
  if (!value) value = "";
  if (strlen(value) > FIELD_MOST) return false;
  for (const char *c = value; *c; c++)
    if ((unsigned char)*c < ' ') return false;
  text_add(t, value, strlen(value));
  return true;
}

static bool find_tokens(const struct serve_request *r, struct serve_target *t) {
  for (size_t i = 0; i < FIELDS; i++)
    if (!add_field(&t->question, r, field_names[i]) || !add_word(&t->question, "\n")) return false;
  return true;
}

static bool find(void *user, const char *path, const struct serve_request *r,
                 struct serve_target *t) {
  struct web *w = user;
  const char *name = key_strip(&w->key, path);
  if (!name) return false;
  t->file = page_find(name);
  t->desk = strcmp(name, "why") == 0 ? w->whys : w->looks;
  if (t->file) return true;
  bool good = false;
  if (strcmp(name, "look") == 0)
    good = add_word(&t->question, "look");
  else if (strcmp(name, "tokens") == 0)
    good = find_tokens(r, t);
  else if (strcmp(name, "why") == 0)
    good = add_field(&t->question, r, "object") && *t->question.bytes;
  if (!good) text_deinit(&t->question);
  return good;
}

/* ---- The command ---- */

static int serve(struct web *w, const struct listening *l) {
  w->looks = desk_new(answer_look, w);
  w->whys = desk_new(answer_why, w);
  if (!w->looks || !w->whys) return EXIT_FAILED;
  tool_error("web: listening at http://%s:%u/%s/", l->address, l->port, w->key.text);
  return serve_run(
      &(struct serve){
          .policy = POLICY, .find = find, .user = w, .desks = {w->looks, w->whys}},
      l);
}

int cmd_web(const struct invocation *in) {
  struct web w = {.in = in};
  struct listening listening;
  char port[16];
  snprintf(port, sizeof port, "%u", settings_count(&in->settings, SETTING_port));
  if (!key_make(&w.key)) return EXIT_FAILED;
  int status = listen_open(&listening, "web", port);
  if (status != EXIT_GOOD) return status;
  serve_begin();
  look_init(&w.look, in, "web");
  status = serve(&w, &listening);
  look_deinit(&w.look);
  return status;
}
