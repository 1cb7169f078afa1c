// SPDX-License-Identifier: Apache-2.0
//
// Proxy passes everything that is not for the management resource on to the host's own
// application, and its answers back, both as they come.
//
// It is the first to hear the client, so what a client claims about its way here is thrown away
// and said anew. Where a body ends was settled by net's parser, and every message is framed anew:
// the application never sees the client's framing.
//
// Lives on one loop; must outlive the HTTP server that asks it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_client.h"
#include "net/http_message.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"

namespace muster::manage {

/// "http://127.0.0.1:8080" or "unix:/run/app.sock". kInvalid says what it looks like.
core::Result<net::ServerAddress> parse_application(std::string_view text);

/// The headers that go on to the application (names in lower case come in). kInvalid for a request
/// that is not passed on: one that came through this host before.
core::Result<net::Pairs> headers_onward(const net::Request& request, std::string_view own_id);
/// Those of its answer that go back to the client.
net::Pairs headers_back(const net::Pairs& headers);

/// Since the start.
struct ProxyStats {
  std::uint64_t passed = 0;   ///< requests that the application answered
  std::uint64_t failed = 0;   ///< where it did not
  std::uint64_t refused = 0;  ///< not passed on
  std::size_t under_way = 0;  ///< now
  std::size_t tunnels = 0;    ///< WebSockets now
};

class Proxy {
 public:
  static constexpr std::size_t kUnderWayMax = 512;
  static constexpr std::size_t kTunnelsMax = 512;
  static constexpr std::size_t kIdleMax = 32;
  static constexpr core::Duration kConnectTime = std::chrono::seconds(5);
  /// To the beginning of an answer, and between its parts.
  static constexpr core::Duration kAnswerTime = std::chrono::minutes(2);
  static constexpr core::Duration kTunnelIdle = std::chrono::hours(1);

  Proxy(runtime::Loop& loop, net::ServerAddress application, std::string shown, std::string own_id);
  ~Proxy();

  runtime::Task<net::Response> pass(net::Request& request);
  /// Nothing where the application takes connections, else why it does not.
  runtime::Task<core::Status> reach();
  runtime::Task<void> stop() { return tasks_.stop(); }

  const std::string& shown() const { return shown_; }
  const ProxyStats& stats() const { return stats_; }

 private:
  using Client = std::shared_ptr<net::HttpClient>;
  Client client(bool repeatable);
  void give_back(net::ClientStream stream, Client client);
  net::Response failed(const core::Error& why);
  net::Response tunnel(net::ClientStream stream, Client client);
  runtime::Task<void> pump(std::shared_ptr<net::TlsStream> from,
                           std::shared_ptr<net::TlsStream> to);
  runtime::Task<net::Response> answer(net::Request& request, net::ClientStream stream,
                                      Client client);

  runtime::Loop& loop_;
  const net::ServerAddress application_;
  const std::string shown_;
  const std::string own_id_;
  std::vector<Client> idle_;
  ProxyStats stats_;
  runtime::TaskGroup tasks_;
};

}  // namespace muster::manage
