// SPDX-License-Identifier: Apache-2.0
//
// RegionProcess is `muster server` and `muster up`: the server with a gateway in the
// same process, from the first byte on disk to the last goodbye.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "access/users.h"
#include "gateway/gateway.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"
#include "runtime/watch.h"
#include "server/red_button.h"
#include "server/region.h"

namespace muster::cli {

class RegionProcess {
 public:
  /// Name of the gateway inside the server's process.
  static constexpr const char* kGatewayName = "main";

  /// `servers`: it leads those of one PostgreSQL, and ends when it does not any more.
  explicit RegionProcess(server::ServerConfig config, store::Servers* servers = nullptr);
  ~RegionProcess();

  /// Opens the state and begins to serve. Errors say what to do.
  core::Status start();
  /// Makes sure that `muster` on this machine finds its region: writes client.json with
  /// an API token of the administrator, unless it is there already.
  core::Status write_client_file(const std::filesystem::path& path);
  /// Runs `also` on the loop, and everything else until SIGINT or SIGTERM; then awaits
  /// `before_stop` and stops in good order. A second signal ends at once.
  void run(std::function<runtime::Task<void>()> also = {},
           std::function<runtime::Task<void>()> before_stop = {});
  /// Ends run() as a signal would.
  void request_stop();

  /// Where programs on this machine reach it: "127.0.0.1:7443", or the one address on
  /// which it listens.
  std::string local_address() const;

  server::Region& region() { return region_; }
  runtime::Loop& loop() { return loop_; }
  bool stopping() const { return stopping_; }
  /// run() has ended because another server leads, or may.
  bool deposed() const { return deposed_; }
  /// Where it is deposed: the socket that listens, for the server that stands by.
  std::shared_ptr<runtime::Descriptor> handed_over() const { return handed_over_; }

 private:
  runtime::Task<void> stop();
  void watch_lease();

  runtime::Loop loop_;
  store::Servers* const servers_;
  const std::int64_t term_;  ///< under which it leads
  server::Region region_;
  std::unique_ptr<gateway::Gateway> gateway_;
  runtime::TaskGroup tasks_;
  runtime::TaskGroup ending_;
  std::function<runtime::Task<void>()> before_stop_;
  std::unique_ptr<runtime::SignalWatch> signals_;
  bool stopping_ = false;
  bool deposed_ = false;
  std::shared_ptr<runtime::Descriptor> handed_over_;
  std::unique_ptr<server::RedButton> red_button_;
  runtime::Timer lease_timer_;
  core::MonoTime answered_{};  ///< when this process last was sure to lead
};

}  // namespace muster::cli
