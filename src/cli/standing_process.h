// SPDX-License-Identifier: Apache-2.0
//
// StandingProcess is `muster server` while another server of the region leads: the console, a
// gateway for the hosts that come here, and the way to the leader for everything else.
#pragma once

#include <memory>
#include <string>

#include "gateway/gateway.h"
#include "gateway/server_link.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"
#include "runtime/watch.h"
#include "server/red_button.h"
#include "server/standing.h"

namespace muster::cli {

class StandingProcess {
 public:
  /// The gateway of a standing server: the leader's own is "main".
  static constexpr const char* kGatewayPrefix = "main-";

  StandingProcess(server::ServerConfig config, store::Servers& servers);
  ~StandingProcess();

  core::Status start();
  /// Until this server leads: true; or a signal: false.
  bool run();
  std::uint16_t port() const { return standing_.port(); }
  /// After a run() that was true: the socket that listens, for the server that leads.
  std::shared_ptr<runtime::Descriptor> handed_over() const { return handed_over_; }

 private:
  core::Status open_gateway();
  void look();
  void end(bool leads);
  runtime::Task<void> stop();

  runtime::Loop loop_;
  store::Servers& servers_;
  server::Standing standing_;
  server::RedButton red_button_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<gateway::ServerLink> link_;
  std::string linked_to_;
  runtime::TaskGroup tasks_;
  runtime::TaskGroup ending_;
  runtime::Timer look_timer_;
  std::unique_ptr<runtime::SignalWatch> signals_;
  bool ending_begun_ = false;
  bool leads_ = false;
  std::shared_ptr<runtime::Descriptor> handed_over_;
};

}  // namespace muster::cli
