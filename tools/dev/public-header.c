/* SPDX-License-Identifier: MIT
 *
 * public-header: writes client-lib/include/gaijin/protocol.h to its output, from the lists in
 * proto/ (ops.def, status.def, the kinds of PTs, limits.h). Programs that use libgaijin see nothing
 * of proto/, whose names have no prefix. `make public-header` renews the file, `make lint`
 * compares it.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/ops.h"
#include "proto/pt.h"
#include "proto/status.h"

static const char *const meanings[] = {
#define STATUS(number, name, meaning) [number] = meaning,
#include "proto/status.def"
#undef STATUS
};

/* GAIJIN_<group>_<NAME> = number, below a comment if there is one. */
static void write_name(const char *group, const char *name, unsigned number,
                       const char *comment) {
  if (comment) printf("  /* %s */\n", comment);
  printf("  GAIJIN_%s_", group);
  for (; *name; name++) putchar(toupper((unsigned char)*name));
  printf(" = %u,\n", number);
}

static void write_limits(void) {
  char *end = NULL;
  const char *version = GAIJIN_VERSION;
  printf("/* The version of this header; gaijin_version() tells the library's. */\n");
  printf("#define GAIJIN_VERSION \"%s\"\n", version);
  printf("#define GAIJIN_VERSION_MAJOR %lu\n", strtoul(version, &end, 10));
  printf("#define GAIJIN_VERSION_MINOR %lu\n", strtoul(end + 1, &end, 10));
  printf("#define GAIJIN_VERSION_PATCH %lu\n\n", strtoul(end + 1, &end, 10));
  printf("/* The most bytes of a worker's name. */\n#define GAIJIN_NAME_MAX %d\n\n",
         NAME_MAX_BYTES);
}

static void write_enums(void) {
  printf("/* The opcodes of requests and notices; docs/protocol.md tells what each does. */\n"
         "enum gaijin_op {\n");
  for (unsigned op = 0; op < OP_COUNT; op++)
    if (op_info(op)) write_name("OP", op_name(op), op, NULL);
  printf("  GAIJIN_OP_COUNT\n};\n\n"
         "/* Errors of the system. RAISED is none: a script raised a value. */\n"
         "enum gaijin_status {\n");
  for (unsigned s = 0; s < STATUS_COUNT; s++) write_name("STATUS", status_name(s), s, meanings[s]);
  printf("  GAIJIN_STATUS_COUNT\n};\n\n"
         "/* What kind of object a token stands for. */\nenum gaijin_kind {\n");
  for (unsigned kind = PT_TABLE; kind <= PT_USERDATA; kind++)
    write_name("KIND", pt_kind_name(kind), kind, NULL);
  printf("  GAIJIN_KIND_COUNT\n};\n\n");
}

static const char head[] =
    "/* SPDX-License-Identifier: MIT\n"
    " *\n"
    " * What libgaijin and its programs name alike: version, limits, opcodes, statuses, kinds of\n"
    " * objects, and the passive token. The numbers are those of the wire (docs/protocol.md). "
    "This\n"
    " * file is made from the lists in proto/ by `make public-header`.\n"
    " */\n"
    "#ifndef GAIJIN_PROTOCOL_H\n"
    "#define GAIJIN_PROTOCOL_H\n"
    "\n"
    "#include <stdbool.h>\n"
    "#include <stdint.h>\n"
    "\n";

static const char tail[] =
    "/* A passive token: names an object while it travels. */\n"
    "struct gaijin_pt {\n"
    "  uint64_t host;  /* the incarnation of the object's worker; never 0, never used twice */\n"
    "  uint64_t id;    /* the token id within that host; never 0, never used twice */\n"
    "  uint64_t stamp; /* random; whoever knows it was given the token */\n"
    "  uint8_t kind;   /* enum gaijin_kind */\n"
    "};\n"
    "\n"
    "static inline bool gaijin_pt_equal(const struct gaijin_pt *a, const struct gaijin_pt *b) {\n"
    "  return a->host == b->host && a->id == b->id && a->stamp == b->stamp && a->kind == b->kind;\n"
    "}\n"
    "\n"
    "#endif\n";

int main(void) {
  fputs(head, stdout);
  write_limits();
  write_enums();
  fputs(tail, stdout);
  if (fflush(stdout) == 0) return 0;
  perror("public-header");
  return 1;
}
