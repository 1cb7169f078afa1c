// SPDX-License-Identifier: Apache-2.0
//
// Intake takes what methods tell (events, inventory) and hands it to the server when there is
// one: a queue, the file behind it, and the clock (docs/protocols/method-channel.md).
//
// Lives on the gateway's loop.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "intake/queue.h"
#include "intake/spool.h"
#include "link/region_ports.h"
#include "runtime/loop.h"

namespace muster::gateway {

class Intake {
 public:
  /// `file` is kept between starts. Blocking.
  static core::Result<std::unique_ptr<Intake>> open(runtime::Loop& loop, std::filesystem::path file,
                                                    intake::QueueLimits limits = {});

  /// Takes a call of a run that goes on there; the answer's body. kLimit, kInvalid, or
  /// kUnavailable where it cannot be kept.
  core::Result<std::string> take(const core::EndpointId& endpoint, core::RunId run,
                                 const std::string& call, std::string body);

  void server_found(link::RegionServer& server);
  void server_lost();
  void taken(const wire::IntakeTaken& message);

  intake::QueueStats stats() const { return queue_.stats(); }

 private:
  Intake(runtime::Loop& loop, intake::Queue queue, intake::Spool spool)
      : queue_(std::move(queue)), spool_(std::move(spool)), timer_(loop) {}

  void send();

  intake::Queue queue_;
  intake::Spool spool_;
  link::RegionServer* server_ = nullptr;  // null: there is none
  runtime::Timer timer_;                  // for a batch that is not answered
};

}  // namespace muster::gateway
