// SPDX-License-Identifier: Apache-2.0
//
// GatewayProcess is `muster gateway`: a gateway that runs apart from its server, from
// the first start, when it enrols, to the last goodbye.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "discovery/service.h"
#include "gateway/gateway.h"
#include "gateway/repeating.h"
#include "gateway/server_link.h"
#include "member/credential.h"
#include "net/http_server.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"
#include "runtime/watch.h"

namespace muster::cli {

struct GatewayConfig {
  /// Holds gateway.key gateway.pem ca.pem gateway.json (where its server is).
  std::filesystem::path state;
  std::string address = "0.0.0.0";
  std::uint16_t port = 7443;
  /// host:port of servers, or of gateways that let others stand behind them; empty: as at the
  /// last start.
  std::vector<std::string> servers;
  std::string token;  ///< For the first start.
  std::string name;   ///< Empty: the host's name at the first start, then the same.
  std::vector<std::string> alternative_names;
  gateway::ContentOptions content = {};  ///< its folder is in `state`
  std::string handlers = {};             ///< folder of handlers; empty: there are none
  bool repeat = false;                   ///< others may stand behind this one
  gateway::ServerLink::Times times = {};
  bool discovery = true;  ///< those of the region who ask the network are told that it is here
};

class GatewayProcess {
 public:
  explicit GatewayProcess(GatewayConfig config);
  ~GatewayProcess();
  GatewayProcess(const GatewayProcess&) = delete;
  GatewayProcess& operator=(const GatewayProcess&) = delete;

  /// Enrols where that was not done, and begins to serve. Errors say what to do. The
  /// server need not be reachable, except to enrol.
  core::Status start();
  /// Runs until SIGINT or SIGTERM, then sends the endpoints away and ends. A second
  /// signal ends at once.
  void run();

  std::uint16_t port() const { return http_->port(); }
  const std::string& name() const { return name_; }

 private:
  core::Status open_credential();
  core::Status enrol();
  core::Status open_server();
  core::Status open_links(std::vector<net::ServerAddress> servers);
  void link_changed();
  void answer_discovery();
  void tell_discovery();
  std::vector<std::string> link_addresses() const;
  core::Result<std::shared_ptr<const net::TlsClientContext>> tls_to_server() const;
  runtime::Task<void> keep_certified();
  core::Status take_certificate(const std::string& pem);
  runtime::Task<void> stop();

  runtime::Loop loop_;
  GatewayConfig config_;
  member::CredentialFolder folder_;
  std::unique_ptr<member::Credential> credential_;
  std::string name_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<gateway::ServerLink> link_;
  std::unique_ptr<gateway::Repeating> repeating_;
  std::shared_ptr<net::TlsServerContext> tls_;
  std::unique_ptr<net::HttpServer> http_;
  std::unique_ptr<discovery::Answering> answering_;
  runtime::TaskGroup tasks_;
  runtime::TaskGroup ending_;
  std::unique_ptr<runtime::SignalWatch> signals_;
  bool stopping_ = false;
};

}  // namespace muster::cli
