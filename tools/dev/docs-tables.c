/* SPDX-License-Identifier: MIT
 *
 * docs-tables FOLDER [--check]: renews the tables in FOLDER's pages that come from lists
 * (proto/ops.def, status.def, settings/settings.def; tools/base/commands.def), each between its two
 * markers, `<!-- ops:begin -->` and `<!-- ops:end -->` for the first. With --check nothing is
 * written and the status is 1 if a table is not what its list says. Everything outside the markers
 * is left as it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "proto/ops.h"
#include "proto/settings/settings.h"
#include "proto/status.h"
#include "tools/base/command.h"

static const char *const kinds[] = {[OP_REQUEST] = "request", [OP_NOTICE] = "notice"};
static const char *const ways[] = {[OP_ROUTED] = "client -> broker -> host",
                                   [OP_BROKER] = "client -> broker",
                                   [OP_CLIENT] = "broker -> client",
                                   [OP_BOTH] = "both ways"};
static const char *const targets[] = {[OP_NONE] = "nil", [OP_NAME] = "name", [OP_PT] = "PT"};
static const char *const meanings[] = {
#define STATUS(number, name, meaning) [number] = meaning,
#include "proto/status.def"
#undef STATUS
};

static void write_count(FILE *out, const struct op_info *i) {
  if (i->most == OP_ANY)
    fprintf(out, "%u or more", i->least);
  else if (i->least == i->most)
    fprintf(out, "%u", i->least);
  else
    fprintf(out, "%u to %u", i->least, i->most);
}

static void write_ops(FILE *out) {
  fprintf(out, "| op | name | since | kind | way | target | values | body | what it does |\n"
               "|---|---|---|---|---|---|---|---|---|\n");
  for (unsigned op = 0; op < OP_COUNT; op++) {
    const struct op_info *i = op_info(op);
    if (!i) continue;
    fprintf(out, "| %u | `%s` | %u | %s | %s | %s | ", op, i->name, i->since, kinds[i->kind],
            ways[i->way], targets[i->target]);
    write_count(out, i);
    if (i->grew) fprintf(out, " (before version %u at most %u)", i->grew, i->before);
    fprintf(out, " | %s%s%s | %s |\n", *i->body ? "`[" : "`[]", i->body, *i->body ? "]`" : "`",
            i->sentence);
  }
}

static void write_statuses(FILE *out) {
  fprintf(out, "| number | name | meaning |\n|---|---|---|\n");
  for (unsigned s = 0; s < STATUS_COUNT; s++)
    fprintf(out, "| %u | `%s` | %s |\n", s, status_name(s), meanings[s]);
}

/* Who has a setting: "broker, worker"; of gaijinctl also which commands. */
static void write_programs(FILE *out, enum setting id) {
  static const struct {
    enum settings_program program;
    const char *name;
  } programs[] = {{SETTINGS_BROKER, "broker"},
                  {SETTINGS_WORKER, "worker"},
                  {SETTINGS_CTL, "gaijinctl"},
                  {SETTINGS_CONNECT, "connect"},
                  {SETTINGS_RUN, "worker in a file of run"}};
  const char *between = "";
  for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
    if (!setting_belongs(id, programs[i].program, NULL)) continue;
    fprintf(out, "%s%s", between, programs[i].name);
    between = ", ";
  }
  if (setting_info(id)->commands) fprintf(out, " (%s)", setting_info(id)->commands);
}

/* What has a running broker take over a changed value of its file; "": it has none. */
static void write_when(FILE *out, enum setting id) {
  const struct setting_info *i = setting_info(id);
  bool has = setting_belongs(id, SETTINGS_BROKER, NULL) && !i->only_typed;
  fprintf(out, " | %s", has ? setting_when_name(i->when) : "");
}

static void write_settings(FILE *out) {
  fprintf(out, "| key | has it | values | default | changed by | what it does | why so |\n"
               "|---|---|---|---|---|---|---|\n");
  for (enum setting id = 0; id < SETTINGS; id++) {
    const struct setting_info *i = setting_info(id);
    char bounds[128], standard[128];
    setting_bounds(id, bounds, sizeof bounds);
    setting_standard(id, standard, sizeof standard);
    fprintf(out, "| `%s`", i->key);
    if (i->letter) fprintf(out, ", `-%c`", i->letter);
    fprintf(out, " | ");
    write_programs(out, id);
    if (i->type == SETTING_FLAG)
      fprintf(out, " | given or not | not");
    else
      fprintf(out, " | %s | %s", bounds, standard);
    write_when(out, id);
    fprintf(out, " | %s | %s |\n", i->help, i->reason);
  }
}

/* Text of a cell: a '|' would end it. */
static void write_cell(FILE *out, const char *text) {
  for (; *text; text++) fprintf(out, *text == '|' ? "\\|" : "%c", *text);
}

static void write_commands(FILE *out) {
  fprintf(out, "| command | what it does | for example |\n|---|---|---|\n");
  for (enum command_id id = 0; id < COMMANDS; id++) {
    const struct command *c = command_info(id);
    fprintf(out, "| `%s%s", c->name, *c->usage ? " " : "");
    write_cell(out, c->usage);
    fprintf(out, "` | %s | `gaijinctl %s` |\n", c->what, c->example);
  }
}

static void write_columns(FILE *out) {
  fprintf(out, "| table | column | what it is |\n|---|---|---|\n");
  for (enum command_id id = 0; id < COMMANDS; id++) {
    size_t count;
    const struct column *columns = command_columns(id, &count);
    for (size_t i = 0; i < count; i++)
      fprintf(out, "| %s | `%s` | %s |\n", i ? "" : command_info(id)->name, columns[i].name,
              columns[i].what);
  }
}

/* Every table: its page, the name in its markers, what writes it. */
static const struct table {
  const char *page, *name;
  void (*write)(FILE *out);
} tables[] = {
    {"protocol.md", "ops", write_ops},
    {"protocol.md", "status", write_statuses},
    {"settings.md", "settings", write_settings},
    {"cli.md", "commands", write_commands},
    {"cli.md", "columns", write_columns},
};

__attribute__((noreturn, format(printf, 1, 0))) static void die(const char *what,
                                                                const char *name) {
  fprintf(stderr, "docs-tables: ");
  fprintf(stderr, what, name);
  fprintf(stderr, "\n");
  exit(1);
}

/* The whole file, terminated. */
static char *read_all(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END) != 0) die("cannot read %s", path);
  long size = ftell(f);
  rewind(f);
  char *text = size < 0 ? NULL : malloc((size_t)size + 1);
  if (!text || fread(text, 1, (size_t)size, f) != (size_t)size) die("cannot read %s", path);
  text[size] = '\0';
  fclose(f);
  return text;
}

/* `text` with what stands between the table's markers replaced. The caller frees it. */
static char *replace_table(char *text, const struct table *t) {
  char begin[64], end[64], *result = NULL;
  size_t size;
  snprintf(begin, sizeof begin, "<!-- %s:begin -->\n", t->name);
  snprintf(end, sizeof end, "<!-- %s:end -->", t->name);
  char *from = strstr(text, begin), *to = from ? strstr(from, end) : NULL;
  if (!to) die("the markers of the table '%s' are missing", t->name);
  from += strlen(begin);
  FILE *out = open_memstream(&result, &size);
  if (!out) die("no memory for table '%s'", t->name);
  fwrite(text, 1, (size_t)(from - text), out);
  t->write(out);
  fputs(to, out);
  if (fclose(out) != 0) die("no memory for table '%s'", t->name);
  return result;
}

/* Writes beside the file and renames, so that a failure leaves the old one. */
static void write_all(const char *path, const char *text) {
  char beside[4096];
  if ((size_t)snprintf(beside, sizeof beside, "%s.new", path) >= sizeof beside)
    die("path too long: %s", path);
  FILE *f = fopen(beside, "wb");
  if (!f || fputs(text, f) < 0 || fclose(f) != 0) die("cannot write %s", beside);
  if (rename(beside, path) != 0) die("cannot replace %s", path);
}

/* Whether the table on its page is what its list says; without `check` it is made so. */
static int renew(const char *folder, const struct table *t, int check) {
  char path[4096];
  if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, t->page) >= sizeof path)
    die("path too long: %s", folder);
  char *old = read_all(path), *text = replace_table(old, t);
  int stale = strcmp(old, text) != 0;
  if (stale && check)
    fprintf(stderr, "docs-tables: the table '%s' in %s is stale; run `make docs-tables`\n", t->name,
            path);
  if (stale && !check) write_all(path, text);
  free(old);
  free(text);
  return !stale || !check;
}

int main(int argc, char **argv) {
  int check = argc == 3 && strcmp(argv[2], "--check") == 0, good = 1;
  if (argc != 2 && !check) {
    fprintf(stderr, "usage: docs-tables FOLDER [--check]\n");
    return 2;
  }
  for (size_t i = 0; i < ARRAY_SIZE(tables); i++) good = renew(argv[1], &tables[i], check) && good;
  return good ? 0 : 1;
}
