/* SPDX-License-Identifier: MIT
 *
 * A pattern is read as the matcher does, without looking whether it is well-formed: of one that is
 * not, too many steps may be counted, never too few.
 */
#include "lua/serve/bounds_patterns.h"

#include <ctype.h>
#include <string.h>

/* Behind the set that begins at p with '['. */
static const char *skip_set(const char *p, const char *end) {
  p++;
  if (p < end && *p == '^') p++;
  do { /* a ']' that comes first is one of the set */
    if (p < end && *p++ == '%' && p < end) p++;
  } while (p < end && *p != ']');
  return p < end ? p + 1 : end;
}

/* Behind the single thing at p. *walks: it is one of those that go through the text by themselves:
 * %b, and what was captured. *may_repeat: what follows can repeat it; behind the others the matcher
 * goes on at once, and a '*' there stands for itself. */
static const char *skip_one(const char *p, const char *end, bool *walks, bool *may_repeat) {
  *walks = false;
  *may_repeat = *p != '(' && *p != ')';
  if (*p == '[') return skip_set(p, end);
  if (*p != '%') return p + 1;
  if (++p == end) return end;
  *walks = *p == 'b' || isdigit((unsigned char)*p);
  *may_repeat = !*walks && *p != 'f';
  if (*p == 'f') return p + 1 < end && p[1] == '[' ? skip_set(p + 1, end) : p + 1;
  if (*p != 'b') return p + 1;
  return end - p > 3 ? p + 3 : end;
}

double bounds_steps(const char *pattern, size_t n, double size, bool anchors) {
  const char *p = pattern, *end = pattern + n;
  bool is_fixed = anchors && n > 0 && *p == '^', walks, may_repeat;
  double places = size + 1, steps = (double)n + 1;
  if (is_fixed)
    p++;
  else
    steps *= places;
  while (p < end) {
    p = skip_one(p, end, &walks, &may_repeat);
    if (walks) steps *= places;
    if (p == end) break;
    if (!may_repeat) continue;
    if (*p == '*' || *p == '+' || *p == '-') steps *= places;
    if (*p == '?') steps *= 2;
    p += strchr("*+-?", *p) && *p;
  }
  return steps;
}

bool bounds_is_pattern(const char *text, size_t n) {
  static const char special[] = "^$*+?.([%-";
  for (size_t i = 0; i < n; i++)
    if (text[i] && strchr(special, text[i])) return true;
  return false;
}

double bounds_plain_steps(size_t n, double size) {
  enum { AT_ONCE = 16 }; /* bytes that are compared in the time of a step, at least */
  return (size + 1) * (1 + (double)n / AT_ONCE);
}

/* What is captured lies in the match, and matches do not overlap: so each mention of captures adds
 * up to the text at most. */
double bounds_replaced(const char *replacement, size_t n, double size, double matches) {
  double mentions = 0;
  for (size_t i = 0; i + 1 < n; i++)
    if (replacement[i] == '%' && isdigit((unsigned char)replacement[++i])) mentions++;
  return size + (matches > 0 ? matches : 0) * (double)n + mentions * size;
}
