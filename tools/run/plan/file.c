/* SPDX-License-Identifier: MIT
 *
 * A file that describes a system (docs/supervisor.md): a section for the broker, one for each
 * worker, one for all of them, variables. libConfuse reads it; which keys there are and what they
 * take is in settings.def. A value is kept as it stands, with its line, and looked at when all has
 * been read, so that every wrong one is told; of what is no such file at all the first fault is.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fmemopen with any size */
#endif
#include <confuse.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/base/text.h"
#include "tools/run/plan/plan.h"
#include "tools/run/plan/values.h"

enum { FILE_MOST = 1 << 20 };

/* Put behind the file's end: libConfuse does not say that a section has no end. */
static const char last_key[] = "end-of-file";

/* ---- What libConfuse calls ---- */

/* A value as it was read. */
static int keep_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result) {
  size_t n = strlen(value);
  struct plan_said *said = tool_alloc(1, sizeof *said + n + 1);
  said->line = cfg->line;
  said->twice = cfg_opt_getcomment(opt) != NULL;
  memcpy(said->text, value, n + 1);
  *(void **)result = said;
  return cfg_opt_setcomment(opt, (char *)"said");
}

static void tell_unknown(const cfg_t *cfg, const char *key) {
  const char *near = plan_nearest_key(cfg->name, key);
  if (strcmp(key, last_key) == 0)
    tool_error("run: %s: the section that ends here has no '}'", cfg->filename);
  else
    tool_error("run: %s:%d: there is no '%s' here%s%s%s", cfg->filename, cfg->line, key,
               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* Its texts begin with small letters, and have no line. */
static void on_error(cfg_t *cfg, const char *format, va_list values) {
  char fault[400];
  static const char unknown[] = "no such option '%s'";
  bool is_unknown = strncmp(format, unknown, sizeof unknown - 1) == 0;
  /* Of variables that are about to be made it says so, too. */
  if (is_unknown && (cfg->flags & CFGF_KEYSTRVAL)) return;
  if (is_unknown) {
    tell_unknown(cfg, va_arg(values, const char *));
    return;
  }
  vsnprintf(fault, sizeof fault, format, values);
  tool_error("run: %s:%d: %s", cfg->filename, cfg->line, fault);
}

/* ---- The form of the file ---- */

/* The keys of a kind of section, and an end; `to` has room for SETTINGS + 2. */
static void put_keys(cfg_opt_t *to, enum plan_section section, cfg_opt_t *env) {
  for (enum setting id = 0; id < SETTINGS; id++)
    if (plan_has_key(section, id))
      *to++ = (cfg_opt_t)CFG_PTR_CB(setting_info(id)->key, NULL, CFGF_NODEFAULT, keep_value, free);
  if (env) *to++ = (cfg_opt_t)CFG_SEC("env", env, CFGF_KEYSTRVAL);
  *to = (cfg_opt_t)CFG_END();
}

/* To be freed with cfg_free. */
static cfg_t *form(const char *path) {
  cfg_opt_t env[] = {CFG_END()}, broker[SETTINGS + 2], worker[SETTINGS + 2];
  put_keys(broker, PLAN_BROKER, NULL);
  put_keys(worker, PLAN_WORKER, env);
  cfg_opt_t root[] = {
      CFG_SEC("broker", broker, CFGF_NONE),
      CFG_SEC("workers", worker, CFGF_NONE),
      CFG_SEC("worker", worker, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
      CFG_SEC("env", env, CFGF_KEYSTRVAL),
      CFG_INT(last_key, 0, CFGF_NONE),
      CFG_END(),
  };
  cfg_t *cfg = cfg_init(root, CFGF_NONE);
  if (!cfg) {
    tool_error("not enough memory");
    exit(1);
  }
  /* Sections that are there once are made before the file has a name. */
  cfg->filename = tool_copy(path, strlen(path));
  cfg_getsec(cfg, "broker")->filename = tool_copy(path, strlen(path));
  cfg_getsec(cfg, "workers")->filename = tool_copy(path, strlen(path));
  cfg_set_error_function(cfg, on_error);
  return cfg;
}

/* ---- Reading ---- */

/* The file's text. False after an error line. */
static bool load(const char *path, struct text *t) {
  FILE *f = fopen(path, "re");
  struct stat st = {0};
  int e = !f || fstat(fileno(f), &st) != 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;
  char bytes[4096];
  size_t n;
  while (e == 0 && t->size <= FILE_MOST && (n = fread(bytes, 1, sizeof bytes, f)) > 0)
    text_add(t, bytes, n);
  if (e == 0 && ferror(f)) e = errno;
  if (f) fclose(f);
  if (e)
    tool_error("run: cannot read '%s': %s", path, strerror(e));
  else if (t->size > FILE_MOST)
    tool_error("run: '%s' has more than %d bytes", path, FILE_MOST);
  else if (t->size && memchr(t->bytes, 0, t->size))
    tool_error("run: '%s' is no text", path);
  else
    return true;
  return false;
}

/* What the file says, to be freed with cfg_free; NULL after an error line. */
static cfg_t *parse(const char *path) {
  struct text t = {0};
  cfg_t *cfg = NULL;
  if (load(path, &t)) {
    text_print(&t, "\n%s = 1\n", last_key);
    FILE *f = fmemopen(t.bytes, t.size, "r");
    cfg = form(path);
    int outcome = f ? cfg_parse_fp(cfg, f) : CFG_FILE_ERROR;
    if (!f) tool_error("run: cannot read '%s': %s", path, strerror(errno));
    if (f) fclose(f);
    /* Of a section without an end it has told already, and goes on. */
    if (outcome == CFG_SUCCESS && cfg_getint(cfg, last_key) != 1) {
      tool_error("run: %s: the last section has no '}'", path);
      outcome = CFG_PARSE_ERROR;
    }
    if (outcome != CFG_SUCCESS) {
      cfg_free(cfg);
      cfg = NULL;
    }
  }
  text_deinit(&t);
  return cfg;
}

/* The folder of a file, without links; NULL after an error line. To be freed. */
static char *folder_of(const char *path) {
  char *full = realpath(path, NULL);
  if (!full) {
    tool_error("run: cannot read '%s': %s", path, strerror(errno));
    return NULL;
  }
  char *slash = strrchr(full, '/');
  slash[slash == full] = '\0';
  return full;
}

bool plan_from_file(struct run_plan *plan, const char *path) {
  char *folder = folder_of(path);
  cfg_t *cfg = folder ? parse(path) : NULL;
  bool good = cfg && plan_take_values(plan, cfg, path, folder);
  if (good && plan->count == 0) {
    tool_error("run: %s: there is no worker in it: worker NAME { script = \"NAME.lua\" }", path);
    good = false;
  }
  plan->stays = true;
  if (cfg) cfg_free(cfg);
  free(folder);
  return good;
}
