/* SPDX-License-Identifier: MIT
 *
 * Completion. The scripts know commands, flags and columns; names of workers they ask for when they
 * are wanted.
 */
#include "tools/dev/completion.h"

#include <stdio.h>
#include <string.h>

#include "proto/base.h"
#include "proto/settings/help.h"
#include "tools/base/command.h"

/* ---- bash ---- */

static void write_flags(const char *command) {
  for (enum setting id = 0; id < SETTINGS; id++)
    if (setting_belongs(id, SETTINGS_CTL, command)) printf(" --%s", setting_info(id)->key);
}

/* Names of workers and files are others': they are read line by line and quoted, and never come
 * where the shell would expand them. */
static const char *const words_of[] = {
    [TAKES_NOTHING] = "",
    [TAKES_WORKERS] = "from=workers",
    [TAKES_FILES] = "from=files",
    [TAKES_COMMANDS] = "words=$commands",
};

static void write_case(enum command_id id) {
  size_t count;
  const struct column *columns = command_columns(id, &count);
  printf("    %s)\n      flags=\"", command_info(id)->name);
  write_flags(command_groups(id));
  printf("\"\n      columns=\"");
  for (size_t i = 0; i < count; i++) printf("%s%s", i ? " " : "", columns[i].name);
  printf("\"\n      [[ $word == -* ]] || %s ;;\n",
         *words_of[command_info(id)->takes] ? words_of[command_info(id)->takes] : "words=");
}

void completion_bash(void) {
  puts("# What bash completes behind gaijinctl.");
  puts("_gaijinctl_workers() {\n"
       "  gaijinctl ${socket:+--socket \"$socket\"} clients -o worker 2>/dev/null | sed 1d\n"
       "}\n"
       "_gaijinctl_take() {\n"
       "  local one\n"
       "  while IFS= read -r one; do\n"
       "    if [[ $one == \"$word\"* ]]; then COMPREPLY+=(\"$(printf %q \"$one\")\"); fi\n"
       "  done\n"
       "}\n"
       "_gaijinctl() {\n"
       "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= i\n"
       "  local flags= columns= words= from= commands= socket=");
  printf("  commands=\"");
  for (enum command_id id = 0; id < COMMANDS; id++)
    printf("%s%s", id ? " " : "", command_info(id)->name);
  puts("\"");
  puts("  for ((i = 1; i < COMP_CWORD; i++)); do\n"
       "    case ${COMP_WORDS[i]} in\n"
       "      -s | --socket) socket=${COMP_WORDS[i + 1]} ;;\n"
       "      =) [[ ${COMP_WORDS[i - 1]} != --socket ]] || socket=${COMP_WORDS[i + 1]} ;;\n"
       "    esac\n"
       "    [[ -z $command && \" $commands \" == *\" ${COMP_WORDS[i]} \"* ]] || continue\n"
       "    command=${COMP_WORDS[i]}\n"
       "  done\n"
       "  case $command in");
  for (enum command_id id = 0; id < COMMANDS; id++) write_case(id);
  printf("    *)\n      flags=\"");
  write_flags(NULL);
  puts("\"\n      words=$commands ;;\n  esac\n"
       "  case $before in\n"
       "    -o | --columns | --sort) words=$columns from= flags= ;;\n"
       "    --host | --holder) from=workers words= flags= ;;\n"
       "    -s | --socket | --policy) from=files words= flags= ;;");
  for (enum setting id = 0; id < SETTINGS; id++) {
    const struct setting_info *i = setting_info(id);
    if (i->type != SETTING_CHOICE || !setting_belongs(id, SETTINGS_CTL, NULL)) continue;
    printf("    --%s) flags= from= words=\"", i->key);
    for (size_t k = 0; i->words[k]; k++) printf("%s%s", k ? " " : "", i->words[k]);
    puts("\" ;;");
  }
  puts("  esac\n"
       "  COMPREPLY=()\n"
       "  # shellcheck disable=SC2086 # several words of ours\n"
       "  _gaijinctl_take < <(printf '%s\\n' $words $flags)\n"
       "  case $from in\n"
       "    workers) _gaijinctl_take < <(_gaijinctl_workers) ;;\n"
       "    files) _gaijinctl_take < <(compgen -f -- \"$word\") ;;\n"
       "  esac\n"
       "}\n"
       "complete -F _gaijinctl gaijinctl");
}

/* ---- zsh ---- */

/* Text inside '[...]' of a word of _arguments, itself in single quotes. */
static void put_meaning(const char *text) {
  for (const char *c = text; *c; c++) {
    if (*c == '\'')
      fputs("'\\''", stdout);
    else if (*c == '[' || *c == ']' || *c == ':' || *c == '\\')
      printf("\\%c", *c);
    else
      putchar(*c);
  }
}

/* What may stand behind a flag: an action of _arguments. */
static void put_action(enum setting id) {
  const struct setting_info *i = setting_info(id);
  if (i->type == SETTING_CHOICE) {
    putchar('(');
    for (size_t k = 0; i->words[k]; k++) printf("%s%s", k ? " " : "", i->words[k]);
    putchar(')');
  } else if (strcmp(i->key, "host") == 0 || strcmp(i->key, "holder") == 0) {
    fputs("_gaijin_workers", stdout);
  } else if (strcmp(i->key, "columns") == 0) {
    fputs("_values -s , column $columns", stdout);
  } else if (strcmp(i->key, "sort") == 0) {
    fputs("($columns)", stdout);
  } else if (i->type == SETTING_TEXT) {
    fputs("_files", stdout);
  }
}

/* A word of _arguments for each name of the flag; "--key=" takes "--key VALUE", too. */
static void put_flag(enum setting id, const char *command) {
  const struct setting_info *i = setting_info(id);
  char text[512];
  help_flag_text(id, command ? command : "", text, sizeof text);
  for (int letter = 0; letter < (i->letter ? 2 : 1); letter++) {
    if (letter)
      printf(" \\\n      '-%c", i->letter);
    else
      printf(" \\\n      '--%s%s", i->key, i->argument ? "=" : "");
    putchar('[');
    put_meaning(text);
    putchar(']');
    if (i->argument) {
      fputs(i->optional ? "::" : ":", stdout);
      put_meaning(i->argument);
      putchar(':');
      put_action(id);
    }
    putchar('\'');
  }
}

static void put_flags(enum settings_program program, const char *command) {
  for (enum setting id = 0; id < SETTINGS; id++)
    if (setting_belongs(id, program, command)) put_flag(id, command);
}

static const char *const actions_of[] = {
    [TAKES_NOTHING] = "*: :_gaijin_nothing",
    [TAKES_WORKERS] = "*:worker:_gaijin_workers",
    [TAKES_FILES] = "*:file:_files",
    [TAKES_COMMANDS] = "*:command:_gaijin_commands",
};

static void put_case(enum command_id id) {
  size_t count;
  const struct column *columns = command_columns(id, &count);
  printf("    %s)\n      columns=(", command_info(id)->name);
  for (size_t i = 0; i < count; i++) printf("%s%s", i ? " " : "", columns[i].name);
  fputs(")\n      _arguments -S", stdout);
  put_flags(SETTINGS_CTL, command_groups(id));
  printf(" \\\n      '1: :_gaijin_commands' '%s' ;;\n", actions_of[command_info(id)->takes]);
}

static void put_program(enum settings_program program) {
  printf("  %s)\n    _arguments -S", settings_program_name(program));
  put_flags(program, NULL);
  printf("%s ;;\n", program == SETTINGS_WORKER ? " \\\n      '*:script:_files'" : "");
}

void completion_zsh(void) {
  puts("#compdef gaijinctl gaijin-broker gaijin-worker\n"
       "# What zsh completes behind the programs of gaijin.\n"
       "_gaijin_nothing() { return 1 }\n"
       "_gaijin_workers() {\n"
       "  local -a names\n"
       "  local socket=${(Q)opt_args[--socket]:-${(Q)opt_args[-s]}}\n"
       "  local -a broker=(${socket:+--socket=$socket})\n"
       "  names=(${(f)\"$(gaijinctl $broker clients -o worker 2>/dev/null)\"})\n"
       "  names[1]=()\n"
       "  compadd -a names\n"
       "}\n"
       "_gaijin_commands() {\n"
       "  local -a commands\n"
       "  commands=(");
  for (enum command_id id = 0; id < COMMANDS; id++) {
    printf("    '%s:", command_info(id)->name);
    put_meaning(command_info(id)->what);
    puts("'");
  }
  puts("  )\n"
       "  _describe command commands\n"
       "}\n"
       "_gaijinctl_command() {\n"
       "  local command\n"
       "  local -a columns\n"
       "  for command in ${words[2,CURRENT-1]}; do\n"
       "    case $command in");
  fputs("    ", stdout);
  for (enum command_id id = 0; id < COMMANDS; id++)
    printf("%s%s", id ? "|" : "", command_info(id)->name);
  puts(") break ;;\n"
       "    esac\n"
       "    command=\n"
       "  done\n"
       "  case $command in");
  for (enum command_id id = 0; id < COMMANDS; id++) put_case(id);
  fputs("    *)\n      _arguments -S", stdout);
  put_flags(SETTINGS_CTL, NULL);
  puts(" \\\n      '1: :_gaijin_commands' '*: :_gaijin_nothing' ;;\n"
       "  esac\n"
       "}\n"
       "case $service in");
  put_program(SETTINGS_BROKER);
  put_program(SETTINGS_WORKER);
  puts("  *) _gaijinctl_command ;;\n"
       "esac");
}
