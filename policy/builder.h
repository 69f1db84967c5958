/* SPDX-License-Identifier: MIT
 *
 * A policy while it is parsed, and what stands in its lists.
 */
#ifndef GAIJIN_POLICY_BUILDER_H
#define GAIJIN_POLICY_BUILDER_H

#include "policy/rules.h"

struct builder {
  struct policy *policy;
  const struct people *people;
  struct policy_errors *errors;
  struct rule *rule; /* of the section that is read; NULL: there is none, or it is to be ignored */
  unsigned line;     /* that is read; faults are told with it */
  unsigned lookups;  /* users and groups looked up so far */
  uint64_t steps[LISTS]; /* that comparing with all patterns so far may take */
};

/* Copies text into the policy's words; NULL after an error, or when memory is short. */
const char *builder_keep(struct builder *b, const char *text, size_t size);

/* Each reads the value of a key, a list with commas, into the rule. What is wrong becomes an error
 * of the line. */
void builder_who(struct builder *b, const char *value);
void builder_names(struct builder *b, const char *value);
void builder_hosts(struct builder *b, const char *value);
void builder_labels(struct builder *b, const char *value);
void builder_ops(struct builder *b, const char *value);
void builder_may(struct builder *b, const char *value);

#endif
