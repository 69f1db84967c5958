/* SPDX-License-Identifier: MIT
 *
 * The file goes away with its owner, so whoever gets the lock looks whether the path still names
 * it. An orphan is known by its parent: the kernel gives the children of a process that ends to
 * another one, and sends them the signal they wanted for that, in one step.
 */
#include "tools/run/control/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* -1 and errno: EAGAIN if the file went away meanwhile; EWOULDBLOCK is EAGAIN, so that one is
 * EBUSY here. */
static int take_once(const char *path) {
  struct stat mine, there;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  int e = EAGAIN;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0)
    e = errno == EWOULDBLOCK ? EBUSY : errno;
  else if (fstat(fd, &mine) == 0 && lstat(path, &there) == 0 && mine.st_ino == there.st_ino)
    return fd;
  close(fd);
  errno = e;
  return -1;
}

int lock_take(const char *path) {
  int fd;
  do fd = take_once(path);
  while (fd < 0 && errno == EAGAIN);
  return fd;
}

/* A file that cannot be written says nothing, and the next supervisor does not wait. */
void lock_note(int lock, pid_t broker) {
  char line[64];
  int n = snprintf(line, sizeof line, "%ld %ld\n", (long)getpid(), (long)broker);
  if (ftruncate(lock, 0) == 0 && pwrite(lock, line, (size_t)n, 0) < 0) return;
}

void lock_give(int lock, const char *path) {
  unlink(path);
  close(lock);
}

/* The first line of a file. */
static bool read_line(const char *path, char *line, int size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
  bool good = f && fgets(line, size, f);
  if (f) fclose(f);
  else if (fd >= 0) close(fd);
  return good;
}

/* Whether a process is a broker that lives, and whose child it is. */
static bool is_broker(long pid, long *parent) {
  static const char name[] = "(gaijin-broker) ";
  char path[64], line[256], state;
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  const char *at = read_line(path, line, sizeof line) ? strstr(line, name) : NULL;
  return at && sscanf(at + sizeof name - 1, "%c %ld", &state, parent) == 2 && state != 'Z' &&
         state != 'X';
}

pid_t lock_orphan(const char *path) {
  char line[64];
  long supervisor, broker, parent;
  if (!read_line(path, line, sizeof line) ||
      sscanf(line, "%ld %ld", &supervisor, &broker) != 2 || broker <= 0 ||
      !is_broker(broker, &parent) || parent == supervisor)
    return 0;
  return (pid_t)broker;
}
