/* SPDX-License-Identifier: MIT
 *
 * gaijinctl policy: checks a policy file, shows the broker's policy, says what a policy allows and
 * which rule decides.
 */
#include <stdio.h>
#include <string.h>

#include "tools/cmd/books/policy_text.h"
#include "tools/cmd/books/policy_who.h"

/* --policy is for `why`. */
static bool is_flag_strange(const struct invocation *in) {
  if (!settings_text(&in->settings, SETTING_policy)) return false;
  tool_error("policy %s has no --policy", in->words[0]);
  return true;
}

static int check(const struct invocation *in) {
  struct policy_text t = {0};
  if (is_flag_strange(in)) return 2;
  bool good = policy_text_of_file(&t, in->words[1]) && policy_text_parse(&t);
  if (good) printf("%s: %u rules\n", t.file, policy_rules(t.policy));
  policy_text_deinit(&t);
  return good ? 0 : 1;
}

/* The policy, which can be read again by `check`, behind what the broker says about it. */
static void print_text(const struct policy_text *t) {
  struct text out = {0};
  text_print(&out, "; %s, in force for %.0f s, %.0f rules\n", t->file, t->age, t->rules);
  if (t->refused)
    text_print(&out, "; refused %.0f s ago: %s\n", t->refused_age, t->refused);
  for (size_t at = 0; at < t->text.size;) {
    const char *line = t->text.bytes + at, *end = memchr(line, '\n', t->text.size - at);
    size_t size = end ? (size_t)(end - line) : t->text.size - at;
    text_add_plain(&out, line, size);
    text_add(&out, "\n", 1);
    at += size + 1;
  }
  fputs(out.bytes, stdout);
  text_deinit(&out);
}

static int show(const struct invocation *in) {
  struct policy_text t = {0};
  if (is_flag_strange(in)) return 2;
  struct observer o;
  bool good = observe_open(&o, in) && policy_text_of_broker(&t, &o);
  if (good && t.file)
    print_text(&t);
  else if (good)
    puts("the broker has no policy: whoever is served may do everything, and its own user and root "
         "may lend, eval and monitor");
  policy_text_deinit(&t);
  return observe_close(&o, good);
}

/* ---- why ---- */

/* A question, in the order of the words: what somebody does, to whom, with which label. */
struct question {
  const char *op, *what, *label;
};

static enum op find_op(const char *name) {
  for (unsigned op = 0; op < OP_COUNT; op++) {
    const struct op_info *info = op_info(op);
    if (info && info->way == OP_ROUTED && strcmp(info->name, name) == 0) return op;
  }
  return OP_COUNT;
}

/* POLICY_RIGHTS: it is none. */
static enum policy_right find_right(const char *name) {
  enum policy_right right = 0;
  while (right < POLICY_RIGHTS && strcmp(policy_right_name(right), name) != 0) right++;
  return right;
}

/* Whether it is about what reaches deeper into workers than what these give. */
static bool is_about_reach(const struct question *q) {
  enum op op = find_op(q->op);
  if (op != OP_COUNT && q->what) return policy_right_reaches(policy_right_for(op));
  return find_right(q->op) != POLICY_RIGHTS && policy_right_reaches(find_right(q->op));
}

/* NULL, or what is wrong with a question. */
static const char *question_fault(const struct question *q) {
  if (find_right(q->op) != POLICY_RIGHTS && find_op(q->op) == OP_COUNT)
    return q->what ? "'inspect', 'act', 'lend' and 'monitor' are asked about without WHAT" : NULL;
  if (strcmp(q->op, "take") != 0 && find_op(q->op) == OP_COUNT)
    return "OP is take, inspect, act, lend, eval, monitor or what workers are asked for: s2t, get, "
           "call ...";
  if (!q->what && find_right(q->op) == POLICY_RIGHTS) return "WHAT is missing: a worker's name";
  if (q->label && strcmp(q->op, "s2t") != 0) return "only s2t is asked about with a label";
  return NULL;
}

static struct policy_verdict judge(const struct policy_text *t, const struct policy_subject *s,
                                   const struct question *q) {
  struct policy_set about, host;
  struct policy_label label = {q->label, q->label ? strlen(q->label) : 0};
  bool own = s->uid == t->owner;
  policy_about(t->policy, s, &about);
  if (find_right(q->op) != POLICY_RIGHTS && !q->what)
    return policy_may(t->policy, &about, find_right(q->op), own);
  if (strcmp(q->op, "take") == 0) return policy_take(t->policy, &about, q->what, strlen(q->what));
  enum op op = find_op(q->op);
  if (!s->worker) return policy_may(t->policy, &about, policy_right_for(op), own);
  if (strcmp(s->worker, q->what) == 0) return (struct policy_verdict){.allowed = true};
  policy_of_host(t->policy, q->what, strlen(q->what), &host);
  return policy_ask(t->policy, &about, &host, op, &label);
}

static void print_verdict(const struct policy_text *t, const struct policy_subject *s,
                          const struct question *q, const struct policy_verdict *v) {
  struct text out = {0};
  bool itself = s->worker && q->what && strcmp(s->worker, q->what) == 0;
  text_print(&out, "%s: ", v->allowed ? "allow" : "deny");
  if (v->line) {
    text_add_plain(&out, t->file, strlen(t->file));
    text_print(&out, ":%u [", v->line);
    text_add_plain(&out, v->title, strlen(v->title));
    text_print(&out, "]");
  } else if (!v->allowed) {
    text_print(&out, "no rule of ");
    text_add_plain(&out, t->file, strlen(t->file));
    text_print(&out, " allows it");
  } else {
    text_print(&out, itself ? "it is the worker itself"
                            : "it is the broker's own user, and no rule is about it");
  }
  puts(out.bytes);
  text_deinit(&out);
}

/* The broker has no policy. */
static bool answer_without(const struct policy_text *t, const struct policy_subject *s,
                           const struct question *q) {
  bool allowed = !is_about_reach(q) || s->uid == 0 || s->uid == t->owner;
  if (!is_about_reach(q))
    puts("allow: the broker has no policy");
  else
    printf("%s: without a policy the broker's own user and root may\n", allowed ? "allow" : "deny");
  return allowed;
}

/* Whether it is allowed; false also after an error line. */
static bool answer(struct policy_text *t, const char *word, const struct question *q,
                   struct observer *o) {
  struct policy_who who;
  bool allowed = false;
  if (t->file && !policy_text_parse(t)) return false;
  if (policy_who_read(&who, word, o)) {
    if (is_about_reach(q) && who.subject.worker) {
      puts("deny: only observers may, whatever a policy says");
    } else if (!t->file) {
      allowed = answer_without(t, &who.subject, q);
    } else {
      struct policy_verdict v = judge(t, &who.subject, q);
      print_verdict(t, &who.subject, q, &v);
      allowed = v.allowed;
    }
  }
  policy_who_deinit(&who);
  return allowed;
}

static int why(const struct invocation *in) {
  struct policy_text t = {0};
  const char *file = settings_text(&in->settings, SETTING_policy);
  struct question q = {in->words[2], in->count > 3 ? in->words[3] : NULL,
                       in->count > 4 ? in->words[4] : NULL};
  const char *fault = question_fault(&q);
  if (fault) {
    tool_error("policy why: %s", fault);
    return 2;
  }
  struct observer o = {0};
  bool allowed = false;
  if (file ? policy_text_of_file(&t, file)
           : observe_open(&o, in) && policy_text_of_broker(&t, &o))
    allowed = answer(&t, in->words[1], &q, file ? NULL : &o);
  policy_text_deinit(&t);
  return observe_close(&o, allowed);
}

int cmd_policy(const struct invocation *in) {
  static const struct {
    const char *name;
    int least, most; /* words, itself included */
    int (*run)(const struct invocation *in);
  } actions[] = {{"check", 2, 2, check}, {"why", 3, 5, why}, {"show", 1, 1, show}};
  for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
    if (strcmp(in->words[0], actions[i].name) == 0 && in->count >= actions[i].least &&
        in->count <= actions[i].most)
      return actions[i].run(in);
  tool_error("policy takes 'check FILE', 'why WHO OP [WHAT [LABEL]]' or 'show'; see "
             "`gaijinctl policy --help`");
  return 2;
}
