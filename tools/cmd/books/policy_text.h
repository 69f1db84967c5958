/* SPDX-License-Identifier: MIT
 *
 * The policy that gaijinctl is to judge by: a file's, or the one a running broker has in force.
 */
#ifndef GAIJIN_TOOLS_CMD_POLICY_TEXT_H
#define GAIJIN_TOOLS_CMD_POLICY_TEXT_H

#include "policy/policy.h"
#include "tools/ask/observe.h"
#include "tools/base/text.h"

/* A zeroed one may be ended. */
struct policy_text {
  char *file;        /* its path; NULL: the broker has no policy */
  struct text text;
  struct policy *policy; /* NULL as long as nobody parsed the text */
  uid_t owner;       /* the broker's user, also without a policy; of a file whoever asks */
  double age, rules; /* of a broker's policy: seconds it is in force; their number */
  char *refused;     /* why a newer file was refused; NULL: none was */
  double refused_age;
};

/* Each is false after error lines. Of a file that a broker would refuse because others can change
 * it, a line warns. */
bool policy_text_of_file(struct policy_text *t, const char *path);
bool policy_text_of_broker(struct policy_text *t, struct observer *o);
/* Each fault is a line on stderr, FILE:LINE: what. */
bool policy_text_parse(struct policy_text *t);
void policy_text_deinit(struct policy_text *t);

#endif
