// SPDX-License-Identifier: Apache-2.0
//
// HttpClient speaks HTTPS to one server: the CLI to its region, an agent that enrols;
// and connect_websocket() opens links.
//
// One client keeps at most one idle connection for the next request. Errors name
// host:port and say what to check. Lives on one loop; must outlive its requests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_message.h"
#include "net/tls_context.h"
#include "net/websocket.h"
#include "runtime/loop.h"

namespace muster::net {

/// A server's address. parse() reads "https://host:port" (with or without scheme and
/// port; IPv6 in brackets; port 7443 where none is named). A host that begins with '_' is a
/// service (net/service_lookup.h): it has ports of its own.
struct ServerAddress {
  std::string host;
  std::uint16_t port = 7443;

  static core::Result<ServerAddress> parse(std::string_view text);
  /// "host:port"
  std::string str() const;
};

struct ClientLimits {
  std::size_t header_bytes_max = 64 * 1024;
  std::size_t body_bytes_max = 64 * 1024 * 1024;                ///< Of a body read whole.
  core::Duration connect_time_max = std::chrono::seconds(10);   ///< With name and handshake.
  core::Duration response_time_max = std::chrono::seconds(60);  ///< To headers; and the whole body.
  core::Duration stream_idle_max = std::chrono::seconds(60);    ///< Between bytes of a stream.
};

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";
  Pairs headers{};  ///< Content-Length is added; Host and User-Agent where they are not here.
  std::string body{};
  /// Instead of `body`: read to its end while it is sent, in chunks; must outlive the exchange.
  /// Such a request is never sent twice. What a server answers before it has read all is taken.
  BodyReader* body_stream = nullptr;
  /// Of `body_stream`, which then goes as it is; it must have exactly so many bytes.
  std::optional<std::uint64_t> content_length{};
};

struct ClientResponse {
  int status = 0;
  Pairs headers;  ///< Names in lower case.
  std::string body;

  std::optional<std::string_view> header(std::string_view lower_case_name) const {
    return find(headers, lower_case_name);
  }
};

/// A response whose body is read as it comes. Owns its connection.
class ClientStream {
 public:
  class Impl;
  explicit ClientStream(std::unique_ptr<Impl> impl);
  ClientStream(ClientStream&&) noexcept;
  ClientStream& operator=(ClientStream&&) noexcept;
  ~ClientStream();

  const ClientResponse& response() const;  ///< Without body.
  /// The next bytes of the body; empty at its end. kUnavailable where it was cut.
  runtime::Task<core::Result<std::string>> read();
  /// After the status 101: the connection, and what was read of it already into `received`.
  TlsStream take(std::string& received) &&;

 private:
  friend class HttpClient;
  std::unique_ptr<Impl> impl_;
};

/// One event of a text/event-stream.
struct ServerEvent {
  std::string name = "message";
  std::string data;
  std::string id;
};

/// Splits a byte stream into events (WHATWG HTML, 9.2.6). Pure.
class EventParser {
 public:
  explicit EventParser(std::size_t event_bytes_max = 16 * 1024 * 1024)
      : event_bytes_max_(event_bytes_max) {}
  /// kLimit when one event exceeds the limit.
  core::Status push(std::string_view bytes);
  std::optional<ServerEvent> next();

 private:
  void line(std::string_view text);

  std::size_t event_bytes_max_;
  std::string rest_;
  ServerEvent event_;
  bool has_data_ = false;
  std::vector<ServerEvent> ready_;
  std::size_t taken_ = 0;
};

/// Events of a ClientStream, one at a time.
class EventStream {
 public:
  explicit EventStream(ClientStream stream) : stream_(std::move(stream)) {}
  const ClientResponse& response() const { return stream_.response(); }
  /// None at the end of the stream.
  runtime::Task<core::Result<std::optional<ServerEvent>>> next();

 private:
  ClientStream stream_;
  EventParser parser_;
};

class HttpClient {
 public:
  /// Without `tls`: plain HTTP, to a program on this machine; its address may then be a socket's
  /// path ("/run/app.sock") as well.
  HttpClient(runtime::Loop& loop, ServerAddress server, std::shared_ptr<const TlsClientContext> tls,
             ClientLimits limits = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Any status is a value; an error means that there is no response. A request on a
  /// kept connection that proves dead before any answer is sent again on a new one
  /// when its method is safe (GET, HEAD) only.
  runtime::Task<core::Result<ClientResponse>> request(ClientRequest request);
  /// Returns after the headers.
  runtime::Task<core::Result<ClientStream>> open(ClientRequest request);
  /// Takes back a stream of this client that was read to its end: its connection is kept for
  /// the next request where that is possible.
  void keep(ClientStream stream);

 private:
  runtime::Task<core::Result<std::unique_ptr<ClientStream::Impl>>> exchange(ClientRequest request);

  runtime::Loop& loop_;
  const ServerAddress server_;
  const std::shared_ptr<const TlsClientContext> tls_;
  const ClientLimits limits_;
  std::unique_ptr<TlsStream> idle_;
};

/// The error of an answer that is not 2xx: code and message of its error body, or of
/// its status.
core::Error error_of(const ClientResponse& response);

/// Resolves, connects, performs the handshake (none where `tls` is null); all within `at_most`.
runtime::Task<core::Result<TlsStream>> connect_tls(runtime::Loop& loop, ServerAddress server,
                                                   std::shared_ptr<const TlsClientContext> tls,
                                                   core::Duration at_most);

/// Opens a WebSocket at `path` on a connection that was made for it. Not started yet.
runtime::Task<core::Result<std::unique_ptr<WebSocket>>> upgrade_to_websocket(
    TlsStream stream, ServerAddress server, std::string path, WebSocketLimits limits,
    core::Duration at_most);

/// Opens a WebSocket at `path`; `tls` should name kAlpnLink. Not started yet.
runtime::Task<core::Result<std::unique_ptr<WebSocket>>> connect_websocket(
    runtime::Loop& loop, ServerAddress server, std::shared_ptr<const TlsClientContext> tls,
    std::string path, WebSocketLimits limits, core::Duration at_most);

}  // namespace muster::net
