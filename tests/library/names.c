/* SPDX-License-Identifier: MIT
 *
 * names WORKER: a program in C99 that has names of its own which libgaijin and proto/ use inside.
 * It calls the function `price` of examples/c/shop.lua, blocking, and prints what comes. If any of
 * its names and the library's were one, it would not compile, not link, or end by abort().
 */
#define OP(n) OP_##n
#define STATUS "mine"
#define REQUEST 77
#define KIND 3
#define SETTING 4
#define ANY 5

#include <gaijin/gaijin.h>

#if !defined(OP) || !defined(STATUS) || !defined(REQUEST) || !defined(KIND) || !defined(ANY)
#error "a header of libgaijin undefines a macro of the program"
#endif
#if defined(ARRAY_SIZE) || defined(container_of) || defined(NAME_MAX_BYTES) || defined(WIRE_VERSION)
#error "a header of libgaijin brings macros without its prefix"
#endif

#include <stdio.h>
#include <stdlib.h>

enum op { OP(hello) = 40, OP(get), OP(count) };
enum status { STATUS_dead = 50 };
enum message_kind { MESSAGE_REQUEST = 60 };
enum value_type { VALUE_NIL = 70 };
struct pt { int x; };
struct call { struct pt pt; };
struct host { struct call call; };
struct table { struct host host; };
struct link { struct table table; };
struct buffer { struct link link; };
struct writer { struct buffer buffer; };

/* Never called: the library has functions of these names for itself. */
#define OWN(name) \
  void name(void); \
  void name(void) { abort(); }
OWN(buffer_init)
OWN(buffer_append)
OWN(buffer_reserve)
OWN(buffer_resize)
OWN(buffer_deinit)
OWN(frame_init)
OWN(frame_next)
OWN(frame_room)
OWN(frame_filled)
OWN(frame_trim)
OWN(message_parse)
OWN(message_write_header)
OWN(pack_begin)
OWN(pack_end)
OWN(pack_string)
OWN(reader_next)
OWN(reader_open)
OWN(body_walk)
OWN(pt_read)
OWN(pt_write)
OWN(pt_equal)
OWN(op_info)
OWN(op_name)
OWN(status_name)
OWN(mix64)
OWN(table_init)
OWN(table_find)
OWN(list_init)
OWN(list_append)
OWN(gj_fail)
OWN(gj_table_init)
OWN(gj_call_new)
OWN(gj_receive_message)

static int complain(const char *text) {
  fprintf(stderr, "names: %s\n", text);
  return 1;
}

static int ask(gaijin *g, struct gaijin_answer *answer) {
  uint64_t id;
  if (gaijin_end_request(g, NULL, NULL, &id)) return complain(gaijin_error(g));
  if (gaijin_await(g, id, 20, answer)) return complain(gaijin_error(g));
  return answer->ok ? 0 : complain(answer->text);
}

static void print_values(gaijin_body *body) {
  struct gaijin_value v;
  while (gaijin_body_next(body, &v)) {
    if (v.type == GAIJIN_NUMBER) printf("%g\n", v.number);
    if (v.type == GAIJIN_STRING) printf("%.*s\n", (int)v.size, v.bytes);
  }
  gaijin_body_free(body);
}

int main(int argc, char **argv) {
  struct gaijin_options options = {0};
  struct gaijin_send send = {0};
  struct gaijin_answer answer;
  struct gaijin_value v;
  char error[512];
  gaijin *g;
  if (argc != 2) return complain("usage: names WORKER");
  if (gaijin_connect(&g, &options, error, sizeof error)) return complain(error);
  send.op = GAIJIN_OP_S2T;
  send.name = argv[1];
  gaijin_begin_request(g, &send, 1);
  gaijin_put_text(g, "price");
  if (ask(g, &answer)) return 1;
  if (!gaijin_body_next(answer.body, &v) || v.type != GAIJIN_FOREIGN)
    return complain("no function");
  gaijin_hold(g, v.holding);
  gaijin_body_free(answer.body);
  send.op = GAIJIN_OP_CALL;
  send.name = NULL;
  send.holding = v.holding;
  gaijin_begin_request(g, &send, 2);
  gaijin_put_text(g, "pear");
  gaijin_put_number(g, 5);
  if (ask(g, &answer)) return 1;
  print_values(answer.body);
  gaijin_let_go(g, send.holding);
  gaijin_flush(g, true);
  gaijin_close(g);
  printf("%s %d %d\n", gaijin_version(), OP_hello, REQUEST);
  return 0;
}
