/* SPDX-License-Identifier: MIT
 *
 * docs-tables FILE [--check]: renews the tables in docs/protocol.md that come from
 * proto/ops.def and proto/status.def, each between its two markers (`<!-- ops:begin -->` and
 * `<!-- ops:end -->`, the same for status). With --check nothing is written and the status is 1 if a
 * table is not what the lists say. Everything outside the markers is left as it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ops.h"
#include "proto/status.h"

static const char *const kinds[] = {[OP_REQUEST] = "request", [OP_NOTICE] = "notice"};
static const char *const ways[] = {[OP_ROUTED] = "client -> broker -> host", [OP_BROKER] = "client -> broker", [OP_CLIENT] = "broker -> client",
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
    fprintf(out, " | %s%s%s | %s |\n", *i->body ? "`[" : "`[]", i->body, *i->body ? "]`" : "`", i->sentence);
  }
}

static void write_statuses(FILE *out) {
  fprintf(out, "| number | name | meaning |\n|---|---|---|\n");
  for (unsigned s = 0; s < STATUS_COUNT; s++) fprintf(out, "| %u | `%s` | %s |\n", s, status_name(s), meanings[s]);
}

__attribute__((noreturn, format(printf, 1, 0))) static void die(const char *what, const char *name) {
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

/* `text` with what stands between the markers of `name` replaced; frees text. */
static char *replace_table(char *text, const char *name, void (*write)(FILE *out)) {
  char begin[64], end[64], *result = NULL;
  size_t size;
  snprintf(begin, sizeof begin, "<!-- %s:begin -->\n", name);
  snprintf(end, sizeof end, "<!-- %s:end -->", name);
  char *from = strstr(text, begin), *to = from ? strstr(from, end) : NULL;
  if (!to) die("the markers of the table '%s' are missing", name);
  from += strlen(begin);
  FILE *out = open_memstream(&result, &size);
  if (!out) die("no memory for table '%s'", name);
  fwrite(text, 1, (size_t)(from - text), out);
  write(out);
  fputs(to, out);
  if (fclose(out) != 0) die("no memory for table '%s'", name);
  free(text);
  return result;
}

/* Writes beside the file and renames, so that a failure leaves the old one. */
static void write_all(const char *path, const char *text) {
  char beside[4096];
  if ((size_t)snprintf(beside, sizeof beside, "%s.new", path) >= sizeof beside) die("path too long: %s", path);
  FILE *f = fopen(beside, "wb");
  if (!f || fputs(text, f) < 0 || fclose(f) != 0) die("cannot write %s", beside);
  if (rename(beside, path) != 0) die("cannot replace %s", path);
}

int main(int argc, char **argv) {
  int check = argc == 3 && strcmp(argv[2], "--check") == 0;
  if (argc != 2 && !check) {
    fprintf(stderr, "usage: docs-tables FILE [--check]\n");
    return 2;
  }
  char *old = read_all(argv[1]), *text = read_all(argv[1]);
  text = replace_table(text, "ops", write_ops);
  text = replace_table(text, "status", write_statuses);
  int stale = strcmp(old, text) != 0;
  if (stale && check) fprintf(stderr, "docs-tables: the tables in %s are stale; run `make docs-tables`\n", argv[1]);
  if (stale && !check) write_all(argv[1], text);
  free(old);
  free(text);
  return stale && check ? 1 : 0;
}
