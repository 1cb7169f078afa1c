// SPDX-License-Identifier: Apache-2.0
//
// RegionRelay passes gateways' links (/region) on to the server that leads, for gateways that can
// reach this server only. Message by message; what one side does not take in time slows the other.
//
// The leader is told the gateway's own certificate and judges it as if the gateway had dialled
// there (docs/protocols/region.md, "Several servers").
//
// Lives on one loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/http_client.h"
#include "net/websocket.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"

namespace muster::server {

class RegionRelay {
 public:
  static constexpr std::size_t kLinksMax = 1'000;
  /// One side is not read while so much waits for the other, until a quarter of it does.
  static constexpr std::size_t kAheadBytesMax = 4 * 1024 * 1024;

  RegionRelay(runtime::Loop& loop, net::TlsIdentity identity, std::string ca_pem);
  ~RegionRelay();

  /// Where the leader is; nothing: links are refused. A change ends the links that there are,
  /// and their gateways dial again.
  void lead_by(const std::optional<net::ServerAddress>& leader);
  /// The acceptor of /region.
  void accept(const net::Request& request, std::unique_ptr<net::WebSocket> gateway);
  std::size_t links() const { return links_.size(); }
  void close(std::string_view reason);
  runtime::Task<void> stop();

 private:
  class Link;
  runtime::Task<void> dial(std::shared_ptr<Link> link, std::string target);
  void gone(const Link* link);

  runtime::Loop& loop_;
  const net::TlsIdentity identity_;
  const std::string ca_pem_;
  std::shared_ptr<const net::TlsClientContext> tls_;
  std::optional<net::ServerAddress> leader_;
  std::string told_why_;  ///< of the last link that could not be passed on
  std::vector<std::shared_ptr<Link>> links_;
  runtime::TaskGroup tasks_;
};

}  // namespace muster::server
