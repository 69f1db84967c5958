/* SPDX-License-Identifier: MIT
 *
 * Feeds a target the files of its corpus, each in a process of its own, without libFuzzer:
 *   build/tests/fuzz_NAME [FILE...]      no FILE: those in tests/fuzz/corpus/NAME
 * The last line is "N passed, N failed".
 */
#include <dirent.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_MOST = 1 << 20 };

static const char *target;
static unsigned passed, failed;

static void feed(const char *path) {
  static uint8_t bytes[INPUT_MOST];
  FILE *f = fopen(path, "rb");
  if (!f) {
    perror(path);
    exit(1);
  }
  size_t size = fread(bytes, 1, sizeof bytes, f);
  fclose(f);
  uint8_t *copy = malloc(size ? size : 1); /* so that a sanitiser knows where it ends */
  if (!copy) exit(1);
  memcpy(copy, bytes, size);
  LLVMFuzzerTestOneInput(copy, size);
  free(copy);
  exit(0);
}

static void replay(const char *path) {
  int status = 0;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) feed(path);
  if (child < 0 || waitpid(child, &status, 0) != child) {
    perror("fork");
    exit(1);
  }
  if (status == 0) {
    passed++;
    return;
  }
  failed++;
  printf("%s: %s ended by %s %d\n", target, path, WIFSIGNALED(status) ? "signal" : "status",
         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void replay_all(const char *directory) {
  struct dirent **files;
  int n = scandir(directory, &files, NULL, alphasort);
  if (n < 0) printf("%s: %s: %s\n", target, directory, strerror(errno));
  for (int i = 0; i < n; i++) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, files[i]->d_name);
    if (files[i]->d_name[0] != '.') replay(path);
    free(files[i]);
  }
  if (n >= 0) free(files);
}

int main(int argc, char **argv) {
  char directory[256];
  const char *name = strrchr(argv[0], '/');
  target = name ? name + 1 : argv[0];
  snprintf(directory, sizeof directory, "tests/fuzz/corpus/%s", target + strlen("fuzz_"));
  for (int i = 1; i < argc; i++) replay(argv[i]);
  if (argc < 2) replay_all(directory);
  printf("%u passed, %u failed\n", passed, failed);
  return failed || !passed;
}
