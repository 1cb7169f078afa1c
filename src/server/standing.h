// SPDX-License-Identifier: Apache-2.0
//
// Standing is a server that does not lead the region: it serves the console, answers for its own
// health, and passes everything else on to the one that leads (forward.h, region_relay.h). It
// keeps nothing in memory that could be wrong, and writes nothing into the database.
//
// Lives on one loop. open(), serve(), look() now and then; `co_await stop()` before it is
// destroyed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "access/region.h"
#include "discovery/service.h"
#include "net/http_server.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"
#include "server/config.h"
#include "server/forward.h"
#include "server/region_relay.h"
#include "store/servers.h"

namespace muster::server {

/// The server's own certificate, made where it is missing or due, as PEM for TLS.
core::Result<net::TlsIdentity> server_identity(const access::RegionAuthority& authority,
                                               const ServerConfig& config);

/// As `config` has it, else the host's.
std::string server_name(const ServerConfig& config);
/// host:port under which others reach this server, the likeliest first.
std::vector<std::string> own_addresses(const ServerConfig& config, std::uint16_t port);

/// Lets members of the region find this server by asking their networks; null where `config` says
/// no, or nothing can be opened.
std::unique_ptr<discovery::Answering> answer_discovery(runtime::Loop& loop,
                                                       const access::RegionAuthority& authority,
                                                       const ServerConfig& config,
                                                       std::uint16_t port);

class Standing {
 public:
  Standing(runtime::Loop& loop, ServerConfig config, store::Servers& servers);
  ~Standing();

  /// The region's keys, which must be in the state folder. Blocking.
  core::Status open();
  core::Status serve(net::WebSocketAcceptor accept_link);
  /// What `servers` has seen since: who leads.
  void look();
  /// As HttpServer::hand_over().
  std::shared_ptr<runtime::Descriptor> hand_over() { return http_->hand_over(); }
  runtime::Task<void> stop(core::Duration grace);

  std::uint16_t port() const { return http_->port(); }
  const ServerConfig& config() const { return config_; }
  const access::RegionAuthority& authority() const { return *authority_; }
  std::string ca_pem() const { return authority_->authority().certificate().pem(); }
  const std::optional<net::ServerAddress>& leader() const { return forward_->leader(); }

 private:
  net::Response ready() const;
  runtime::Task<net::Response> metrics(net::Request& request);
  void add_own_routes(net::Router& router);

  runtime::Loop& loop_;
  const ServerConfig config_;
  store::Servers& servers_;
  bool stopping_ = false;
  std::unique_ptr<access::RegionAuthority> authority_;
  std::shared_ptr<net::TlsServerContext> tls_;
  std::unique_ptr<Forwarder> forward_;
  std::unique_ptr<RegionRelay> relay_;
  std::unique_ptr<net::HttpServer> http_;
  std::unique_ptr<discovery::Answering> answering_;
  core::MonoTime certificate_checked_{};
};

}  // namespace muster::server
