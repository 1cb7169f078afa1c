// SPDX-License-Identifier: Apache-2.0
//
// HttpConnection serves the requests of one connection, one after the other, and hands
// the connection over where it becomes a WebSocket.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/detail/peer_pace.h"
#include "net/detail/request_parser.h"
#include "net/http_server.h"
#include "net/tls_stream.h"

namespace muster::net::detail {

/// What the connections of a server share.
struct HttpService {
  Router router;
  HttpServerOptions options;
  bool stopping = false;
  HttpServerStats stats;
};

class HttpConnection final : private BodyReader, private BodyWriter {
 public:
  HttpConnection(TlsStream stream, HttpService& service);

  /// Until the connection ends or was handed over.
  runtime::Task<void> run();
  /// The server stops: ends the wait for a next request, wakes a producer.
  void stop();

 private:
  enum class After { kNextRequest, kClose, kFinish, kHandedOver };

  runtime::Task<std::expected<bool, HttpFault>> read_header();
  runtime::Task<After> serve();
  runtime::Task<std::optional<Response>> before_handler();
  std::optional<Response> find_route();
  runtime::Task<std::expected<void, HttpFault>> read_body();
  runtime::Task<std::expected<void, HttpFault>> read_more_body(std::string& into,
                                                               core::Duration at_most);
  runtime::Task<After> fault(HttpFault fault);
  runtime::Task<After> respond(Response response);
  runtime::Task<core::Status> send_response(Response& response, bool keep);
  runtime::Task<core::Status> send_stream(Response& response);
  runtime::Task<core::Status> send_paced(std::string_view bytes);
  runtime::Task<After> upgrade();
  runtime::Task<Response> call_handler();
  bool body_was_read() const { return parser_->done(); }
  void report(int status);

  // BodyReader, BodyWriter
  runtime::Task<core::Result<std::string>> read() override;
  runtime::Task<core::Status> write(std::string bytes) override;
  bool gone() const override { return gone_; }
  void on_gone(std::function<void()> action) override;
  void set_gone();

  TlsStream stream_;
  HttpService& service_;
  std::string input_;  // read and not yet parsed
  std::unique_ptr<RequestParser> parser_;
  Request request_;
  const Route* route_ = nullptr;
  std::string allow_;
  std::uint64_t body_bytes_sent_ = 0;
  PeerPace request_pace_, response_pace_;
  bool idle_ = false;       // waits for a next request
  bool continued_ = false;  // the client was told to send its body
  bool chunked_ = false;
  bool gone_ = false;
  std::function<void()> on_gone_;
};

}  // namespace muster::net::detail
