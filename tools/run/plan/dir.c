/* SPDX-License-Identifier: MIT
 *
 * A folder of plug-ins: NAME.lua, or NAME/init.lua, which works in its own folder. In the order of
 * their names. Anything else in there is none of ours.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/base/text.h"
#include "tools/run/plan/plan.h"

/* PATH/NAME, to be freed. */
static char *join(const char *path, const char *name) {
  struct text t = {0};
  text_print(&t, "%s/%s", path, name);
  return t.bytes;
}

static bool ends_with(const char *name, const char *end) {
  size_t n = strlen(name), e = strlen(end);
  return n > e && strcmp(name + n - e, end) == 0;
}

static bool is_file(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static struct run_worker *add(struct run_plan *plan, char *script, const char *directory) {
  struct settings s;
  struct run_worker *w = plan_add(plan);
  settings_init(&s, SETTINGS_RUN);
  plan_take_policy(w, &s);
  w->script = script;
  w->directory = tool_copy(directory, strlen(directory));
  return w;
}

static void add_entry(struct run_plan *plan, const char *path, const char *name) {
  char *entry = join(path, name), *init = join(entry, "init.lua");
  if (is_file(init)) {
    plan_name_by(add(plan, tool_copy(init, strlen(init)), entry), entry);
  } else if (ends_with(name, ".lua") && is_file(entry)) {
    plan_name_by(add(plan, tool_copy(entry, strlen(entry)), path), entry);
  }
  free(init);
  free(entry);
}

static int not_hidden(const struct dirent *e) { return e->d_name[0] != '.'; }

bool plan_from_dir(struct run_plan *plan, const char *path) {
  struct dirent **entries = NULL;
  char full[PATH_MAX];
  size_t before = plan->count;
  int n = realpath(path, full) ? scandir(full, &entries, not_hidden, alphasort) : -1;
  if (n < 0) {
    tool_error("run: cannot read folder '%s': %s", path, strerror(errno));
    return false;
  }
  for (int i = 0; i < n; i++) {
    add_entry(plan, full, entries[i]->d_name);
    free(entries[i]);
  }
  free(entries);
  plan->stays = true;
  if (plan->count == before)
    tool_error("run: folder '%s' has no plug-in: no NAME.lua, and no NAME/init.lua", path);
  return plan->count > before;
}
