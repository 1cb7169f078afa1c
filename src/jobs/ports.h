// SPDX-License-Identifier: Apache-2.0
//
// What the ledger needs from the program around it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "jobs/batch.h"
#include "jobs/types.h"
#include "wire/frame.h"

namespace muster::jobs {

/// One durable change of a target, for live views.
struct TargetEvent {
  core::EndpointId endpoint;
  TargetState state = TargetState::kQueued;
  std::int32_t exit_code = 0;
  std::uint32_t signal = 0;
};

/// An order leaves for endpoints of one gateway. Lists are parallel, in one order.
struct Departure {
  const Run& run;
  std::string targets;               ///< 16 bytes each: ids
  std::string instances;             ///< 16 bytes each: the agents' processes it is for
  std::vector<std::uint64_t> links;  ///< by which it shall go, and by no other
};

/// The ledger's effects. Every call is made on the ledger's loop, from within one of
/// its member functions: do not call back into the ledger before that has returned.
class Sink {
 public:
  virtual ~Sink() = default;

  /// Write this in one transaction (RunStore::apply), then call Ledger::persisted
  /// with the outcome. Never called again before that.
  virtual void persist(std::shared_ptr<const Batch> batch) = 0;
  /// Write these blocks, and see to it that those that are `whole` outlive a power cut, then
  /// call Ledger::stored with the outcome. Never called again before that, but for the same
  /// batch. Beside persist(): what is small does not wait for what is large.
  virtual void store(std::shared_ptr<const OutputBatch> output) = 0;
  /// To a gateway; a message that cannot be sent any more may be dropped, if the
  /// gateway's loss is reported (Ledger::gateway_down).
  virtual void dispatch(const std::string& gateway, const Departure& departure) = 0;
  virtual void cancel(const std::string& gateway, const wire::CancelRun& cancel) = 0;
  virtual void ack(const std::string& gateway, const wire::Acks& acks) = 0;
  /// Break the endpoint's link; it will come back and tell again what it holds.
  virtual void kick(const std::string& gateway, const core::EndpointId& endpoint,
                    std::string_view reason) = 0;
  /// Something about this run became durable. `targets`: those that changed.
  virtual void changed(const Run& run, std::span<const TargetEvent> targets) = 0;
  /// Live output of a run that asked for it, or progress.
  virtual void output(const Run& run, const core::EndpointId& endpoint,
                      const wire::Output& output) = 0;
};

}  // namespace muster::jobs
