/* SPDX-License-Identifier: MIT
 *
 * The settings of gaijin-broker: what was typed, over what stands in the file of --config, over the
 * defaults. The file is read with the same care as a policy (policy/source.h), for whoever can
 * write it can name another policy.
 */
#ifndef GAIJIN_BROKER_CONFIG_H
#define GAIJIN_BROKER_CONFIG_H

#include "broker/net/access.h"
#include "policy/settings_file.h"

struct config {
  const char *path;       /* of the file; NULL: there is none */
  struct settings typed;  /* flags */
  struct settings_file file;
  struct settings values; /* what holds; its texts are argv's and the file's */
};

/* Of flags that have been read, puts together what holds, with the file if they name one. False:
 * all that is wrong with it is in `errors`, which is zeroed here, and what holds is for checks
 * only. config_deinit ends it either way. */
bool config_open(struct config *c, const struct settings *typed, struct policy_errors *errors);
void config_deinit(struct config *c);

/* Where the value of a setting comes from, for an error about it: "--mode", "FILE:3 (mode)". False,
 * and "": it is the default. */
enum { CONFIG_ORIGIN = 1100 };
bool config_origin(const struct config *c, enum setting id, char out[CONFIG_ORIGIN]);

/* Looks up, into a zeroed `a`, who may connect: mode, users, groups. That may take long, and calls
 * nothing of the loop's. False: what is wrong with the file is added to `errors`; `typed` (n bytes)
 * has what is wrong with a flag, "" if nothing is. */
bool config_access(const struct config *c, struct access *a, struct policy_errors *errors,
                   char *typed, size_t n);

/* Writes each fault as "FILE:LINE: TEXT" and hands it to `tell`. */
void config_tell(const char *path, const struct policy_errors *errors,
                 void (*tell)(const char *text));

/* For --check-config: checks the policy that is named, and says on stdout what it is. False: it has
 * faults, which were told. */
bool config_check_policy(const struct config *c, void (*tell)(const char *text));

/* For --print-config: writes to stdout a file with these settings. */
void config_print(const struct config *c);

/* What a file that was read again has otherwise than the one before, and `when` takes over: keys
 * with commas between in `changed` (n bytes), cut with "..." if there are more; "": nothing. */
void config_compare(const struct config *before, const struct config *now, enum setting_when when,
                    char *changed, size_t n);

#endif
