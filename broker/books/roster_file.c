/* SPDX-License-Identifier: MIT
 *
 * A new file is made under another name and renamed, so that no broker ever finds half a header.
 */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include "broker/books/roster_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/descriptor.h"
#include "broker/base/process.h"
#include "proto/base.h"
#include "proto/name.h"

/* Slots of a new file, and the most of one that is believed: far more than a process may have
 * descriptors. */
enum { SLOTS_FIRST = 1024, SLOTS_MOST = 1 << 22 };

/* Zeros when the kernel tells none: then two starts of the system cannot be told apart, but the
 * times at which processes were started still can. False: it cannot be read now. */
static bool read_boot(char boot[ROSTER_BOOT_BYTES]) {
  memset(boot, 0, ROSTER_BOOT_BYTES);
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == EACCES;
  if (read(fd, boot, ROSTER_BOOT_BYTES - 1) < 0) boot[0] = 0;
  close(fd);
  return true;
}

/* The name space of this process's ids: a broker in another one sees others by these. */
static uint64_t pid_space(void) {
  struct stat s;
  return stat("/proc/self/ns/pid", &s) == 0 ? s.st_ino : 0;
}

/* Maps the file that is open; NULL, or why that is not possible. */
static const char *map(struct roster *r, off_t size) {
  void *at = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
  if (at == MAP_FAILED) return strerror(errno);
  r->header = at;
  r->slots = (uint32_t)(size / ROSTER_RECORD - 1);
  r->unused = malloc(r->slots * sizeof *r->unused);
  return r->unused ? NULL : "memory is too short";
}

static void unmap(struct roster *r) {
  if (r->header) munmap(r->header, ((size_t)r->slots + 1) * ROSTER_RECORD);
  if (r->fd >= 0) close(r->fd);
  free(r->unused);
  r->header = NULL;
  r->unused = NULL;
  r->slots = r->used = 0;
  r->fd = -1;
}

static const char *judge_header(const struct roster_header *h,
                                const char boot[ROSTER_BOOT_BYTES]) {
  if (memcmp(h->magic, ROSTER_MAGIC, sizeof h->magic) != 0) return "it is none";
  if (h->layout != ROSTER_LAYOUT) return "a broker of another release has made it";
  if (memcmp(h->boot, boot, ROSTER_BOOT_BYTES) != 0)
    return "it is of an earlier start of the system";
  return h->generation >= 1 && h->generation <= GENERATION_MOST ? NULL : "it is damaged";
}

/* What came of the file that is there. FAILED: it may be good, and cannot be had now. */
enum opened { OLD_GOOD, OLD_NONE, OLD_BAD, OLD_FAILED };

/* GOOD: it is mapped. BAD and FAILED: *why tells. */
static enum opened open_old(struct roster *r, const char **why) {
  struct stat s;
  char boot[ROSTER_BOOT_BYTES];
  r->fd = open(r->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (r->fd < 0 && errno == ENOENT) return OLD_NONE;
  *why = r->fd < 0 && errno == ELOOP ? "it is a link" : strerror(errno);
  if (r->fd < 0) return errno == ELOOP || errno == EISDIR || errno == ENXIO ? OLD_BAD : OLD_FAILED;
  if (fstat(r->fd, &s) < 0) return OLD_FAILED;
  *why = !S_ISREG(s.st_mode)                   ? "it is no file"
         : s.st_uid != geteuid()               ? "it belongs to another user"
         : s.st_mode & (S_IRWXG | S_IRWXO)     ? "others may use it"
         : s.st_nlink != 1                     ? "it has another name, too"
         : s.st_size < 2 * ROSTER_RECORD || s.st_size % ROSTER_RECORD ||
                 s.st_size / ROSTER_RECORD - 1 > SLOTS_MOST
             ? "it is damaged"
             : NULL;
  if (*why) return OLD_BAD;
  if ((*why = map(r, s.st_size))) return OLD_FAILED;
  if (!read_boot(boot)) {
    *why = strerror(errno);
    return OLD_FAILED;
  }
  *why = judge_header(r->header, boot);
  return *why ? OLD_BAD : OLD_GOOD;
}

/* NULL, or why there is none; errno is set for that. */
static const char *make_new(struct roster *r) {
  char made[sizeof r->path + 8];
  off_t size = (SLOTS_FIRST + 1) * ROSTER_RECORD;
  snprintf(made, sizeof made, "%s.new", r->path);
  unlink(made); /* of a broker that was killed */
  r->fd = open(made, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (r->fd < 0) return strerror(errno);
  int e = posix_fallocate(r->fd, 0, size);
  const char *fault = e ? strerror(e) : map(r, size);
  if (!fault) {
    *r->header = (struct roster_header){
        .layout = ROSTER_LAYOUT, .generation = 1, .pid_space = pid_space()};
    memcpy(r->header->magic, ROSTER_MAGIC, sizeof r->header->magic);
    if (!read_boot(r->header->boot) || rename(made, r->path) < 0) fault = strerror(errno);
  }
  if (fault) unlink(made);
  return fault;
}

/* ---- The slots that are there ---- */

struct found {
  uint32_t gone, damaged;
  uint64_t *hosts; /* a set, open addressing, of `size` places */
  uint32_t size;
};

/* False: it is there already. */
static bool note_host(struct found *f, uint64_t host) {
  uint32_t i = (uint32_t)mix64(host) % f->size;
  for (; f->hosts[i]; i = (i + 1) % f->size)
    if (f->hosts[i] == host) return false;
  f->hosts[i] = host;
  return true;
}

static bool is_sound(struct found *f, const struct roster_slot *s, uint64_t host) {
  return s->name_size >= 1 && s->name_size <= NAME_MAX_BYTES && s->retired <= 1 &&
         s->sandboxed <= 1 && s->succeeds <= 1 && !name_fault(s->name, s->name_size) &&
         note_host(f, host);
}

static void judge_slots(struct roster *r, struct found *f) {
  bool is_same_space = r->header->pid_space == pid_space();
  for (uint32_t i = r->slots; i-- > 0;) {
    struct roster_slot *s = roster_at(r, i);
    if (!is_same_space) s->pid = 0;
    uint64_t host = atomic_load_explicit(&s->host, memory_order_acquire);
    bool keep = host != 0;
    if (keep && !is_sound(f, s, host)) {
      f->damaged++;
      keep = false;
    } else if (keep && process_has_ended(s->pid, s->start)) {
      f->gone++;
      keep = false;
    }
    if (keep) {
      r->used++;
    } else {
      atomic_store_explicit(&s->host, 0, memory_order_release);
      secret_wipe(&s->secret);
    }
  }
}

/* The free ones as a stack, the first of the file on top. */
static void list_unused(struct roster *r) {
  uint32_t n = 0;
  for (uint32_t i = r->slots; i-- > 0;)
    if (!atomic_load_explicit(&roster_at(r, i)->host, memory_order_relaxed)) r->unused[n++] = i;
}

static bool take_over(struct roster *r, struct log *log) {
  struct found f = {.size = 2 * r->slots};
  f.hosts = calloc(f.size, sizeof *f.hosts);
  if (!f.hosts) return false;
  judge_slots(r, &f);
  list_unused(r);
  free(f.hosts);
  if (f.damaged)
    log_line(log, LOG_WARN, "ignored %u damaged slots of the roster %s", f.damaged, r->path);
  log_line(log, LOG_INFO,
           "the broker before this one was killed: %u workers may come back, %u have ended",
           r->used, f.gone);
  r->header->pid_space = pid_space();
  r->header->generation = r->header->generation % GENERATION_MOST + 1;
  return true;
}

/* Without a file the broker does all but let workers come back. */
static void begin_anew(struct roster *r, struct log *log) {
  const char *fault = make_new(r);
  if (fault) {
    unmap(r);
    log_line(log, LOG_WARN,
             "cannot make the roster %s, so no worker will come back if this broker is killed: %s",
             r->path, fault);
    return;
  }
  list_unused(r);
}

int roster_open(struct roster *r, const char *socket, struct log *log, char *error, size_t n) {
  const char *why = NULL;
  *r = (struct roster){.fd = -1, .generation = 1};
  snprintf(r->path, sizeof r->path, "%s.roster", socket);
  enum opened o = open_old(r, &why);
  if (o == OLD_GOOD && !take_over(r, log)) {
    o = OLD_FAILED;
    why = "memory is too short";
  }
  if (o != OLD_GOOD) unmap(r);
  if (o == OLD_FAILED) {
    snprintf(error, n,
             "cannot open %s, by which workers come back: %s; mend that, or remove it and end them",
             r->path, why);
    return -1;
  }
  if (o == OLD_BAD) {
    log_line(log, LOG_WARN, "the roster %s is thrown away, so no worker can come back: %s",
             r->path, why);
    unlink(r->path); /* what cannot be removed cannot be replaced either, which is told */
  }
  if (o != OLD_GOOD) begin_anew(r, log);
  if (r->header) r->generation = r->header->generation;
  return 0;
}

/* Maps the file that the program before this one had mapped. */
static void map_again(struct roster *r, struct sheet *s) {
  struct stat st;
  if (!descriptor_keep(r->fd, false) || fstat(r->fd, &st) < 0 ||
      st.st_size < 2 * ROSTER_RECORD || st.st_size % ROSTER_RECORD || map(r, st.st_size)) {
    sheet_fail(s, "the roster cannot be mapped");
    return;
  }
  for (uint32_t i = 0; i < r->slots; i++)
    r->used += atomic_load_explicit(&roster_at(r, i)->host, memory_order_relaxed) != 0;
  list_unused(r);
}

void roster_carry(struct roster *r, const char *socket, struct sheet *s) {
  bool has_file = r->header != NULL;
  sheet_mark(s, 'F');
  if (!s->writes) {
    *r = (struct roster){.fd = -1};
    snprintf(r->path, sizeof r->path, "%s.roster", socket);
  }
  SHEET(s, r->generation);
  SHEET(s, has_file);
  if (!has_file) return;
  SHEET(s, r->fd);
  if (!s->writes && !s->fault) map_again(r, s);
}

void roster_close(struct roster *r) {
  if (r->path[0]) unmap(r);
}

/* Whoever may rename files beside the socket may have put it aside, and may put it back. */
void roster_remove(struct roster *r) {
  if (r->header) {
    memset(r->header->magic, 0, sizeof r->header->magic);
    unlink(r->path);
  }
  roster_close(r);
}
