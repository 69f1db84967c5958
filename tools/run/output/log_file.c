/* SPDX-License-Identifier: MIT
 *
 * A line is one write, so that it is whole in whatever reads the file meanwhile.
 */
#include "tools/run/output/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tools/base/text.h"

/* Where it is a named pipe nobody is waited for, and lines are lost instead. */
static bool open_path(struct log_file *f) {
  f->is_torn = false;
  f->fd = open(f->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (f->fd < 0) tool_error("run: cannot open log %s: %s", f->path, strerror(errno));
  return f->fd >= 0;
}

bool log_file_open(struct log_file *f, const char *directory, const char *name) {
  struct text path = {0};
  text_print(&path, "%s/%s.log", directory, name);
  *f = (struct log_file){.path = path.bytes, .fd = -1};
  if (mkdir(directory, 0750) != 0 && errno != EEXIST) {
    tool_error("run: cannot make directory %s for logs: %s", directory, strerror(errno));
    return false;
  }
  return open_path(f);
}

static void tell_lost(struct log_file *f) {
  if (f->lost) tool_error("run: %lu lines were lost of log %s", f->lost, f->path);
  f->lost = 0;
}

void log_file_close(struct log_file *f) {
  if (!f->path) return;
  tell_lost(f);
  if (f->fd >= 0) close(f->fd);
  free(f->path);
  *f = (struct log_file){.fd = -1};
}

void log_file_reopen(struct log_file *f) {
  if (!f->path) return;
  if (f->fd >= 0) close(f->fd);
  open_path(f);
}

void log_file_write(struct log_file *f, const char *line, size_t size) {
  if (!f->path) return;
  struct iovec parts[] = {
      {(char *)"\n", f->is_torn ? 1 : 0}, {(char *)line, size}, {(char *)"\n", 1}};
  size_t all = parts[0].iov_len + size + 1;
  ssize_t n = f->fd < 0 ? -1 : writev(f->fd, parts, 3);
  if (n > 0) f->is_torn = (size_t)n < all;
  if (n == (ssize_t)all) {
    tell_lost(f);
  } else if (f->lost++ == 0) {
    tool_error("run: cannot write log %s: %s; lines are lost", f->path,
               f->fd < 0 ? "it is not open" : n < 0 ? strerror(errno) : "no room");
  }
}
