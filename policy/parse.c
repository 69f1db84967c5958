/* SPDX-License-Identifier: MIT
 *
 * What stands in a line becomes a part of a rule, and a rule is entered when its section ends. The
 * lines come by way of ini.h.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policy/builder.h"
#include "policy/ini.h"
#include "proto/base.h"

struct parse {
  struct builder builder;
  unsigned section_line; /* of the section that is read; 0 before the first */
  bool is_new;           /* no key of it has come yet */
  bool is_refused;       /* its first line was: its keys are not looked at */
  unsigned errors_before; /* it */
};

/* ---- Sections ---- */

/* Whether `who` has workers by name; whether it has anybody else. */
static bool is_about(const struct policy *p, const struct rule *r, bool workers) {
  for (uint32_t i = r->first[LIST_WHO]; i != NO_ITEM; i = p->items[i].next)
    if ((p->items[i].kind == ITEM_PATTERN) == workers) return true;
  return false;
}

static bool has(const struct rule *r, enum list list) { return r->first[list] != NO_ITEM; }

/* NULL, or what is wrong with a rule that has come to its end. */
static const char *rule_fault(const struct policy *p, const struct rule *r) {
  uint64_t by_label = UINT64_C(1) << OP_s2t | UINT64_C(1) << OP_labels;
  if (!has(r, LIST_WHO)) return "it does not say 'who'";
  if (!has(r, LIST_NAMES) && !has(r, LIST_HOSTS) && !r->rights)
    return "it says neither 'names' nor 'hosts' nor 'may'";
  if ((r->ops || has(r, LIST_LABELS)) && !has(r, LIST_HOSTS))
    return "'ops' and 'labels' are about 'hosts', of which there are none";
  if (has(r, LIST_NAMES) && is_about(p, r, true))
    return "a name is asked for before there is a worker: 'names' needs users or groups as 'who'";
  if (has(r, LIST_LABELS) && r->ops && !(r->ops & by_label))
    return "'labels' matter for s2t and labels only, which are not among 'ops'";
  if ((r->rights & ~(1u << POLICY_INSPECT)) && !is_about(p, r, false))
    return "'act', 'lend', 'eval' and 'monitor' are for who is no worker: 'who' needs users or "
           "groups, or all";
  return NULL;
}

static bool is_rule_of(const struct rule *r, enum op op) {
  if (!has(r, LIST_HOSTS) || (r->ops && !(r->ops >> op & 1))) return false;
  /* It tells all labels: too much for who may ask for some only. */
  return op != OP_labels || !has(r, LIST_LABELS) || !r->allows;
}

/* Enters the rule where it is looked up. */
static void enter_rule(struct policy *p, unsigned number) {
  const struct rule *r = &p->rules[number];
  for (unsigned op = 0; op < OP_COUNT; op++)
    if (is_rule_of(r, op)) set_add(&p->by_op[op], number);
  for (unsigned right = 0; right < POLICY_RIGHTS; right++)
    if (r->rights >> right & 1) set_add(&p->by_right[right], number);
  if (has(r, LIST_NAMES)) set_add(&p->taking, number);
}

static void end_section(struct parse *p) {
  struct builder *b = &p->builder;
  if (p->section_line && p->is_new && !p->is_refused)
    policy_error_add(b->errors, p->section_line, "the section is empty");
  if (!b->rule) return;
  const char *fault = rule_fault(b->policy, b->rule);
  /* A list that is missing because it had faults was told already. */
  if (fault && b->errors->count == p->errors_before)
    policy_error_add(b->errors, p->section_line, "[%s]: %s", b->rule->title, fault);
  else if (!fault)
    enter_rule(b->policy, (unsigned)(b->rule - b->policy->rules));
  b->rule = NULL;
}

/* Whether a section's name is `verb`, or that and a title. */
static bool begins_with(const char *section, const char *verb) {
  size_t n = strlen(verb);
  return strncmp(section, verb, n) == 0 && (!section[n] || section[n] == ' ');
}

/* The first key of a section has come. */
static void begin_rule(struct parse *p, const char *section) {
  struct builder *b = &p->builder;
  bool allows = begins_with(section, "allow");
  if (!allows && !begins_with(section, "deny")) {
    policy_error_add(b->errors, p->section_line,
                     "a section is [allow] or [deny], with a title or without, not [%s]", section);
    return;
  }
  if (b->policy->rule_count == POLICY_RULES_MOST) {
    policy_error_add(b->errors, p->section_line, "more than %d rules", POLICY_RULES_MOST);
    return;
  }
  const char *title = builder_keep(b, section, strlen(section));
  if (!title) return;
  b->rule = &b->policy->rules[b->policy->rule_count++];
  *b->rule = (struct rule){.line = p->section_line, .allows = allows, .title = title};
  for (unsigned i = 0; i < LISTS; i++) b->rule->first[i] = b->rule->last[i] = NO_ITEM;
}

/* ---- What the library calls ---- */

static const struct {
  const char *name;
  void (*read)(struct builder *b, const char *value);
} keys[] = {
    {"who", builder_who},       {"names", builder_names}, {"hosts", builder_hosts},
    {"labels", builder_labels}, {"ops", builder_ops},     {"may", builder_may},
};

/* The key that a value begins with, and a ':', which the library takes for a '='; or NULL. */
static const char *key_in(const char *value) {
  for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
    size_t n = strlen(keys[i].name);
    if (strncmp(value, keys[i].name, n) != 0) continue;
    n += strspn(value + n, " \t");
    if (value[n] == ':') return keys[i].name;
  }
  return NULL;
}

static void on_key(void *user, const char *section, const char *name, const char *value) {
  struct parse *p = user;
  struct builder *b = &p->builder;
  if (p->is_refused) return;
  if (!p->section_line) {
    policy_error_add(b->errors, b->line, "'%s' stands before the first section", name);
    return;
  }
  if (p->is_new) {
    p->is_new = false;
    begin_rule(p, section);
  }
  if (!b->rule) return;
  const char *key = key_in(value);
  if (key) {
    policy_error_add(b->errors, b->line,
                     "'%s:' in a list; a line that begins with blanks goes on with the list above "
                     "it. A ':' that is meant is written \\:", key);
    return;
  }
  for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
    if (strcmp(name, keys[i].name) == 0) {
      keys[i].read(b, value);
      return;
    }
  policy_error_add(b->errors, b->line,
                   "unknown key '%s'; there are who, names, hosts, ops, labels and may", name);
}

/* Of a line that begins a section: NULL, or what is wrong with it. */
static const char *section_fault(const struct ini_line *l) {
  const char *line = l->bytes, *end = memchr(line, ']', l->size);
  if (l->blanks) return "a section begins at the begin of its line";
  if (!end) return "']' is missing";
  if (end - line - 1 > INI_SECTION_MOST) return "a section's title is too long";
  size_t rest = (size_t)(end - line) + 1;
  while (rest < l->size && ini_is_blank(line[rest])) rest++;
  return rest == l->size || line[rest] == ';' ? NULL : "what stands behind the ']'?";
}

static const char *look(void *user, const struct ini_line *l) {
  struct parse *p = user;
  p->builder.line = l->number;
  if (!l->is_section) return l->fault;
  end_section(p);
  p->section_line = l->number;
  p->is_new = true;
  p->errors_before = p->builder.errors->count;
  const char *fault = l->fault ? l->fault : section_fault(l);
  p->is_refused = fault != NULL;
  return fault;
}

static void on_refused(void *user, unsigned line, const char *why) {
  struct parse *p = user;
  policy_error_add(p->builder.errors, line, "%s", why);
}

/* ---- The whole ---- */

static void read_all(struct parse *p, const char *text, size_t size) {
  const struct ini ini = {
      .too_long = "more than 198 bytes; a list may go on in a line that begins with blanks",
      .look = look, .refused = on_refused, .key = on_key, .user = p};
  if (!ini_read(&ini, text, size))
    policy_error_add(p->builder.errors, 0, "memory is too short");
  end_section(p);
}

struct policy *policy_parse(const char *text, size_t size, const struct people *people,
                            struct policy_errors *errors) {
  struct policy *made = calloc(1, sizeof *made);
  *errors = (struct policy_errors){0};
  if (size > POLICY_BYTES_MOST) {
    policy_error_add(errors, 0, "more than %d KiB", POLICY_BYTES_MOST >> 10);
  } else if (made) {
    /* Each word is one of the text, and what ends it there has room for a 0. */
    made->words_room = size + 2;
    made->words = malloc(made->words_room);
  }
  if (!errors->count && (!made || !made->words)) policy_error_add(errors, 0, "memory is too short");
  if (!errors->count) {
    struct parse p = {.builder = {.policy = made, .people = people, .errors = errors}};
    read_all(&p, text, size);
  }
  if (!errors->count) return made;
  policy_free(made);
  return NULL;
}

void policy_free(struct policy *p) {
  if (!p) return;
  free(p->items);
  free(p->words);
  free(p);
}
