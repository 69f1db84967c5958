/* SPDX-License-Identifier: MIT
 *
 * The values of keys. What looks like something else must not become a word of a list, or a rule is
 * narrower or wider than it seems: a key that stands behind blanks, where a line goes on with the
 * list of the key above it (its ':' is looked for in parse.c); a comment. Both are refused, unless
 * a backslash says that they are meant.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/builder.h"
#include "policy/pattern.h"
#include "proto/base.h"
#include "proto/limits.h"
#include "proto/name.h"

enum { WORD_MOST = PATTERN_MOST_BYTES }; /* no line is that long */

typedef void (*word_fn)(struct builder *b, const char *word, size_t size);

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static void no_memory(struct builder *b) { policy_error_add(b->errors, 0, "memory is too short"); }

/* Whether a comment seems to begin at `at`, in the word that begins at `text`. */
static bool is_comment(const char *text, const char *at) {
  return (*at == ';' || *at == '#') && (at == text || is_blank(at[-1]));
}

/* The end of the word that begins at `text`: a comma or the end. NULL after an error. */
static const char *word_end(struct builder *b, const char *text) {
  const char *at = text;
  for (; *at && *at != ','; at++) {
    const char *fault = NULL;
    if (*at == '\\' && !at[1]) fault = "a backslash takes the meaning from what follows, which is "
                                       "nothing";
    if (*at == '=') fault = "a '=' in a list; a line that begins with blanks goes on with the list "
                            "above it. A '=' that is meant is written \\=";
    if (is_comment(text, at)) fault = "a comment has a line of its own here; a '#' or ';' that is "
                                      "meant is written \\# or \\;";
    if (fault) {
      policy_error_add(b->errors, b->line, "%s", fault);
      return NULL;
    }
    if (*at == '\\') at++;
  }
  return at;
}

/* Gives each word of a list. A comma at its end is fine: the list may go on in the next line. */
static void each_word(struct builder *b, const char *list, word_fn take) {
  for (const char *at = list, *end;; at = end + 1) {
    while (is_blank(*at)) at++;
    if (!*at && at != list) return;
    end = word_end(b, at);
    if (!end) return;
    size_t size = (size_t)(end - at);
    while (size && is_blank(at[size - 1]) && !(size > 1 && at[size - 2] == '\\')) size--;
    if (size)
      take(b, at, size);
    else
      policy_error_add(b->errors, b->line, *end || at != list ? "nothing between two commas"
                                                              : "the list is empty");
    if (!*end) return;
  }
}

/* ---- Items ---- */

const char *builder_keep(struct builder *b, const char *text, size_t size) {
  struct policy *p = b->policy;
  if (p->words_room - p->words_size < size + 1) {
    no_memory(b);
    return NULL;
  }
  char *kept = p->words + p->words_size;
  memcpy(kept, text, size);
  kept[size] = '\0';
  p->words_size += size + 1;
  return kept;
}

static void add_item(struct builder *b, enum list list, struct item item) {
  struct policy *p = b->policy;
  if (p->item_count == p->item_room) {
    uint32_t room = p->item_room ? p->item_room * 2 : 64;
    struct item *items = realloc(p->items, room * sizeof *items);
    if (!items) {
      no_memory(b);
      return;
    }
    p->items = items;
    p->item_room = room;
  }
  uint32_t at = p->item_count++;
  item.next = NO_ITEM;
  p->items[at] = item;
  if (b->rule->last[list] == NO_ITEM)
    b->rule->first[list] = at;
  else
    p->items[b->rule->last[list]].next = at;
  b->rule->last[list] = at;
}

/* Notes what comparing with a pattern may take; what is too much is told where it becomes that. */
static void note_steps(struct builder *b, enum list list, const char *pattern, size_t size) {
  static const char *const keys[LISTS] = {"who", "names", "hosts", "labels"};
  size_t longest = list == LIST_LABELS ? POLICY_LABEL_MOST : TOLD_NAME_MAX_BYTES;
  uint64_t before = b->steps[list];
  b->steps[list] += pattern_most_steps(pattern, size, longest);
  if (before <= POLICY_STEPS_MOST && b->steps[list] > POLICY_STEPS_MOST)
    policy_error_add(b->errors, b->line,
                     "to compare with all patterns of '%s' up to here may take more than %d "
                     "steps; most take those with text between two stars, %zu or more each",
                     keys[list], POLICY_STEPS_MOST, 2 * longest);
}

static void add_pattern(struct builder *b, enum list list, const char *pattern, size_t size) {
  note_steps(b, list, pattern, size);
  const char *kept = builder_keep(b, pattern, size);
  if (kept)
    add_item(b, list,
             (struct item){.kind = ITEM_PATTERN, .pattern = kept, .size = (uint32_t)size});
}

/* A pattern of workers' names, of which there may be one that fits. */
static void add_name(struct builder *b, enum list list, const char *pattern, size_t size) {
  char plain[WORD_MOST];
  assert(size <= sizeof plain);
  size_t n = pattern_plain(pattern, size, plain);
  const char *fault = n ? name_fault(plain, n) : NULL;
  if (fault)
    policy_error_add(b->errors, b->line, "no worker is called '%.*s': a worker's name %s",
                     (int)size, pattern, fault);
  else
    add_pattern(b, list, pattern, size);
}

/* ---- Keys ---- */

/* Whether one more may be looked up. */
static bool may_look_up(struct builder *b) {
  if (++b->lookups <= POLICY_LOOKUPS_MOST) return true;
  if (b->lookups == POLICY_LOOKUPS_MOST + 1)
    policy_error_add(b->errors, b->line,
                     "more than %d names of users and groups; write numbers for the others",
                     POLICY_LOOKUPS_MOST);
  return false;
}

/* A user or group that was looked up, or what is wrong with it. */
static void add_found(struct builder *b, enum people_outcome o, const struct item *item,
                      const char *name) {
  char fault[POLICY_ERROR_BYTES];
  if (o == PEOPLE_FOUND) {
    add_item(b, LIST_WHO, *item);
    return;
  }
  people_explain(o, item->kind == ITEM_UID ? "user" : "group", name, fault, sizeof fault);
  policy_error_add(b->errors, b->line, "%s", fault);
}

static void add_user(struct builder *b, const char *name) {
  struct item item = {.kind = ITEM_UID};
  uid_t uid = 0;
  enum people_outcome o = PEOPLE_FOUND;
  if (!people_number(name, &item.id)) {
    if (!may_look_up(b)) return;
    o = b->people->user(name, &uid);
    item.id = uid;
  }
  add_found(b, o, &item, name);
}

static void add_group(struct builder *b, const char *name) {
  struct item item = {.kind = ITEM_GID};
  gid_t gid = 0;
  enum people_outcome o = PEOPLE_FOUND;
  if (!people_number(name, &item.id)) {
    if (!may_look_up(b)) return;
    o = b->people->group(name, &gid);
    item.id = gid;
  }
  add_found(b, o, &item, name);
}

/* What stands behind "KIND " in a word; NULL: it does not begin so. */
static const char *behind(const char *word, const char *kind) {
  size_t n = strlen(kind);
  if (strncmp(word, kind, n) != 0 || !is_blank(word[n])) return NULL;
  for (word += n; is_blank(*word); word++) continue;
  return *word ? word : NULL;
}

static void take_who(struct builder *b, const char *word, size_t size) {
  char text[WORD_MOST];
  const char *rest;
  assert(size < sizeof text);
  memcpy(text, word, size);
  text[size] = '\0';
  if (strcmp(text, "all") == 0)
    add_item(b, LIST_WHO, (struct item){.kind = ITEM_ALL});
  else if ((rest = behind(text, "user")))
    add_user(b, rest);
  else if ((rest = behind(text, "group")))
    add_group(b, rest);
  else if ((rest = behind(text, "worker")))
    add_name(b, LIST_WHO, rest, size - (size_t)(rest - text));
  else
    policy_error_add(b->errors, b->line,
                     "who is 'all', 'user NAME', 'group NAME' or 'worker PATTERN', not '%s'", text);
}

static void take_name(struct builder *b, const char *word, size_t size) {
  add_name(b, LIST_NAMES, word, size);
}
static void take_host(struct builder *b, const char *word, size_t size) {
  add_name(b, LIST_HOSTS, word, size);
}
static void take_label(struct builder *b, const char *word, size_t size) {
  add_pattern(b, LIST_LABELS, word, size);
}

static bool is_word(const char *word, size_t size, const char *wanted) {
  return strlen(wanted) == size && memcmp(word, wanted, size) == 0;
}

uint64_t rules_reading_ops(void) {
  return UINT64_C(1) << OP_s2t | UINT64_C(1) << OP_labels | UINT64_C(1) << OP_get |
         UINT64_C(1) << OP_pairs | UINT64_C(1) << OP_ipairs | UINT64_C(1) << OP_next |
         UINT64_C(1) << OP_len | UINT64_C(1) << OP_str |
         UINT64_C(1) << OP_alive;
}

static void take_op(struct builder *b, const char *word, size_t size) {
  if (is_word(word, size, "read")) {
    b->rule->ops |= rules_reading_ops();
    return;
  }
  for (unsigned op = 0; op < OP_COUNT; op++) {
    const struct op_info *info = op_info(op);
    if (!info || info->way != OP_ROUTED || !is_word(word, size, info->name)) continue;
    b->rule->ops |= UINT64_C(1) << op;
    return;
  }
  policy_error_add(b->errors, b->line, "no worker is asked for '%.*s': ops are 'read' and names "
                                       "of routed ops (docs/protocol.md)", (int)size, word);
}

static void take_right(struct builder *b, const char *word, size_t size) {
  for (unsigned r = 0; r < POLICY_RIGHTS; r++)
    if (is_word(word, size, policy_right_name(r))) {
      b->rule->rights |= 1u << r;
      return;
    }
  char all[128] = "";
  for (unsigned r = 0, n = 0; r < POLICY_RIGHTS && n < sizeof all; r++)
    n += (unsigned)snprintf(all + n, sizeof all - n, "'%s', ", policy_right_name(r));
  policy_error_add(b->errors, b->line, "'may' takes %snot '%.*s'", all, (int)size, word);
}

void builder_who(struct builder *b, const char *value) { each_word(b, value, take_who); }
void builder_names(struct builder *b, const char *value) { each_word(b, value, take_name); }
void builder_hosts(struct builder *b, const char *value) { each_word(b, value, take_host); }
void builder_labels(struct builder *b, const char *value) { each_word(b, value, take_label); }
void builder_ops(struct builder *b, const char *value) { each_word(b, value, take_op); }
void builder_may(struct builder *b, const char *value) { each_word(b, value, take_right); }
