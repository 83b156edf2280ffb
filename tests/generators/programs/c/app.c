/* The generators' test in C, as tests/generators/programs.rs describes it. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

typedef wasyncio_streams_streams_own_stream_reader_t reader_t;
typedef wasyncio_streams_streams_own_stream_writer_t writer_t;
typedef wasyncio_streams_server_own_server_t server_t;
typedef wasyncio_streams_types_error_t error_t;
typedef wasyncio_streams_streams_result_list_u8_error_t bytes_or_error_t;

static void require(bool holds) {
  if (!holds)
    abort();
}

/* Waits until an asynchronous call has answered. */
static void await(program_subtask_status_t status) {
  if (PROGRAM_SUBTASK_STATE(status) == PROGRAM_SUBTASK_RETURNED)
    return;
  program_subtask_t call = PROGRAM_SUBTASK_HANDLE(status);
  program_waitable_set_t set = program_waitable_set_new();
  program_waitable_join(call, set);
  program_event_t event;
  do {
    program_waitable_set_wait(set, &event);
    require(event.event == PROGRAM_EVENT_SUBTASK && event.waitable == call);
  } while (event.code != PROGRAM_SUBTASK_RETURNED);
  program_subtask_drop(call);
  program_waitable_set_drop(set);
}

/* A text that grows. */
typedef struct {
  uint8_t bytes[512];
  size_t length;
} text_t;

static void add_bytes(text_t *text, const uint8_t *bytes, size_t count) {
  require(text->length + count <= sizeof text->bytes);
  memcpy(text->bytes + text->length, bytes, count);
  text->length += count;
}

static void add(text_t *text, const char *words) {
  add_bytes(text, (const uint8_t *)words, strlen(words));
}

static void add_number(text_t *text, uint32_t number) {
  if (number >= 10)
    add_number(text, number / 10);
  uint8_t digit = '0' + number % 10;
  add_bytes(text, &digit, 1);
}

static void write(writer_t writer, uint8_t *bytes, size_t count) {
  program_list_u8_t data = {bytes, count};
  error_t error;
  require(wasyncio_streams_streams_method_stream_writer_write(
      wasyncio_streams_streams_borrow_stream_writer(writer), &data, &error));
}

static void close(writer_t writer) {
  wasyncio_streams_streams_borrow_stream_writer_t borrowed = wasyncio_streams_streams_borrow_stream_writer(writer);
  wasyncio_streams_streams_method_stream_writer_close(borrowed);
  wasyncio_streams_streams_result_void_error_t closed;
  await(wasyncio_streams_streams_method_stream_writer_wait_closed(borrowed, &closed));
  require(!closed.is_err);
  wasyncio_streams_streams_stream_writer_drop_own(writer);
}

static program_list_u8_t readline(reader_t reader) {
  bytes_or_error_t line;
  await(wasyncio_streams_streams_method_stream_reader_readline(
      wasyncio_streams_streams_borrow_stream_reader(reader), &line));
  require(!line.is_err);
  return line.val.ok;
}

/* The port in the last argument. */
static uint16_t port_of_the_test(void) {
  program_list_string_t arguments;
  wasi_cli_environment_get_arguments(&arguments);
  require(arguments.len > 0);
  program_string_t last = arguments.ptr[arguments.len - 1];
  uint16_t port = 0;
  for (size_t at = 0; at < last.len; at++)
    port = port * 10 + (last.ptr[at] - '0');
  return port;
}

static writer_t connect(uint16_t port) {
  wasyncio_streams_connect_open_connection_args_t arguments = {0};
  arguments.host.is_some = true;
  program_string_set(&arguments.host.val, "127.0.0.1");
  arguments.port.is_some = true;
  arguments.port.val = port;
  wasyncio_streams_connect_result_tuple2_own_stream_reader_own_stream_writer_error_t pair;
  await(wasyncio_streams_connect_open_connection(&arguments, &pair));
  require(!pair.is_err);
  wasyncio_streams_streams_stream_reader_drop_own(pair.val.ok.f0);
  return pair.val.ok.f1;
}

static server_t listen(void) {
  program_string_t host;
  program_string_set(&host, "127.0.0.1");
  wasyncio_streams_server_start_server_args_t arguments = {0};
  arguments.hosts.ptr = &host;
  arguments.hosts.len = 1;
  wasyncio_streams_server_result_own_server_error_t server;
  await(wasyncio_streams_server_start_server(&arguments, &server));
  require(!server.is_err);
  return server.val.ok;
}

static uint16_t port_of(server_t server) {
  wasyncio_streams_server_list_socket_address_t sockets;
  wasyncio_streams_server_method_server_sockets(wasyncio_streams_server_borrow_server(server), &sockets);
  require(sockets.len == 1);
  return sockets.ptr[0].port;
}

static void echo_a_line(server_t server) {
  wasyncio_streams_server_result_tuple2_own_stream_reader_own_stream_writer_error_t pair;
  await(wasyncio_streams_server_method_server_accept(wasyncio_streams_server_borrow_server(server), &pair));
  require(!pair.is_err);
  reader_t reader = pair.val.ok.f0;
  writer_t writer = pair.val.ok.f1;
  program_list_u8_t line = readline(reader);
  write(writer, line.ptr, line.len);
  wasyncio_streams_streams_result_void_error_t drained;
  await(wasyncio_streams_streams_method_stream_writer_drain(
      wasyncio_streams_streams_borrow_stream_writer(writer), &drained));
  require(!drained.is_err);
  close(writer);
  wasyncio_streams_streams_stream_reader_drop_own(reader);
}

static reader_t fed_reader(uint32_t *limit, const char *words) {
  reader_t reader;
  error_t error;
  require(wasyncio_streams_streams_static_stream_reader_create(limit, &reader, &error));
  program_list_u8_t data = {(uint8_t *)words, strlen(words)};
  wasyncio_streams_streams_borrow_stream_reader_t borrowed = wasyncio_streams_streams_borrow_stream_reader(reader);
  require(wasyncio_streams_streams_method_stream_reader_feed_data(borrowed, &data, &error));
  wasyncio_streams_streams_method_stream_reader_feed_eof(borrowed);
  return reader;
}

static void lines_fed_by_hand(text_t *text) {
  reader_t reader = fed_reader(NULL, "one\ntwo");
  add(text, "readline:");
  for (int count = 0; count < 3; count++) {
    program_list_u8_t line = readline(reader);
    add(text, " [");
    add_bytes(text, line.ptr, line.len);
    add(text, "]");
  }
  add(text, "\n");
  wasyncio_streams_streams_stream_reader_drop_own(reader);
}

static void limit_of_zero(text_t *text) {
  uint32_t limit = 0;
  reader_t reader;
  error_t error;
  require(!wasyncio_streams_streams_static_stream_reader_create(&limit, &reader, &error));
  require(error.tag == WASYNCIO_STREAMS_TYPES_ERROR_VALUE_ERROR);
  add(text, "create: value-error: ");
  add_bytes(text, error.val.value_error.ptr, error.val.value_error.len);
  add(text, "\n");
}

static void more_than_there_is(text_t *text) {
  uint32_t limit = UINT32_MAX;
  reader_t reader = fed_reader(&limit, "345");
  bytes_or_error_t read;
  await(wasyncio_streams_streams_method_stream_reader_readexactly(
      wasyncio_streams_streams_borrow_stream_reader(reader), INT32_MAX, &read));
  require(read.is_err && read.val.err.tag == WASYNCIO_STREAMS_TYPES_ERROR_INCOMPLETE_READ_ERROR);
  wasyncio_streams_types_incomplete_read_error_t found = read.val.err.val.incomplete_read_error;
  require(found.expected.is_some);
  add(text, "readexactly: incomplete-read-error: [");
  add_bytes(text, found.partial.ptr, found.partial.len);
  add(text, "] of ");
  add_number(text, found.expected.val);
  add(text, "\n");
  wasyncio_streams_streams_stream_reader_drop_own(reader);
}

program_callback_code_t exports_wasi_cli_run_run(void) {
  writer_t report = connect(port_of_the_test());
  server_t server = listen();
  text_t text = {{0}, 0};
  add_number(&text, port_of(server));
  add(&text, "\n");
  write(report, text.bytes, text.length);
  echo_a_line(server);

  text.length = 0;
  lines_fed_by_hand(&text);
  limit_of_zero(&text);
  more_than_there_is(&text);
  write(report, text.bytes, text.length);
  close(report);
  wasyncio_streams_server_server_drop_own(server);

  exports_wasi_cli_run_result_void_void_t ok = {0};
  exports_wasi_cli_run_run_return(ok);
  return PROGRAM_CALLBACK_CODE_EXIT;
}

program_callback_code_t exports_wasi_cli_run_run_callback(program_event_t *event) {
  (void)event;
  abort();
}
