/* SPDX-License-Identifier: MIT
 *
 * What is wrong with a policy file, in the order of its lines. Of many faults the first are kept.
 */
#ifndef GAIJIN_POLICY_ERRORS_H
#define GAIJIN_POLICY_ERRORS_H

enum { POLICY_ERRORS_MOST = 20, POLICY_ERROR_BYTES = 200 };

struct policy_errors {
  unsigned count; /* of all */
  unsigned kept;
  struct policy_error {
    unsigned line; /* from 1; 0: the file as a whole */
    char text[POLICY_ERROR_BYTES];
  } list[POLICY_ERRORS_MOST];
};

void policy_error_add(struct policy_errors *e, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
