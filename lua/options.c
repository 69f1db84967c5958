/* SPDX-License-Identifier: MIT
 *
 * getopt_long stops at the script, so that its own arguments are left alone.
 */
#include "lua/options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"

static const char usage[] =
    "usage: gaijin-worker [options] SCRIPT [ARG...]\n"
    "       gaijin-worker [options] -e CODE [ARG...]\n"
    "Runs SCRIPT in a Lua VM of its own, then serves other workers until told to stop.\n"
    "  -n, --name NAME           this worker's name (the script's base name)\n"
    "  -s, --socket PATH         the broker's socket ($GAIJIN_SOCKET, $XDG_RUNTIME_DIR/gaijin.sock, /run/gaijin/gaijin.sock)\n"
    "  -e CODE                   runs CODE instead of a script\n"
    "      --once                leaves when the script returns\n"
    "      --wait SECONDS        how long to wait for a broker (5)\n"
    "      --grace SECONDS       how long calls under way may take when stopping (5)\n"
    "      --call-timeout SECONDS how long others may take to answer; 0: for ever (25)\n"
    "      --max-depth N         how deep calls may nest across workers (1000)\n"
    "      --max-fibers N        how many pieces of Lua may run or wait at once (10000)\n"
    "      --atc-time SECONDS    time between sweeps of what is no longer used (60)\n"
    "      --collector-waits N   sweeps between full collections (10)\n"
    "      --help, --version\n";

enum { OPT_ONCE = 256, OPT_WAIT, OPT_GRACE, OPT_CALL, OPT_DEPTH, OPT_FIBERS, OPT_ATC, OPT_WAITS, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
    {"name", required_argument, NULL, 'n'},          {"socket", required_argument, NULL, 's'},
    {"once", no_argument, NULL, OPT_ONCE},           {"wait", required_argument, NULL, OPT_WAIT},
    {"grace", required_argument, NULL, OPT_GRACE},   {"call-timeout", required_argument, NULL, OPT_CALL},
    {"max-depth", required_argument, NULL, OPT_DEPTH},
    {"max-fibers", required_argument, NULL, OPT_FIBERS}, {"atc-time", required_argument, NULL, OPT_ATC},
    {"collector-waits", required_argument, NULL, OPT_WAITS}, {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},     {NULL, 0, NULL, 0},
};

static bool number(const char *flag, const char *text, double least, double most, double *out) {
  char *end;
  double v = strtod(text, &end);
  if (end != text && *end == '\0' && v >= least && v <= most) {
    *out = v;
    return true;
  }
  fprintf(stderr, "gaijin-worker: %s takes a number from %g to %g, not '%s'\n", flag, least, most, text);
  return false;
}

static bool count(const char *flag, const char *text, double least, double most, unsigned *out) {
  double v;
  if (!number(flag, text, least, most, &v)) return false;
  if (v != floor(v)) {
    fprintf(stderr, "gaijin-worker: %s takes a whole number, not '%s'\n", flag, text);
    return false;
  }
  *out = (unsigned)v;
  return true;
}

static bool set_name(struct options *o, const char *name, size_t size) {
  if (size == 0 || size > NAME_MAX_BYTES) {
    fprintf(stderr, "gaijin-worker: the name '%s' must have 1 to %d bytes; choose one with -n NAME\n", name, NAME_MAX_BYTES);
    return false;
  }
  memcpy(o->name, name, size);
  o->name[size] = '\0';
  return true;
}

/* The script's base name without ".lua". */
static bool default_name(struct options *o) {
  const char *base = o->script ? strrchr(o->script, '/') : NULL;
  base = base ? base + 1 : o->script ? o->script : "worker";
  size_t size = strlen(base);
  if (size > 4 && strcmp(base + size - 4, ".lua") == 0) size -= 4;
  return set_name(o, base, size);
}

static bool take_option(struct options *o, int option) {
  switch (option) {
    case 'n': return set_name(o, optarg, strlen(optarg));
    case 's': o->socket = optarg; return true;
    case 'e': o->code = optarg; return true;
    case OPT_ONCE: o->once = true; return true;
    case OPT_WAIT: return number("--wait", optarg, 0, 1e6, &o->wait);
    case OPT_GRACE: return number("--grace", optarg, 0, 1e6, &o->grace);
    case OPT_CALL: return number("--call-timeout", optarg, 0, 1e6, &o->call_timeout);
    case OPT_DEPTH: return count("--max-depth", optarg, 1, CALL_DEPTH_MOST, &o->max_depth);
    case OPT_FIBERS: return count("--max-fibers", optarg, 1, 1e6, &o->max_fibers);
    case OPT_ATC: return number("--atc-time", optarg, 0.001, 1e6, &o->atc_time);
    case OPT_WAITS: return count("--collector-waits", optarg, 1, 1e6, &o->collector_waits);
    default: return false;
  }
}

/* What getopt_long found wrong with the option before `optind`, or with letter `optopt` of a word of several. */
static void complain(int found, char **argv) {
  char letter[] = {'-', (char)optopt, '\0'};
  bool in_word = found == '?' && optopt > 0 && optopt < OPT_ONCE;
  const char *why = found == ':' ? "needs a value" : optopt >= OPT_ONCE ? "takes no value" : "is not known";
  fprintf(stderr, "gaijin-worker: option '%s' %s; see gaijin-worker --help\n", in_word ? letter : argv[optind - 1], why);
}

enum options_outcome options_parse(struct options *o, int argc, char **argv) {
  *o = (struct options){.wait = 5, .grace = 5, .call_timeout = 25, .atc_time = 60, .collector_waits = 10, .max_depth = CALL_DEPTH_DEFAULT, .max_fibers = 10000};
  opterr = 0;
  int option;
  while ((option = getopt_long(argc, argv, "+:n:s:e:", long_options, NULL)) != -1) {
    if (option == OPT_HELP) return fputs(usage, stdout), OPTIONS_DONE;
    if (option == OPT_VERSION) return puts("gaijin-worker " GAIJIN_VERSION), OPTIONS_DONE;
    if (option == '?' || option == ':') return complain(option, argv), OPTIONS_BAD;
    if (!take_option(o, option)) return OPTIONS_BAD;
  }
  o->script_index = optind;
  if (!o->code) {
    if (optind >= argc) return fputs("gaijin-worker: no script given; see gaijin-worker --help\n", stderr), OPTIONS_BAD;
    o->script = argv[optind];
  } else {
    o->script_index = optind - 1; /* as if the code stood before its arguments */
  }
  if (!o->name[0] && !default_name(o)) return OPTIONS_BAD;
  return OPTIONS_RUN;
}
