/* SPDX-License-Identifier: MIT
 *
 * manuals NAME: writes one of what is installed beside the programs, made of the lists of settings
 * and commands: gaijinctl.1, gaijin-broker.1, gaijin-worker.1, gaijin-broker.conf.5 (man pages),
 * gaijinctl.bash, _gaijinctl (what bash and zsh complete, see completion.h).
 */
#include <stdio.h>
#include <string.h>

#include "proto/base.h"
#include "proto/limits.h"
#include "proto/settings/help.h"
#include "tools/base/command.h"
#include "tools/dev/completion.h"

/* Text as troff takes it: nothing in it is a request or an escape. */
static void put(const char *text) {
  for (const char *c = text; *c; c++) {
    bool begins = c == text || c[-1] == '\n';
    if (begins && (*c == '.' || *c == '\'')) fputs("\\&", stdout);
    if (*c == '\\')
      fputs("\\e", stdout);
    else if (*c == '-')
      fputs("\\-", stdout);
    else
      putchar(*c);
  }
}

static void put_line(const char *text) {
  put(text);
  putchar('\n');
}

/* A term and what it means. */
static void put_item(const char *term, const char *text) {
  fputs(".TP\n.B ", stdout);
  put_line(term);
  put_line(text);
}

static void put_flags(enum settings_program program, const char *command) {
  char typed[64], text[512];
  for (enum setting id = 0; id < SETTINGS; id++) {
    const struct setting_info *i = setting_info(id);
    if (!setting_belongs(id, program, command)) continue;
    /* Those of one command alone: of all commands everybody has them. */
    if (command && !i->commands) continue;
    if (!command && program == SETTINGS_CTL && i->commands) continue;
    help_flag_typed(id, typed, sizeof typed);
    help_flag_text(id, "", text, sizeof text);
    put_item(typed, text);
  }
}

static void put_command(enum command_id id) {
  const struct command *c = command_info(id);
  size_t count;
  const struct column *columns = command_columns(id, &count);
  printf(".SS ");
  put(c->name);
  if (*c->usage) putchar(' ');
  put_line(c->usage);
  put(c->what);
  puts(".");
  if (c->details) put_line(c->details);
  put_flags(SETTINGS_CTL, c->name);
  for (size_t i = 0; i < count; i++) {
    if (i == 0) puts(".PP\nColumns:");
    put_item(columns[i].name, columns[i].what);
  }
  printf(".PP\nExample:\n.B gaijinctl ");
  put_line(c->example);
}

static void put_commands(void) {
  puts(".SH COMMANDS");
  for (enum command_id id = 0; id < COMMANDS; id++) put_command(id);
  puts(".SH FLAGS OF TABLES\nOf every command that has columns.");
  put_flags(SETTINGS_CTL, "tables");
}

/* A key of the broker's file, and what has a running broker take over a change of it. */
static void put_key(enum setting id) {
  const struct setting_info *i = setting_info(id);
  char term[80], text[512], taken[64];
  snprintf(term, sizeof term, "%s = %s", i->key, i->argument ? i->argument : "true | false");
  help_flag_text(id, "", text, sizeof text);
  put_item(term, text);
  snprintf(taken, sizeof taken, "Changed by %s.", setting_when_name(i->when));
  puts(".br");
  put_line(taken);
}

/* Of the page of the broker's file, what stands before its keys; as troff has it. */
static const char settings_about[] =
    "gaijin\\-broker.conf \\- settings of gaijin\\-broker\n"
    ".SH SYNOPSIS\n.B gaijin\\-broker \\-\\-config\n.I FILE\n"
    ".SH DESCRIPTION\nA line\n.B KEY = VALUE\n"
    "for each setting, in any order, and comments that begin with # or ;. A key is a flag of\n"
    ".BR gaijin\\-broker (1),\n"
    "which overrides it when it is typed. There are no sections, no quotes, no lines that "
    "go on in\n"
    "the next and no key twice; a line has 198 bytes at most.\n"
    ".PP\nFile and directory must belong to root or to the broker's user, and nobody else "
    "may write\n"
    "to them.\n"
    ".PP\n.B gaijin\\-broker \\-\\-config FILE \\-\\-check\\-config\ntells all its faults, and\n"
    ".B gaijin\\-broker \\-\\-print\\-config\nwrites one with all keys.\n"
    ".SH CHANGES\nA broker that runs takes over what is changed in the file:\n"
    ".TP\n.B SIGHUP\nthe keys of which that is said below, and what stands in the policy's "
    "file. Users and\n"
    "groups are looked up again; who is connected stays. Of a file with a fault nothing "
    "holds.\n"
    "The log has one line that names the keys which do not hold yet.\n"
    ".TP\n.B an upgrade\n(SIGUSR2,\n.BR \"gaijinctl upgrade\" )\n"
    "all but what takes a restart; nobody is disconnected. A smaller max\\-message takes a "
    "restart.\n"
    ".TP\n.B a restart\nall.\n.SH KEYS";

static void write_settings_page(void) {
  printf(".TH gaijin\\-broker.conf 5 \"\" \"gaijin %s\"\n.SH NAME\n", GAIJIN_VERSION);
  puts(settings_about);
  for (enum setting id = 0; id < SETTINGS; id++)
    if (setting_belongs(id, SETTINGS_BROKER, NULL) && !setting_info(id)->only_typed) put_key(id);
  puts(".SH FILES\n.TP\n.B /etc/gaijin/broker.conf\nthat of the service of the system; "
       "after make install with\nanother PREFIX than /usr it is PREFIX/etc/gaijin/broker.conf.\n"
       ".SH SEE ALSO\n.BR gaijin\\-broker (1),\n.BR gaijin\\-policy (5)");
}

static void write_page(enum settings_program program) {
  const struct help_words *w = help_words(program);
  const char *name = settings_program_name(program);
  printf(".TH %s 1 \"\" \"gaijin %s\"\n.SH NAME\n", name, GAIJIN_VERSION);
  put(name);
  fputs(" \\- ", stdout);
  put_line(w->what);
  puts(".SH SYNOPSIS");
  for (int i = 0; i < 2; i++) {
    const char *usage = i ? w->usage_too : w->usage;
    if (!usage) continue;
    printf(i ? ".br\n.B " : ".B ");
    put_line(name);
    put_line(usage);
  }
  puts(".SH FLAGS");
  put_flags(program, NULL);
  if (program == SETTINGS_CTL) put_commands();
  puts(".SH EXIT STATUS");
  put_line(w->statuses);
  puts(".SH SEE ALSO");
  for (unsigned p = SETTINGS_BROKER; p <= SETTINGS_CTL; p *= 2) {
    if (p == program) continue;
    printf(".BR ");
    put(settings_program_name(p));
    puts(" (1),");
  }
  if (program == SETTINGS_BROKER) puts(".BR gaijin\\-broker.conf (5),");
  puts(".BR gaijin\\-policy (5),\n.BR libgaijin (3)");
}

int main(int argc, char **argv) {
  static const enum settings_program pages[] = {SETTINGS_BROKER, SETTINGS_WORKER, SETTINGS_CTL};
  char name[64];
  for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(pages); i++) {
    snprintf(name, sizeof name, "%s.1", settings_program_name(pages[i]));
    if (strcmp(argv[1], name) != 0) continue;
    write_page(pages[i]);
    return ferror(stdout) || fflush(stdout) != 0;
  }
  if (argc == 2 && strcmp(argv[1], "gaijin-broker.conf.5") == 0) {
    write_settings_page();
  } else if (argc == 2 && strcmp(argv[1], "gaijinctl.bash") == 0) {
    completion_bash();
  } else if (argc == 2 && strcmp(argv[1], "_gaijinctl") == 0) {
    completion_zsh();
  } else {
    fprintf(stderr, "usage: manuals gaijinctl.1 | gaijin-broker.1 | gaijin-worker.1 | "
                    "gaijin-broker.conf.5 | gaijinctl.bash | _gaijinctl\n");
    return 2;
  }
  return ferror(stdout) || fflush(stdout) != 0;
}
