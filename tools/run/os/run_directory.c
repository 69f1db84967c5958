/* SPDX-License-Identifier: MIT
 *
 * A run holds a lock on its directory for as long as it lives, however it ends. So a directory
 * that nobody has locked is what a killed run left. Whoever gets a lock looks whether the path
 * still names what it has locked: another run may have removed it in between.
 */
#include "tools/run/os/run_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/text.h"

static const char prefix[] = "gaijin-run-";

static const char *base_directory(void) {
  const char *base = getenv("TMPDIR");
  return base && *base ? base : "/tmp";
}

/* The locked directory; -1 and errno, EWOULDBLOCK if somebody has it, ENOENT if it has gone
 * meanwhile, EPERM if it is not ours. */
static int lock(const char *path) {
  struct stat mine, there;
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  int e = ENOENT;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0)
    e = errno;
  else if (fstat(fd, &mine) == 0 && lstat(path, &there) == 0 && mine.st_ino == there.st_ino &&
           mine.st_dev == there.st_dev) {
    if (mine.st_uid == geteuid()) return fd;
    e = EPERM;
  }
  close(fd);
  errno = e;
  return -1;
}

/* The broker's socket is gone already if it ended well; its lock, or a killed broker's socket, is
 * not. */
static bool remove_all(const char *path) {
  DIR *d = opendir(path);
  for (struct dirent *e; d && (e = readdir(d));) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    unlinkat(dirfd(d), e->d_name, 0);
  }
  if (d) closedir(d);
  return rmdir(path) == 0;
}

/* What cannot be removed stays, without a word: it is none of this run's business. */
static void remove_left_ones(const char *base) {
  DIR *d = opendir(base);
  for (struct dirent *e; d && (e = readdir(d));) {
    if (strncmp(e->d_name, prefix, sizeof prefix - 1) != 0) continue;
    struct text path = {0};
    text_print(&path, "%s/%s", base, e->d_name);
    int fd = lock(path.bytes);
    if (fd >= 0) remove_all(path.bytes);
    if (fd >= 0) close(fd);
    text_deinit(&path);
  }
  if (d) closedir(d);
}

bool run_directory_make(struct run_directory *d) {
  const char *base = base_directory();
  remove_left_ones(base);
  for (;;) {
    struct text path = {0};
    text_print(&path, "%s/%sXXXXXX", base, prefix);
    if (!mkdtemp(path.bytes)) {
      tool_error("run: cannot make the directory %s: %s", path.bytes, strerror(errno));
      text_deinit(&path);
      return false;
    }
    d->path = path.bytes;
    d->lock = lock(d->path);
    if (d->lock >= 0) return true;
    int e = errno;
    /* Another run may have taken it for a left one before it was locked, and removes it. */
    bool is_taken = e == EWOULDBLOCK || e == ENOENT;
    if (!is_taken) {
      tool_error("run: cannot lock the directory %s: %s", d->path, strerror(e));
      rmdir(d->path);
    }
    text_deinit(&path);
    if (!is_taken) return false;
  }
}

void run_directory_remove(struct run_directory *d) {
  if (!remove_all(d->path))
    tool_error("run: cannot remove the directory %s: %s", d->path, strerror(errno));
  close(d->lock);
  free(d->path);
}
