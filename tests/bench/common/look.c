/* SPDX-License-Identifier: MIT
 *
 * Memory and time of another process, see look.h.
 */
#include "tests/bench/common/look.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/common/measure.h"

enum { DESCRIPTORS_MOST = 20000 };

static FILE *open_proc(long pid, const char *file) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%ld/%s", pid, file);
  FILE *f = fopen(path, "r");
  if (!f) measure_die(path);
  return f;
}

/* The memory of the file in which the books are, whether mapped or not; 0: there is none. */
static long books_kib(long pid) {
  char path[64], link[64];
  struct stat st;
  for (int fd = 3; fd < DESCRIPTORS_MOST; fd++) {
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", pid, fd);
    ssize_t n = readlink(path, link, sizeof link - 1);
    link[n > 0 ? n : 0] = '\0';
    if (strstr(link, "gaijin-books") && stat(path, &st) == 0) return (long)(st.st_blocks / 2);
  }
  return 0;
}

long look_private_kib(long pid) {
  char line[256];
  long sum = books_kib(pid), kib;
  FILE *f = open_proc(pid, "smaps_rollup");
  while (fgets(line, sizeof line, f)) {
    if (sscanf(line, "Private_Clean: %ld", &kib) == 1) sum += kib;
    if (sscanf(line, "Private_Dirty: %ld", &kib) == 1) sum += kib;
    if (sscanf(line, "Pss_Shmem: %ld", &kib) == 1) sum -= kib;
  }
  fclose(f);
  return sum;
}

double look_processor_ns(long pid) {
  double ns;
  FILE *f = open_proc(pid, "schedstat");
  if (fscanf(f, "%lf", &ns) != 1) measure_die("schedstat");
  fclose(f);
  return ns;
}
