// SPDX-License-Identifier: Apache-2.0
//
// HttpServer serves HTTP/1.1 and WebSocket upgrades over TLS on one port.
//
// kAlpnLink connections reach WebSocket routes only, all others reach the handlers
// only; so no route can forget to ask for a certificate. Every number that a client can
// drive is bounded by a named limit.
//
// Lives on one loop. start(), then `co_await stop()` before it is destroyed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/http_message.h"
#include "net/router.h"
#include "net/tls_context.h"
#include "runtime/descriptor.h"
#include "runtime/loop.h"

namespace muster::net {

struct HttpLimits {
  std::size_t header_bytes_max = 16 * 1024;  ///< Request line and headers; else 431.
  std::size_t target_bytes_max = 8 * 1024;   ///< Else 414.
  std::size_t header_count_max = 64;         ///< Else 431.
  core::Duration handshake_time_max = std::chrono::seconds(10);
  core::Duration header_time_max = std::chrono::seconds(10);  ///< From its first byte; else 408.
  core::Duration idle_time_max = std::chrono::seconds(75);    ///< Between requests.
  core::Duration write_time_max = std::chrono::seconds(30);   ///< Each write of a response.
  /// A body that moves more slowly than this is cut, once the peer has been waited for
  /// `body_grace` (detail/peer_pace.h). Both ways, streamed or not; a producer that has
  /// nothing to say costs the peer nothing.
  std::uint64_t body_bytes_per_second_min = 4 * 1024;
  core::Duration body_grace = std::chrono::seconds(30);
  /// Handshakes under way. Beyond it the next connection waits in the kernel's queue until
  /// one ends; one that has taken `handshake_time_crowded` is cut to make room.
  std::size_t handshakes_max = 1'024;
  core::Duration handshake_time_crowded = std::chrono::milliseconds(2'500);
  /// Connections that speak HTTP or are in the handshake; open WebSockets count where
  /// they are held. Beyond it new ones are closed at once.
  std::size_t connections_max = 20'000;
  std::size_t connections_per_address_max = 2'048;
};

/// Since the start, unless they are "now".
struct HttpServerStats {
  std::size_t connections = 0;            ///< now; handshakes included, WebSockets not
  std::size_t handshakes = 0;             ///< now
  std::uint64_t connections_refused = 0;  ///< beyond a limit of connections
  std::uint64_t handshakes_failed = 0;    ///< for any reason
  std::uint64_t handshakes_cut = 0;       ///< to make room
  std::uint64_t handshakes_crowded = 0;   ///< connections that had to wait for room
  std::uint64_t slow_headers_cut = 0;
  std::uint64_t slow_requests_cut = 0;
  std::uint64_t slow_responses_cut = 0;
};

struct HttpServerOptions {
  std::string address = "0.0.0.0";
  std::uint16_t port = 7443;  ///< 0: any free one, see port().
  /// A socket that listens there already, from hand_over(): start() takes it, if it is one.
  std::shared_ptr<runtime::Descriptor> listening = {};
  HttpLimits limits;
  /// Before the body is read: a response here is sent instead of calling the handler.
  /// Also before WebSocket upgrades. Runs for unknown routes, too (request.route empty).
  std::function<runtime::Task<std::optional<Response>>(Request&)> before;
  /// After a response was sent (or an upgrade done, status 101).
  std::function<void(const Request&, int status, std::uint64_t bytes_sent, core::Duration took)>
      after;
};

class HttpServer {
 public:
  HttpServer(runtime::Loop& loop, std::shared_ptr<const TlsServerContext> tls, Router router,
             HttpServerOptions options);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Binds and begins to accept. kConflict when the port is in use, kDenied when it may
  /// not be bound; both say what to do.
  core::Status start();
  /// Stops accepting, and gives the socket away still listening: who connects from now on waits
  /// for the server that is started with it. Null where nothing listens. Then stop().
  std::shared_ptr<runtime::Descriptor> hand_over();
  /// Stops accepting, closes idle connections, lets running requests end within
  /// `grace`, then ends them. WebSockets handed over are not touched.
  runtime::Task<void> stop(core::Duration grace);

  std::uint16_t port() const;
  std::size_t connections() const { return stats().connections; }
  HttpServerStats stats() const;

  class Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace muster::net
