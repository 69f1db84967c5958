/* SPDX-License-Identifier: MIT
 *
 * Flags with getopt_long, in a table with their texts for --help.
 */
#include "broker/flags.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"

enum { FLAG_LOAD_MIN = 256, FLAG_LOAD_GAIN, FLAG_MAX_MESSAGE, FLAG_LOG_LEVEL, FLAG_HELP, FLAG_VERSION };

static const struct option table[] = {
    {"socket", required_argument, NULL, 's'},
    {"load-min", required_argument, NULL, FLAG_LOAD_MIN},
    {"load-gain-tolerance", required_argument, NULL, FLAG_LOAD_GAIN},
    {"max-message", required_argument, NULL, FLAG_MAX_MESSAGE},
    {"log-level", required_argument, NULL, FLAG_LOG_LEVEL},
    {"help", no_argument, NULL, FLAG_HELP},
    {"version", no_argument, NULL, FLAG_VERSION},
    {0},
};

static void print_help(void) {
  printf("usage: gaijin-broker [flags]\n"
         "Routes messages between the workers of one user and keeps their references alive.\n\n"
         "  -s, --socket PATH          where to listen; default $GAIJIN_SOCKET, else $XDG_RUNTIME_DIR/gaijin.sock,\n"
         "                             else /run/gaijin/gaijin.sock\n"
         "  --load-min N               a worker may hold N objects of another before it is asked to collect (100)\n"
         "  --load-gain-tolerance X    it is asked again when it holds X times what it really used (1.4)\n"
         "  --max-message BYTES        largest message, with suffix K, M or G; 4K to 1G (16M)\n"
         "  --log-level LEVEL          error, warn, info or debug, to stderr (info)\n"
         "  --help, --version          print and leave\n");
}

static const char *default_socket(char *out, size_t n) {
  const char *path = getenv("GAIJIN_SOCKET"), *dir = getenv("XDG_RUNTIME_DIR");
  if (path && *path) return path;
  if (dir && *dir)
    snprintf(out, n, "%s/gaijin.sock", dir);
  else
    snprintf(out, n, "/run/gaijin/gaijin.sock");
  return out;
}

int flags_parse_size(const char *text, uint32_t *bytes) {
  char *end;
  if (!isdigit((unsigned char)*text)) return -1;
  errno = 0;
  unsigned long long v = strtoull(text, &end, 10);
  unsigned shift = 0;
  if (*end) {
    const char *suffixes = "KMG", *s = strchr(suffixes, toupper((unsigned char)*end));
    if (!s || end[1]) return -1;
    shift = 10 * (unsigned)(s - suffixes + 1);
  }
  if (errno || v > MAX_MESSAGE_MOST >> shift || v << shift < MAX_MESSAGE_LEAST) return -1;
  *bytes = (uint32_t)(v << shift);
  return 0;
}

static int parse_count(const char *text, uint32_t *count) {
  char *end;
  if (!isdigit((unsigned char)*text)) return -1;
  errno = 0;
  unsigned long long v = strtoull(text, &end, 10);
  if (errno || *end || v > UINT32_MAX) return -1;
  *count = (uint32_t)v;
  return 0;
}

static int parse_gain(const char *text, double *gain) {
  char *end;
  errno = 0;
  double v = strtod(text, &end);
  if (errno || end == text || *end || !isfinite(v) || v < 1) return -1;
  *gain = v;
  return 0;
}

/* One flag; NULL, or what its value has to be. */
static const char *apply(struct flags *o, int flag, const char *value) {
  switch (flag) {
    case 's': o->socket = value; return *value ? NULL : "a path";
    case FLAG_LOAD_MIN: return parse_count(value, &o->load_min) ? "a whole number that is not negative" : NULL;
    case FLAG_LOAD_GAIN: return parse_gain(value, &o->load_gain) ? "a number that is not below 1" : NULL;
    case FLAG_MAX_MESSAGE: return flags_parse_size(value, &o->max_message) ? "a size between 4K and 1G" : NULL;
    default: return log_level_parse(value, &o->log_level) ? NULL : "error, warn, info or debug";
  }
}

/* What was given on the command line, for the texts of errors. */
static const char *flag_name(int flag) {
  for (const struct option *f = table; f->name; f++)
    if (f->val == flag) return f->name;
  return "?";
}

/* A flag that getopt could not make sense of. */
static enum flags_outcome bad_flag(int result, char **argv, char *error, size_t n) {
  if (result == ':')
    snprintf(error, n, "flag --%s needs a value; see --help", flag_name(optopt));
  else if (optopt && optopt < 256)
    snprintf(error, n, "unknown flag -%c; see --help", optopt);
  else
    snprintf(error, n, "unknown flag %s; see --help", argv[optind - 1]);
  return FLAGS_BAD;
}

enum flags_outcome flags_parse(struct flags *o, int argc, char **argv, char *error, size_t n) {
  *o = (struct flags){.load_min = 100, .load_gain = 1.4, .max_message = MAX_MESSAGE_DEFAULT, .log_level = LOG_INFO};
  opterr = 0;
  optind = 0; /* start anew, also for a second call in one process */
  for (int flag; (flag = getopt_long(argc, argv, ":s:", table, NULL)) != -1;) {
    if (flag == FLAG_HELP) {
      print_help();
      return FLAGS_SHOWN;
    }
    if (flag == FLAG_VERSION) {
      printf("gaijin-broker %s, wire versions %d to %d\n", GAIJIN_VERSION, WIRE_VERSION_LEAST,
             WIRE_VERSION_MOST);
      return FLAGS_SHOWN;
    }
    if (flag == '?' || flag == ':') return bad_flag(flag, argv, error, n);
    const char *wanted = apply(o, flag, optarg);
    if (wanted) {
      snprintf(error, n, "flag --%s: \"%s\" should be %s; see --help", flag_name(flag), optarg, wanted);
      return FLAGS_BAD;
    }
  }
  if (optind < argc) {
    snprintf(error, n, "unexpected argument %s; see --help", argv[optind]);
    return FLAGS_BAD;
  }
  if (!o->socket) o->socket = default_socket(o->default_socket, sizeof o->default_socket);
  return FLAGS_RUN;
}
