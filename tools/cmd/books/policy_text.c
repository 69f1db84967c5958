/* SPDX-License-Identifier: MIT
 *
 * The broker sends the text, and it is parsed here by the code that the broker parsed it with.
 */
#define _GNU_SOURCE /* struct ucred */
#include "tools/cmd/books/policy_text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policy/source.h"

static void report(const char *file, const struct policy_errors *e) {
  for (unsigned i = 0; i < e->kept; i++)
    if (e->list[i].line)
      tool_error("%s:%u: %s", file, e->list[i].line, e->list[i].text);
    else
      tool_error("%s: %s", file, e->list[i].text);
  if (e->count > e->kept) tool_error("%s: and %u more", file, e->count - e->kept);
}

bool policy_text_of_file(struct policy_text *t, const char *path) {
  struct policy_errors errors;
  char warning[POLICY_ERROR_BYTES];
  size_t size;
  char *bytes = policy_source_read(path, warning, &size, &errors);
  if (!bytes) {
    report(path, &errors);
    return false;
  }
  if (*warning) tool_error("warning: %s: %s; a broker of yours refuses it", path, warning);
  t->file = tool_copy(path, strlen(path));
  t->owner = geteuid();
  text_add(&t->text, bytes, size);
  free(bytes);
  return true;
}

bool policy_text_parse(struct policy_text *t) {
  struct policy_errors errors;
  t->policy = policy_parse(t->text.bytes ? t->text.bytes : "", t->text.size, &people_system,
                           &errors);
  if (!t->policy) report(t->file, &errors);
  return t->policy != NULL;
}

void policy_text_deinit(struct policy_text *t) {
  policy_free(t->policy);
  text_deinit(&t->text);
  free(t->file);
  free(t->refused);
  *t = (struct policy_text){0};
}

/* ---- From the broker ---- */

static bool is_key(const struct gaijin_value *v, const char *key) {
  return strlen(key) == v->size && memcmp(v->bytes, key, v->size) == 0;
}

/* Takes a text from a row, unless a row of the same key came before. */
static void take_text(char **to, const struct gaijin_value *v) {
  if (!*to && v->type == GAIJIN_STRING) *to = tool_copy(v->bytes, v->size);
}

static bool read_row(struct observer *o, gaijin_body *b, void *user) {
  struct policy_text *t = user;
  struct gaijin_value key, v;
  if (!observe_value(o, b, "policy", &key) || !observe_value(o, b, "policy", &v)) return false;
  if (key.type != GAIJIN_STRING) return true;
  if (is_key(&key, "file")) take_text(&t->file, &v);
  if (is_key(&key, "refused")) take_text(&t->refused, &v);
  if (is_key(&key, "text") && v.type == GAIJIN_STRING) text_add(&t->text, v.bytes, v.size);
  if (v.type != GAIJIN_NUMBER) return true;
  if (is_key(&key, "user")) t->owner = (uid_t)v.number;
  if (is_key(&key, "age")) t->age = v.number;
  if (is_key(&key, "rules")) t->rules = v.number;
  if (is_key(&key, "refused_age")) t->refused_age = v.number;
  return true;
}

/* By the kernel's word: without a policy the broker does not say who it is. */
static uid_t owner_of_broker(const struct observer *o) {
  struct ucred other;
  socklen_t size = sizeof other;
  bool known = getsockopt(gaijin_fd(o->g), SOL_SOCKET, SO_PEERCRED, &other, &size) == 0;
  return known ? other.uid : geteuid();
}

bool policy_text_of_broker(struct policy_text *t, struct observer *o) {
  t->owner = owner_of_broker(o);
  return observe_read(o, &(struct observe_book){
                             .what = "policy", .columns = 2, .row = read_row, .user = t});
}
