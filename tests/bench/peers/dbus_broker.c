/* SPDX-License-Identifier: MIT
 *
 * Has a dbus-broker listen on a socket, with a policy that allows everything: what its launcher does
 * with systemd's help, which is not everywhere.
 *
 * usage: dbus_broker PROGRAM SOCKET
 * Runs until it is ended, and the broker with it; the socket is there before anything can fail to find it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "tests/bench/common/measure.h"

#define MACHINE "0123456789abcdef0123456789abcdef"

/* A policy as AddListener takes it: what each user, then what members of each group may do. A user's is
 * whether and with which priority he may connect, and what he may own, send and receive. */
#define RIGHTS "bta(btbs)a(btssssuutt)a(btssssuutt)"
#define POLICY "a(u(" RIGHTS "))a(buu(" RIGHTS "))a(ss)b"

static void check(int result, const char *what) {
  if (result >= 0) return;
  errno = -result;
  measure_die(what);
}

static int listen_at(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) measure_die("socket");
  if (strlen(path) >= sizeof address.sun_path) check(-ENAMETOOLONG, path);
  strcpy(address.sun_path, path);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 128) != 0)
    measure_die(path);
  return fd;
}

static volatile sig_atomic_t broker; /* its pid */

/* It ends, we wait for it, and so its time is known to whoever waits for us. */
static void on_term(int signal) { kill(broker, signal); }

/* The other end of its controlling connection. */
static int run_broker(const char *program) {
  int ends[2];
  char fd[16];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) measure_die("socketpair");
  pid_t pid = fork();
  if (pid < 0) measure_die("fork");
  if (pid == 0) {
    signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    close(ends[0]);
    snprintf(fd, sizeof fd, "%d", ends[1]);
    execl(program, program, "--controller", fd, "--machine-id", MACHINE, "--max-bytes", "536870912",
          "--max-fds", "4096", "--max-matches", "131072", "--max-objects", "16777216", NULL);
    measure_die(program);
  }
  broker = pid;
  close(ends[1]);
  return ends[0];
}

/* Everybody (user -1) may do everything. A later broker wants a word more, on the kind of bus. */
static int add_listener(sd_bus *bus, int fd, const char *type, bool with_kind) {
  sd_bus_message *m;
  const uint64_t most = UINT64_MAX;
  check(sd_bus_message_new_method_call(bus, &m, NULL, "/org/bus1/DBus/Broker", "org.bus1.DBus.Broker",
                                       "AddListener"),
        "a message");
  check(sd_bus_message_append(m, "oh", "/org/bus1/DBus/Listener/0", fd), "a message");
  check(sd_bus_message_open_container(m, 'v', type), "a message");
  check(sd_bus_message_open_container(m, 'r', with_kind ? POLICY "s" : POLICY), "a message");
  check(sd_bus_message_append(m, "a(u(" RIGHTS "))", 1, UINT32_MAX,
                              /* connect */ 1, (uint64_t)1,
                              /* own: allowed, priority, prefixes too */ 1, 1, (uint64_t)1, 1, "",
                              /* send, to whom, what, of which kind, with how many descriptors */
                              1, 1, (uint64_t)1, "", "", "", "", 0U, 0U, (uint64_t)0, most,
                              /* receive */ 1, 1, (uint64_t)1, "", "", "", "", 0U, 0U, (uint64_t)0, most),
        "a message");
  check(sd_bus_message_append(m, "a(buu(" RIGHTS "))", 0), "a message");
  check(sd_bus_message_append(m, "a(ss)b", 0, 0), "a message");
  if (with_kind) check(sd_bus_message_append(m, "s", "session"), "a message");
  check(sd_bus_message_close_container(m), "a message");
  check(sd_bus_message_close_container(m), "a message");
  int r = sd_bus_call(bus, m, 0, NULL, NULL);
  sd_bus_message_unref(m);
  return r;
}

static sd_bus *control(const char *program) {
  sd_bus *bus;
  int fd = run_broker(program);
  check(sd_bus_new(&bus), "a connection");
  check(sd_bus_set_fd(bus, fd, fd), "a connection");
  check(sd_bus_start(bus), "a connection");
  return bus;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fputs("usage: dbus_broker PROGRAM SOCKET\n", stderr);
    return 2;
  }
  signal(SIGTERM, on_term);
  int listener = listen_at(argv[2]);
  sd_bus *bus = control(argv[1]);
  if (add_listener(bus, listener, "(" POLICY ")", false) < 0) {
    /* It ends its connection over what it does not understand. */
    sd_bus_unref(bus);
    bus = control(argv[1]);
    check(add_listener(bus, listener, "(" POLICY "s)", true), "AddListener");
  }
  for (;;) {
    int r = sd_bus_process(bus, NULL);
    if (r < 0) break; /* the broker has ended */
    if (r == 0) sd_bus_wait(bus, UINT64_MAX);
  }
  sd_bus_unref(bus);
  waitpid(broker, NULL, 0);
  return 0;
}
