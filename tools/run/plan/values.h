/* SPDX-License-Identifier: MIT
 *
 * What the sections of a file say (file.c), looked at by the table of settings and taken over
 * into the plan.
 */
#ifndef GAIJIN_TOOLS_RUN_VALUES_H
#define GAIJIN_TOOLS_RUN_VALUES_H

#include <confuse.h>
#include <stdbool.h>

#include "tools/run/plan/plan.h"

/* A value as it stands in the file; the one of its key in a section. */
struct plan_said {
  int line;
  bool twice; /* it was said before */
  bool told;  /* that it is wrong */
  char text[];
};

enum plan_section { PLAN_BROKER, PLAN_WORKER };

/* Whether a section of this kind has this setting as a key. */
bool plan_has_key(enum plan_section section, enum setting id);
/* The key of a section, called as in the file, that is most like this one; NULL if none is near.
 * Static. */
const char *plan_nearest_key(const char *section, const char *key);

/* Takes over all of it; paths are relative to `folder`. False after an error line for each
 * fault. */
bool plan_take_values(struct run_plan *plan, cfg_t *cfg, const char *path, const char *folder);

#endif
