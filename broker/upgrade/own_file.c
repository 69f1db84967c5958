/* SPDX-License-Identifier: MIT
 *
 * Files are compared by device and number. Called when the program starts: later another file may
 * be there by the same name.
 */
#include "broker/upgrade/own_file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether the path, made absolute in `path`, leads to the file that runs. */
static bool leads_there(const char *directory, int size, const char *name, const char *running,
                        char *path, size_t n) {
  char here[PATH_MAX] = "";
  struct stat s, r;
  bool is_absolute = size ? *directory == '/' : *name == '/';
  if (!is_absolute && !getcwd(here, sizeof here)) return false;
  int length = snprintf(path, n, "%s%s%.*s%s%s", here, *here ? "/" : "", size, directory,
                        size ? "/" : "", name);
  return length > 0 && (size_t)length < n && stat(path, &s) == 0 && stat(running, &r) == 0 &&
         s.st_dev == r.st_dev && s.st_ino == r.st_ino;
}

static bool search_for(const char *name, const char *search, const char *running, char *path,
                       size_t n) {
  for (const char *at = search; at && *at; at += *at == ':') {
    int size = (int)strcspn(at, ":");
    if (leads_there(size ? at : ".", size ? size : 1, name, running, path, n)) return true;
    at += size;
  }
  return false;
}

bool own_file(const char *name, const char *search, const char *running, char *path, size_t n) {
  bool has_slash = name && strchr(name, '/');
  if (has_slash && leads_there("", 0, name, running, path, n)) return true;
  if (name && *name && !has_slash && search_for(name, search, running, path, n)) return true;
  ssize_t size = readlink(running, path, n - 1);
  if (size <= 0) return false;
  path[size] = '\0';
  return true;
}
