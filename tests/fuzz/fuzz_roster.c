/* SPDX-License-Identifier: MIT
 *
 * The roster as a broker finds it when it starts. The input is the file: a byte that says whether
 * its header is made right, and where; then its bytes. Whatever is in it, the broker starts, what is
 * believed is sound, and is there for the next broker, too; slots can be taken, changed and given
 * back; and after an orderly end there is no file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/books/roster_file.h"
#include "proto/name.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/run.h"

enum { HEADER_RIGHT = 1, SIZE_RIGHT = 2, PIDS_OWN = 4, SLOTS_MOST = 64 };

static char directory[RUN_PATH], base[RUN_PATH + 8], path[RUN_PATH + 16];
static struct log quiet;
static struct roster_header header; /* one that a broker here has made */

static void remove_directory(void) { rmdir(directory); }

static void open_it(struct roster *r) {
  char error[512] = "";
  int status = roster_open(r, base, &quiet, error, sizeof error);
  FUZZ_REQUIRE(status == 0, "%s", error);
  const char *fault = roster_check(r);
  FUZZ_REQUIRE(!fault, "%s", fault);
}

static void set_up(void) {
  struct roster r;
  if (*directory) return;
  FUZZ_REQUIRE(run_directory(directory), "no temporary directory");
  atexit(remove_directory);
  snprintf(base, sizeof base, "%s/s", directory);
  snprintf(path, sizeof path, "%s.roster", base);
  FUZZ_REQUIRE(log_open(&quiet, LOG_ERROR, LOG_TEXT, STDERR_FILENO), "no log");
  open_it(&r);
  header = *r.header;
  roster_remove(&r);
}

static void write_file(struct script *s) {
  static uint8_t bytes[(SLOTS_MOST + 1) * ROSTER_RECORD];
  uint8_t how = script_byte(s);
  uint32_t size;
  const uint8_t *from = script_bytes(s, sizeof bytes, &size);
  memset(bytes, 0, sizeof bytes);
  if (size) memcpy(bytes, from, size);
  if (how & SIZE_RIGHT) size = (size / ROSTER_RECORD + 2) * ROSTER_RECORD;
  if (size > sizeof bytes) size = sizeof bytes;
  if (how & HEADER_RIGHT) memcpy(bytes, &header, sizeof header);
  for (uint32_t i = 1; how & PIDS_OWN && (i + 1) * ROSTER_RECORD <= size; i++) {
    struct roster_slot slot; /* else all have ended */
    memcpy(&slot, bytes + i * ROSTER_RECORD, sizeof slot);
    slot.pid = slot.pid % 2 ? getpid() : 0;
    slot.start = 0;
    memcpy(bytes + i * ROSTER_RECORD, &slot, sizeof slot);
  }
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  FUZZ_REQUIRE(fd >= 0 && write(fd, bytes, size) == (ssize_t)size, "%s", strerror(errno));
  close(fd);
}

static void check_slots(const struct roster *r) {
  for (uint32_t i = 0; i < r->slots; i++) {
    const struct roster_slot *k = roster_at(r, i);
    if (!atomic_load_explicit(&k->host, memory_order_relaxed)) continue;
    FUZZ_REQUIRE(k->name_size <= NAME_MAX_BYTES && !name_fault(k->name, k->name_size), "a name that is none");
    FUZZ_REQUIRE(k->retired <= 1 && k->sandboxed <= 1, "a flag that is none");
    for (uint32_t j = 0; j < i; j++) FUZZ_REQUIRE(roster_at(r, j)->host != k->host, "two of one host");
  }
}

static uint32_t find_used(const struct roster *r) {
  for (uint32_t i = 0; i < r->slots; i++)
    if (atomic_load_explicit(&roster_at(r, i)->host, memory_order_relaxed)) return i;
  return SLAB_NONE;
}

/* Takes and gives back what there is. */
static void use(struct roster *r, struct script *s) {
  for (int i = 0; i < 8; i++) {
    uint8_t b = script_byte(s);
    struct rostered what = {.host = 1000u + (unsigned)i, .pid = getpid(), .name = "w", .name_size = 1,
                            .sandboxed = b & 16};
    uint32_t slot = b & 1 ? roster_add(r, &what) : find_used(r);
    if (slot == SLAB_NONE) continue;
    if (b & 2) roster_retire(r, slot);
    if (b & 4) roster_set_process(r, slot, getpid(), 0);
    if (b & 8) roster_free(r, slot);
    const char *fault = roster_check(r);
    FUZZ_REQUIRE(!fault, "%s", fault);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct script s = {data, data + size};
  struct roster r;
  set_up();
  write_file(&s);
  open_it(&r);
  check_slots(&r);
  uint64_t generation = r.generation;
  uint32_t used = r.used;
  roster_close(&r);
  open_it(&r); /* the next, after a kill */
  FUZZ_REQUIRE(r.used == used, "%u slots of %u are left", r.used, used);
  FUZZ_REQUIRE(r.generation == generation % GENERATION_MOST + 1, "the generation is not the next");
  check_slots(&r);
  s = (struct script){data, data + size};
  use(&r, &s);
  roster_remove(&r);
  FUZZ_REQUIRE(access(path, F_OK) < 0, "the roster is left");
  return 0;
}
