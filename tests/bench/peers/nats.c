/* SPDX-License-Identifier: MIT
 *
 * Requests and replies through a nats-server on this machine: 64 bytes there and back.
 *
 * usage: nats ROUND-TRIPS IN-FLIGHT PROCESSOR PORT; both ends are on the processor
 * Prints `call p50`, `call p99` and `async-N rate` (common/measure.h).
 */
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/common/measure.h"

enum { VALUE_BYTES = 64, BEGIN_TRIES = 10000, WAIT_MS = 10000 };
#define SUBJECT "bench"
#define ANSWERS "answers"

static const char value[VALUE_BYTES] = "value";

static void check(natsStatus status, const char *what) {
  if (status == NATS_OK) return;
  fprintf(stderr, "nats: %s: %s\n", what, natsStatus_GetText(status));
  exit(1);
}

/* Each message is written when it is published; else a thread waits for a millisecond whether more come. */
static natsConnection *join(const char *port) {
  natsOptions *options;
  natsConnection *connection;
  char url[64];
  snprintf(url, sizeof url, "nats://127.0.0.1:%s", port);
  check(natsOptions_Create(&options), "options");
  check(natsOptions_SetURL(options, url), "options");
  check(natsOptions_SetSendAsap(options, true), "options");
  check(natsConnection_Connect(&connection, options), url);
  natsOptions_Destroy(options);
  return connection;
}

static void on_request(natsConnection *c, natsSubscription *s, natsMsg *m, void *user) {
  (void)s;
  (void)user;
  check(natsConnection_Publish(c, natsMsg_GetReply(m), natsMsg_GetData(m), natsMsg_GetDataLength(m)),
        "an answer");
  natsMsg_Destroy(m);
}

static void serve(const char *port) {
  natsSubscription *s;
  natsConnection *c = join(port);
  check(natsConnection_Subscribe(&s, c, SUBJECT, on_request, NULL), "the server");
  for (;;) pause();
}

static natsStatus call(natsConnection *c) {
  natsMsg *m = NULL;
  natsStatus status = natsConnection_Request(&m, c, SUBJECT, value, VALUE_BYTES, WAIT_MS);
  if (status == NATS_OK && natsMsg_GetDataLength(m) != VALUE_BYTES) status = NATS_ERR;
  natsMsg_Destroy(m);
  return status;
}
static void trip(void *user) { check(call(user), "a request"); }

struct many {
  natsConnection *connection;
  natsSubscription *answers;
};

static void batch(void *user, long n) {
  struct many *many = user;
  for (long i = 0; i < n; i++)
    check(natsConnection_PublishRequest(many->connection, SUBJECT, ANSWERS, value, VALUE_BYTES),
          "a request");
  for (long i = 0; i < n; i++) {
    natsMsg *m;
    check(natsSubscription_NextMsg(&m, many->answers, WAIT_MS), "an answer");
    natsMsg_Destroy(m);
  }
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fputs("usage: nats ROUND-TRIPS IN-FLIGHT PROCESSOR PORT\n", stderr);
    return 2;
  }
  long trips = measure_number(argv[1], "ROUND-TRIPS", 100, 10000000);
  long in_flight = measure_number(argv[2], "IN-FLIGHT", 1, 10000);
  long processor = measure_number(argv[3], "PROCESSOR", 0, 1023);
  char row[32];
  snprintf(row, sizeof row, "async-%ld", in_flight);
  if (measure_fork(processor)) serve(argv[4]);
  measure_place(processor);
  natsConnection *c = join(argv[4]);
  for (int i = 0; i < BEGIN_TRIES && call(c) != NATS_OK; i++) usleep(1000); /* until it serves */
  measure_trips("call", trips, trip, c);
  struct many many = {.connection = join(argv[4])};
  check(natsConnection_SubscribeSync(&many.answers, many.connection, ANSWERS), "answers");
  measure_rate(row, trips * 5, in_flight, batch, &many);
  natsSubscription_Destroy(many.answers);
  natsConnection_Destroy(many.connection);
  natsConnection_Destroy(c);
  nats_Close();
  return 0;
}
