/* SPDX-License-Identifier: MIT
 *
 * Who may do what, as a file says it (docs/policy.md). A policy is a list of rules in the order of
 * the file; of those that fit, the first decides. Nothing changes in one that has been parsed.
 *
 * Nothing here knows sockets or the broker. What is asked often takes no longer with more rules:
 * which rules are about somebody, and about a host, is worked out once and kept as a set of bits;
 * the rule that decides is then the first bit that three sets have in common.
 */
#ifndef GAIJIN_POLICY_H
#define GAIJIN_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/errors.h"
#include "policy/people.h"
#include "proto/ops.h"

/* A file is read and parsed in one piece. */
enum { POLICY_RULES_MOST = 256, POLICY_BYTES_MOST = 64 << 10 };
/* A longer label is compared with no pattern. What a label is compared with, or a name with the
 * patterns of one key, takes at most so many steps (pattern.h), about 2 ms, whatever it is: a file
 * whose patterns may take more is refused. */
enum { POLICY_LABEL_MOST = 1024, POLICY_STEPS_MOST = 1 << 20 };
/* Users and groups that a file may name: each may cost a look into a directory far away. */
enum { POLICY_LOOKUPS_MOST = 256 };

struct policy;

/* Reads `size` bytes of text. NULL: it has faults, or memory is short; all that is wrong is in
 * `errors`, which is zeroed here. policy_free ends it; NULL is fine there. */
struct policy *policy_parse(const char *text, size_t size, const struct people *people,
                            struct policy_errors *errors);
void policy_free(struct policy *p);
unsigned policy_rules(const struct policy *p);

/* ---- Whom a rule is about ---- */

struct policy_set {
  uint64_t words[POLICY_RULES_MOST / 64];
};

struct policy_subject {
  uid_t uid;
  const gid_t *gids; /* all its groups, ascending; NULL with none */
  size_t gid_count;
  bool gids_not_known; /* it may be in other groups besides: a [deny] for any group is about it */
  const char *worker; /* its name, worker_size bytes; NULL: it is no worker, or has no name yet */
  size_t worker_size;
};

/* The rules about somebody, and those about a host of this name. Return the work it was: what was
 * looked at, in characters of patterns and items of lists, each about 2 ns. */
uint64_t policy_about(const struct policy *p, const struct policy_subject *s,
                      struct policy_set *out);
uint64_t policy_of_host(const struct policy *p, const char *name, size_t size,
                        struct policy_set *out);

/* ---- Decisions ---- */

struct policy_verdict {
  bool allowed;
  unsigned line;     /* where the section begins whose rule decided; 0: no rule did */
  const char *title; /* of that section, "allow tills"; the policy's; "" when no rule decided */
  uint64_t work;     /* what was compared with patterns, as policy_about counts it */
};

/* What is asked for under a label. NULL: it is no text and no number, and no pattern fits it. */
struct policy_label {
  const char *text;
  size_t size;
};
enum { POLICY_NUMBER_BYTES = 32 };
/* A number as a pattern sees it: 7, 0.5. */
void policy_number_label(double v, char text[POLICY_NUMBER_BYTES], struct policy_label *label);

/* Whether a worker's asking `host` for this op is allowed; `label` is needed for s2t only. */
struct policy_verdict policy_ask(const struct policy *p, const struct policy_set *asker,
                                 const struct policy_set *host, enum op op,
                                 const struct policy_label *label);
/* Whether a worker may have this name. The set is that of its user: nobody has a name yet. */
struct policy_verdict policy_take(const struct policy *p, const struct policy_set *asker,
                                  const char *name, size_t size);

enum policy_right {
  POLICY_INSPECT, POLICY_ACT, POLICY_LEND, POLICY_EVAL, POLICY_MONITOR, POLICY_RIGHTS
};
/* Whether somebody may look into the broker, act on workers from outside, be lent any object, have
 * workers that allow it run code, or see what others send. Where no rule decides, the broker's own
 * user may. */
struct policy_verdict policy_may(const struct policy *p, const struct policy_set *asker,
                                 enum policy_right right, bool own_user);
/* What who is no worker needs in order to ask one for this op. `paths` and `describe` take
 * POLICY_LEND, as they tell what is inside workers, of objects that nobody gave the asker. */
enum policy_right policy_right_for(enum op op);
/* Whether a right reaches deeper into workers than what these give (lend, eval, monitor): never for
 * workers, and without a policy for the broker's own user and root only. */
bool policy_right_reaches(enum policy_right right);
/* "inspect", "act", "lend", "eval", "monitor". Static. */
const char *policy_right_name(enum policy_right right);

#endif
