// SPDX-License-Identifier: Apache-2.0
#include "cli/host_process.h"

#include <csignal>
#include <cstdlib>
#include <utility>

#include "core/log.h"

namespace muster::cli {
namespace {

constexpr core::Duration kStopGrace = std::chrono::seconds(5);

}  // namespace

HostProcess::HostProcess(manage::HostConfig config)
    : host_(loop_, std::move(config)), ending_(loop_, "host") {}

// The task that stopped the loop has not quite ended.
HostProcess::~HostProcess() {
  loop_.context().restart();
  while (ending_.size() > 0) loop_.context().run_one();
}

void HostProcess::run() {
  signals_ = std::make_unique<runtime::SignalWatch>(
      loop_, std::initializer_list<int>{SIGINT, SIGTERM}, [this](int) {
        if (std::exchange(stopping_, true)) std::_Exit(1);
        core::log(core::Level::kInfo, "manage", "stopping");
        ending_.spawn(stop());
      });
  loop_.run();
}

runtime::Task<void> HostProcess::stop() {
  co_await host_.stop(kStopGrace);
  loop_.stop();
}

}  // namespace muster::cli
