// SPDX-License-Identifier: Apache-2.0
//
// HostProcess is `muster host`: a manage::Host on a loop of its own, until a signal.
#pragma once

#include <memory>

#include "manage/host.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"
#include "runtime/watch.h"

namespace muster::cli {

class HostProcess {
 public:
  explicit HostProcess(manage::HostConfig config);
  ~HostProcess();
  HostProcess(const HostProcess&) = delete;
  HostProcess& operator=(const HostProcess&) = delete;

  core::Status start() { return host_.start(); }
  /// Runs until SIGINT or SIGTERM, then lets running requests end. A second signal ends at once.
  void run();

  const manage::Host& host() const { return host_; }

 private:
  runtime::Task<void> stop();

  runtime::Loop loop_;
  manage::Host host_;
  runtime::TaskGroup ending_;
  std::unique_ptr<runtime::SignalWatch> signals_;
  bool stopping_ = false;
};

}  // namespace muster::cli
