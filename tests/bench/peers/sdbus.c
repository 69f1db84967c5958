/* SPDX-License-Identifier: MIT
 *
 * Method calls through the message bus that DBUS_SESSION_BUS_ADDRESS names, with sd-bus at both ends:
 * a string of 64 bytes there and back. Any broker that speaks D-Bus will do.
 *
 * usage: sdbus ROUND-TRIPS IN-FLIGHT PROCESSOR, on which both ends are
 * Prints `call p50`, `call p99` and `async-N rate` (common/measure.h).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "proto/clock.h"
#include "tests/bench/common/measure.h"

#define NAME "org.gaijin.Bench"
#define PATH "/org/gaijin/Bench"
enum { VALUE_BYTES = 64, BEGIN_SECONDS = 10 };

struct client {
  sd_bus *bus;
  char value[VALUE_BYTES + 1];
  long answered;
};

/* sd-bus returns errno's numbers, negated. */
static void check(int result, const char *what) {
  if (result >= 0) return;
  errno = -result;
  measure_die(what);
}

static int echo(sd_bus_message *m, void *user, sd_bus_error *error) {
  const char *value;
  (void)user;
  (void)error;
  check(sd_bus_message_read(m, "s", &value), "reading a call");
  return sd_bus_reply_method_return(m, "s", value);
}

static const sd_bus_vtable methods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Echo", "s", "s", echo, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

static void turn(sd_bus *bus) {
  int r = sd_bus_process(bus, NULL);
  check(r, "processing");
  if (r == 0) check(sd_bus_wait(bus, UINT64_MAX), "waiting");
}

static void serve(void) {
  sd_bus *bus;
  check(sd_bus_open_user(&bus), "the server's connection");
  check(sd_bus_add_object_vtable(bus, NULL, PATH, NAME, methods, NULL), "the server's methods");
  check(sd_bus_request_name(bus, NAME, 0), "the server's name");
  for (;;) turn(bus);
}

static int call(struct client *c) {
  sd_bus_message *reply = NULL;
  sd_bus_error error = SD_BUS_ERROR_NULL;
  const char *value;
  int r = sd_bus_call_method(c->bus, NAME, PATH, NAME, "Echo", &error, &reply, "s", c->value);
  sd_bus_error_free(&error);
  if (r < 0) return r;
  check(sd_bus_message_read(reply, "s", &value), "reading an answer");
  if (strcmp(value, c->value) != 0) check(-EBADMSG, "an answer");
  sd_bus_message_unref(reply);
  return 0;
}
static void trip(void *user) { check(call(user), "a call"); }

static int on_answer(sd_bus_message *m, void *user, sd_bus_error *error) {
  (void)error;
  if (sd_bus_message_is_method_error(m, NULL)) check(-EBADMSG, "an answer");
  ((struct client *)user)->answered++;
  return 0;
}
static void batch(void *user, long n) {
  struct client *c = user;
  c->answered = 0;
  for (long i = 0; i < n; i++)
    check(sd_bus_call_method_async(c->bus, NULL, NAME, PATH, NAME, "Echo", on_answer, c, "s", c->value),
          "an asynchronous call");
  while (c->answered < n) turn(c->bus);
}

int main(int argc, char **argv) {
  struct client c = {.answered = 0};
  if (argc != 4) {
    fputs("usage: sdbus ROUND-TRIPS IN-FLIGHT PROCESSOR\n", stderr);
    return 2;
  }
  long trips = measure_number(argv[1], "ROUND-TRIPS", 100, 10000000);
  long in_flight = measure_number(argv[2], "IN-FLIGHT", 1, 10000);
  long processor = measure_number(argv[3], "PROCESSOR", 0, 1023);
  char row[32];
  snprintf(row, sizeof row, "async-%ld", in_flight);
  if (measure_fork(processor)) serve();
  measure_place(processor);
  memset(c.value, 'v', VALUE_BYTES);
  check(sd_bus_open_user(&c.bus), "the client's connection");
  double end = clock_seconds() + BEGIN_SECONDS;
  while (call(&c) < 0 && clock_seconds() < end) usleep(1000); /* until the server has its name */
  measure_trips("call", trips, trip, &c);
  measure_rate(row, trips * 5, in_flight, batch, &c);
  sd_bus_flush_close_unref(c.bus);
  return 0;
}
