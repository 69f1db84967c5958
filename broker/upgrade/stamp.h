/* SPDX-License-Identifier: MIT
 *
 * Whether another program can go on in this one's place. It is asked before anything is stopped:
 * `gaijin-broker --check-upgrade STAMP` with the broker's own flags, the text of the policy in
 * force on standard input. STAMP says what it will be given: the form of the state, the versions of
 * the wire that connected clients speak, how tokens and holds are laid out in their file, if they
 * are in one, and the largest message that clients were told of: "2:2-4:LAYOUT:BYTES". Yes is
 * status 0, and as the last line "same" (it finds its way in that file) or "records" (it wants them
 * one by one); no is another status, and a line "gaijin-broker: WHY". A program that does not know
 * the flag, or one of the others, says no, too.
 */
#ifndef GAIJIN_BROKER_UPGRADE_STAMP_H
#define GAIJIN_BROKER_UPGRADE_STAMP_H

#include "broker/core/state.h"

enum { STAMP_BYTES = 64 };

/* What this broker would give to the next one. */
void stamp_write(const struct broker *b, char out[STAMP_BYTES]);

/* Whether all that clients speak by now is in a stamp that was written before. */
bool stamp_covers(const char *stamp, const struct broker *b);

/* The lines that say yes. */
#define STAMP_SAME "same"
#define STAMP_RECORDS "records"

/* Of the next program's settings, what has to agree with the state. */
struct stamp_settings {
  bool has_policy;
  uint32_t max_message; /* bytes */
};
/* Whether this program, with these settings, can take over what `stamp` says, and the policy whose
 * text is read from `policy_fd` (empty: none): the line that says so. NULL, and why not in `text`
 * (n bytes), one line. */
const char *stamp_judge(const char *stamp, int policy_fd, const struct stamp_settings *settings,
                        char *text, size_t n);

#endif
