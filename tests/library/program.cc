/* SPDX-License-Identifier: MIT
 *
 * program WORKER: a program in C++11 with a loop and call-backs. It calls `price` of
 * examples/c/shop.lua and prints what comes. Functions of it have C linkage and names that
 * libgaijin and proto/ use inside: with a clash it would not link, or end by abort().
 */
#include <gaijin/gaijin.h>

#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <string>

extern "C" {
void buffer_init() { std::abort(); }
void frame_next() { std::abort(); }
void pack_begin() { std::abort(); }
void message_parse() { std::abort(); }
void gj_table_init() { std::abort(); }
void op_name() { std::abort(); }
}

namespace {

struct Shop {
  gaijin *connection = nullptr;
  gaijin_holding *price = nullptr;
  bool done = false, failed = false;
};

void fail(Shop *shop, const char *text) {
  std::fprintf(stderr, "program: %s\n", text);
  shop->failed = true;
}

void on_result(void *user, const struct gaijin_answer *answer) {
  Shop *shop = static_cast<Shop *>(user);
  gaijin_value v;
  shop->done = true;
  if (!answer->ok) return fail(shop, answer->text);
  while (gaijin_body_next(answer->body, &v)) {
    if (v.type == GAIJIN_NUMBER) std::printf("%g\n", v.number);
    if (v.type == GAIJIN_STRING) std::printf("%s\n", std::string(v.bytes, v.size).c_str());
  }
  gaijin_body_free(answer->body);
}

void on_function(void *user, const struct gaijin_answer *answer) {
  Shop *shop = static_cast<Shop *>(user);
  gaijin_value v;
  if (!answer->ok) return fail(shop, answer->text);
  if (!gaijin_body_next(answer->body, &v) || v.type != GAIJIN_FOREIGN)
    return fail(shop, "no function");
  shop->price = v.holding;
  gaijin_hold(shop->connection, v.holding);
  gaijin_body_free(answer->body);
  gaijin_send send = {};
  send.op = GAIJIN_OP_CALL;
  send.holding = shop->price;
  gaijin_begin_request(shop->connection, &send, 2);
  gaijin_put_text(shop->connection, "apple");
  gaijin_put_number(shop->connection, 4);
  if (gaijin_end_request(shop->connection, on_result, shop, nullptr))
    fail(shop, gaijin_error(shop->connection));
}

bool step(gaijin *g) {
  struct pollfd p = {};
  if (gaijin_flush(g, true)) return false;
  p.fd = gaijin_fd(g);
  p.events = static_cast<short>(gaijin_wants_write(g) ? POLLIN | POLLOUT : POLLIN);
  if (poll(&p, 1, 20000) < 1) return false;
  return gaijin_dispatch(g) == 0;
}

} // namespace

int main(int argc, char **argv) {
  Shop shop;
  gaijin_options options = {};
  gaijin_events events = {};
  char error[512];
  if (argc != 2) return 2;
  options.events = &events;
  options.user = &shop;
  if (gaijin_connect(&shop.connection, &options, error, sizeof error)) {
    fail(&shop, error);
    return 1;
  }
  gaijin_send send = {};
  send.op = GAIJIN_OP_S2T;
  send.name = argv[1];
  gaijin_begin_request(shop.connection, &send, 1);
  gaijin_put_text(shop.connection, "price");
  if (gaijin_end_request(shop.connection, on_function, &shop, nullptr))
    fail(&shop, gaijin_error(shop.connection));
  while (!shop.done && !shop.failed && step(shop.connection)) continue;
  if (shop.price) gaijin_let_go(shop.connection, shop.price);
  gaijin_flush(shop.connection, true);
  gaijin_close(shop.connection);
  std::printf("%s\n", gaijin_version());
  return shop.done && !shop.failed ? 0 : 1;
}
