/* SPDX-License-Identifier: MIT
 *
 * The order is: lock, look at the path, remove a dead socket, bind, listen. The
 * lock file is unlinked at the end, so whoever gets a lock checks that the path
 * still names the file it has locked.
 */
#define _GNU_SOURCE /* accept4, O_PATH */
#include "broker/net/listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 512, ACCEPTS_PER_TURN = 64, PAUSE_MS = 100 };

/* 1: locked; 0: the file was unlinked meanwhile, try again; -1 and a text. */
static int try_lock(struct listener *l, char *error, size_t n) {
  struct stat mine, there;
  l->lock_fd = open(l->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (l->lock_fd < 0) {
    snprintf(error, n, "cannot make the lock file %s: %s; choose another place with --socket",
             l->lock_path, strerror(errno));
    return -1;
  }
  if (flock(l->lock_fd, LOCK_EX | LOCK_NB) < 0) {
    if (errno == EWOULDBLOCK)
      snprintf(error, n,
               "another broker is already running on %s; use it, end it, or choose another place "
               "with --socket",
               l->path);
    else
      snprintf(error, n, "cannot lock %s: %s", l->lock_path, strerror(errno));
    return -1;
  }
  if (fstat(l->lock_fd, &mine) == 0 && stat(l->lock_path, &there) == 0 &&
      mine.st_ino == there.st_ino && mine.st_dev == there.st_dev)
    return 1;
  close(l->lock_fd);
  l->lock_fd = -1;
  return 0;
}

/* Whether somebody accepts connections at the path: 1, 0, or -1 (cannot tell). */
static int is_alive(const struct sockaddr_un *address) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int r = connect(fd, (const struct sockaddr *)address, sizeof *address);
  int alive = r == 0 || errno == EAGAIN ? 1 : errno == ECONNREFUSED || errno == ENOENT ? 0 : -1;
  close(fd);
  return alive;
}

/* Makes the path free. */
static int clear_path(const struct listener *l, const struct sockaddr_un *address, char *error,
                      size_t n) {
  struct stat there;
  if (lstat(l->path, &there) < 0) return 0;
  if (!S_ISSOCK(there.st_mode)) {
    snprintf(error, n,
             "%s is there and is no socket; remove it, or choose another place with --socket",
             l->path);
    return -1;
  }
  int alive = is_alive(address);
  if (alive) {
    snprintf(error, n, "%s %s; end it, or choose another place with --socket",
             alive > 0 ? "another program is listening on" : "cannot tell who has the socket",
             l->path);
    return -1;
  }
  if (unlink(l->path) < 0 && errno != ENOENT) {
    snprintf(error, n, "cannot replace the stale socket %s: %s", l->path, strerror(errno));
    return -1;
  }
  return 0;
}

/* Gives the socket that was just bound its group and its mode. Members of the group may be allowed
 * to write to the directory, and could put another file at the path meanwhile: what is changed is
 * the socket that was looked at, by way of /proc, and only if it is ours. */
static bool give_to_group(struct listener *l) {
  const struct access *a = &l->access;
  struct stat made;
  char by_fd[32];
  int fd = open(l->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  snprintf(by_fd, sizeof by_fd, "/proc/self/fd/%d", fd);
  bool ours = fstat(fd, &made) == 0 && S_ISSOCK(made.st_mode) && made.st_uid == geteuid() &&
              made.st_dev == l->device && made.st_ino == l->inode;
  bool good = ours && fchownat(fd, "", (uid_t)-1, a->group, AT_EMPTY_PATH) == 0 &&
              chmod(by_fd, access_mode(a)) == 0;
  int why = !ours ? EEXIST : errno == ENOENT ? ENOSYS : errno;
  close(fd);
  errno = why;
  return good;
}

/* Binds and listens. The file is never wider open than it is to be, whatever the umask: it begins
 * with 0600. Nothing is between the two calls, because who sees the file connects. */
static bool listen_with_mode(struct listener *l, const struct sockaddr_un *address) {
  struct stat made;
  mode_t old = umask(0177);
  bool good = bind(l->fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
              listen(l->fd, BACKLOG) == 0;
  int why = errno;
  umask(old);
  errno = why;
  if (!good || lstat(l->path, &made) < 0) return false;
  l->device = made.st_dev; /* listener_close removes it from now on */
  l->inode = made.st_ino;
  return l->access.has_group ? give_to_group(l)
                             : chmod(l->path, access_mode(&l->access)) == 0;
}

static int bind_and_listen(struct listener *l, const struct sockaddr_un *address, char *error,
                           size_t n) {
  l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (l->fd >= 0 && fchmod(l->fd, 0600) == 0 && listen_with_mode(l, address)) return 0;
  if (errno == ENOSYS)
    snprintf(error, n, "cannot give %s to a group: /proc is not there", l->path);
  else
    snprintf(error, n, "cannot listen on %s: %s; choose another place with --socket", l->path,
             strerror(errno));
  return -1;
}

static struct sockaddr_un address_of(const struct listener *l) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, l->path, strlen(l->path) + 1);
  return address;
}

static int lock(struct listener *l, char *error, size_t n) {
  int r;
  while ((r = try_lock(l, error, n)) == 0) continue;
  if (r < 0) {
    /* The lock file is somebody else's. */
    if (l->lock_fd >= 0) close(l->lock_fd);
    l->lock_fd = -1;
    return -1;
  }
  return 0;
}

static int lock_path(struct listener *l, const char *path, const struct access *access,
                     char *error, size_t n) {
  *l = (struct listener){.fd = -1, .lock_fd = -1, .spare_fd = -1, .access = *access};
  if (strlen(path) >= sizeof l->path) {
    snprintf(error, n,
             "the socket's path has %zu bytes, at most %zu are possible: %s; choose a shorter one "
             "with --socket",
             strlen(path), sizeof l->path - 1, path);
    return -1;
  }
  snprintf(l->path, sizeof l->path, "%s", path);
  snprintf(l->lock_path, sizeof l->lock_path, "%s.lock", path);
  if (access_prepare_directory(access, path, error, n) < 0) return -1;
  return lock(l, error, n);
}

int listener_lock(struct listener *l, const char *path, const struct access *access, char *error,
                  size_t n) {
  if (lock_path(l, path, access, error, n) < 0) return -1;
  struct sockaddr_un address = address_of(l);
  if (clear_path(l, &address, error, n) == 0) return 0;
  listener_close(l);
  return -1;
}

int listener_adopt(struct listener *l, int fd, const char *path, const struct access *access,
                   char *error, size_t n) {
  if (lock_path(l, path, access, error, n) < 0) return -1;
  l->fd = fd; /* without its inode, so the file is not removed */
  l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return 0;
}

int listener_listen(struct listener *l, char *error, size_t n) {
  struct sockaddr_un address = address_of(l);
  assert(l->lock_fd >= 0 && l->fd < 0);
  if (bind_and_listen(l, &address, error, n) == 0) {
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return 0;
  }
  listener_close(l);
  return -1;
}

void listener_close(struct listener *l) {
  struct stat there;
  if (l->polling) {
    /* Before the descriptor: libuv must not watch one that may be another's already. */
    uv_close((uv_handle_t *)&l->poll, NULL);
    uv_close((uv_handle_t *)&l->pause, NULL);
    l->polling = false;
  }
  if (l->fd >= 0) {
    if (l->inode && lstat(l->path, &there) == 0 && there.st_ino == l->inode &&
        there.st_dev == l->device)
      unlink(l->path);
    close(l->fd);
  }
  if (l->spare_fd >= 0) close(l->spare_fd);
  if (l->lock_fd >= 0) {
    unlink(l->lock_path);
    close(l->lock_fd);
  }
  l->fd = l->spare_fd = l->lock_fd = -1;
}

/* No descriptor is left: takes the connection with the spare one, so that its client learns at once
 * that it is refused, and why. */
static void refuse(struct listener *l) {
  if (l->spare_fd >= 0) close(l->spare_fd);
  int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  /* A socket that has just come has room for it. */
  if (fd >= 0 && l->parting) send(fd, l->parting, l->parting_size, MSG_NOSIGNAL);
  if (fd >= 0) close(fd);
  l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int listener_accept(struct listener *l) {
  assert(l->fd >= 0);
  int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) return fd;
  int error = errno;
  if (error == EMFILE || error == ENFILE) refuse(l);
  return -error;
}

/* ---- In the loop ---- */

static void log_refused(struct listener *l, int error) {
  log_peer(l->log, LOG_ERROR, CAUSE_DESCRIPTORS, log_user(LOG_NO_UID),
           "refused a client: %s; raise the limit of open files (ulimit -n)", strerror(error));
}

static void log_cannot_wait(const struct listener *l, int error) {
  log_line(l->log, LOG_ERROR, "cannot wait for clients: %s", uv_strerror(error));
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer) {
  struct listener *l = timer->data;
  int r = uv_poll_start(&l->poll, UV_READABLE, on_readable);
  if (r < 0) log_cannot_wait(l, r);
}

/* There is no descriptor even to refuse the client that waits: accepting goes on a little later. */
static void pause_accepting(struct listener *l) {
  uv_poll_stop(&l->poll);
  uv_timer_start(&l->pause, on_pause_over, PAUSE_MS, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  struct listener *l = poll->data;
  (void)events;
  if (status < 0) {
    log_cannot_wait(l, status);
    return;
  }
  for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
    int fd = listener_accept(l);
    if (fd == -EAGAIN) return;
    if (fd == -EMFILE || fd == -ENFILE) {
      log_refused(l, -fd);
      if (l->spare_fd >= 0) continue;
      pause_accepting(l);
      return;
    }
    if (fd >= 0) l->accepted(l->user, fd);
  }
}

int listener_start(struct listener *l, uv_loop_t *loop, struct log *log,
                   listener_fn accepted, void *user) {
  assert(l->fd >= 0 && !l->polling);
  l->log = log;
  l->accepted = accepted;
  l->user = user;
  int r = uv_poll_init(loop, &l->poll, l->fd);
  if (r < 0) return r;
  uv_timer_init(loop, &l->pause);
  l->polling = true;
  l->poll.data = l->pause.data = l;
  return uv_poll_start(&l->poll, UV_READABLE, on_readable);
}
