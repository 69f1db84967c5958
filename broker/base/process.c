/* SPDX-License-Identifier: MIT
 *
 * What /proc says of a process's first thread, where it can be read: for /proc/PID/stat the kernel
 * adds up the times of all threads, milliseconds where a stranger has tens of thousands. A system
 * may hide other users' processes there; that one is hidden is no sign of its end, so whether there
 * is one is asked with kill.
 */
#define _GNU_SOURCE /* getdents64 */
#include "broker/base/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Fields of proc(5), stat; the one before the first here may have any text. */
enum { STATE = 3, FLAGS = 9, THREADS = 20, START = 22, STATUS = 52 };
/* The kernel's flag of a thread that ends (PF_EXITING): its status is set before files close. */
enum { EXITING = 4 };

struct stat_fields {
  char state;
  uint64_t flags, threads, start;
  uint32_t status; /* as waitpid gives it; 0 also where it is not told */
};

/* A file in the form of stat. False: it cannot be read, and errno says why; 0: of another form. */
static bool read_file(int folder, const char *path, struct stat_fields *f) {
  char text[1024];
  errno = 0;
  int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0) return false;
  text[n] = 0;
  const char *at = strrchr(text, ')');
  if (!at || at[1] != ' ') return false;
  *f = (struct stat_fields){.state = at[2]};
  int field = STATE - 1;
  for (; at && field < STATUS; field++) {
    if (field == FLAGS) f->flags = strtoull(at, NULL, 10);
    if (field == THREADS) f->threads = strtoull(at, NULL, 10);
    if (field == START) f->start = strtoull(at, NULL, 10);
    at = strchr(at + 1, ' ');
  }
  if (at) f->status = (uint32_t)strtoull(at, NULL, 10);
  return field > START;
}

static bool read_stat(pid_t pid, struct stat_fields *f) {
  char path[60];
  snprintf(path, sizeof path, "/proc/%ld/task/%ld/stat", (long)pid, (long)pid);
  return pid > 0 && read_file(AT_FDCWD, path, f);
}

/* What a process's stat says is its first thread's. */
static bool thread_ends(const struct stat_fields *f) {
  return f->flags & EXITING || strchr("ZXx", f->state);
}

/* What could not be read in /proc is gone, and not hidden or, for lack of descriptors, out of
 * reach. */
static bool was_gone(void) { return errno == ENOENT || errno == ESRCH; }

/* Whether a thread of it goes on, or that is not known. One that ends with all its threads closes
 * its files when the last of them ends; many that end are no sign of a process that goes on. Only
 * the first dozen is looked at: a list of all, or only a buffer of readdir's size full of them,
 * costs the kernel milliseconds where a stranger has thousands. */
static bool has_running_thread(pid_t pid) {
  enum { LISTED_BYTES = 400 };
  _Alignas(struct dirent64) char listed[LISTED_BYTES];
  char path[300];
  struct stat_fields f;
  bool runs = false;
  snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
  int tasks = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (tasks < 0) return !was_gone();
  ssize_t n = getdents64(tasks, listed, sizeof listed);
  if (n < 0) runs = !was_gone();
  for (ssize_t at = 0; !runs && at < n;) {
    const struct dirent64 *e = (const struct dirent64 *)(const void *)(listed + at);
    at += e->d_reclen;
    if (e->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/stat", e->d_name);
    runs = read_file(tasks, path, &f) ? !thread_ends(&f) : !was_gone();
  }
  close(tasks);
  return runs;
}

uint64_t process_start(pid_t pid) {
  struct stat_fields f;
  return read_stat(pid, &f) ? f.start : 0;
}

static bool is_gone(pid_t pid) { return kill(pid, 0) < 0 && errno == ESRCH; }

bool process_has_ended(pid_t pid, uint64_t start) {
  struct stat_fields f;
  if (pid <= 0) return false;
  if (is_gone(pid)) return true;
  if (!read_stat(pid, &f)) return false;
  /* Of a process whose first thread has ended before the others that one is a zombie, too. */
  return (strchr("ZXx", f.state) && f.threads <= 1) || (start && f.start != start);
}

static struct process_end of_status(uint32_t status) {
  if (status & 0x7f) return (struct process_end){PROCESS_KILLED, (int)(status & 0x7f)};
  return (struct process_end){PROCESS_EXITED, (int)(status >> 8 & 0xff)};
}

/* Of the process at the other end of a socket, which is gone. */
static struct process_end end_by_socket(int socket) {
  /* As in linux/pidfd.h and asm/socket.h, which the system's may be too old to have. */
  enum { PEER_PIDFD = 77, INFO_EXIT = 8 };
  struct {
    uint64_t mask, cgroup;
    uint32_t ids[11];
    int32_t status;
  } info = {.mask = INFO_EXIT};
  int fd = -1;
  socklen_t size = sizeof fd;
  struct process_end end = {PROCESS_GONE, 0};
  if (getsockopt(socket, SOL_SOCKET, PEER_PIDFD, &fd, &size) != 0 || fd < 0) return end;
  if (ioctl(fd, _IOWR(0xff, 11, info), &info) == 0 && info.mask & INFO_EXIT)
    end = of_status((uint32_t)info.status);
  close(fd);
  return end;
}

struct process_end process_end(pid_t pid, uint64_t start, uid_t uid, int socket) {
  static const struct process_end lives = {PROCESS_LIVES, 0}, gone = {PROCESS_GONE, 0};
  struct stat_fields f;
  if (pid <= 0) return lives;
  if (!read_stat(pid, &f)) return is_gone(pid) ? end_by_socket(socket) : lives;
  if (start && f.start != start) return end_by_socket(socket);
  if (!thread_ends(&f) || (f.threads > 1 && has_running_thread(pid))) return lives;
  if (f.status == 0 && uid != geteuid()) return gone; /* it may be that we are not told */
  return of_status(f.status);
}

const char *process_end_text(struct process_end end, char buffer[PROCESS_END_BYTES]) {
  switch (end.how) {
    case PROCESS_LIVES: return "it closed its connection";
    case PROCESS_GONE: return "its process has ended";
    case PROCESS_EXITED:
      snprintf(buffer, PROCESS_END_BYTES, "its process exited with status %d", end.status);
      break;
    case PROCESS_KILLED:
      snprintf(buffer, PROCESS_END_BYTES, "its process was killed by signal %d (%s)", end.status,
               strsignal(end.status));
  }
  return buffer;
}
