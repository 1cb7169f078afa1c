// SPDX-License-Identifier: Apache-2.0
//
// Queue holds what a gateway has taken from methods until the server has it.
//
// Items go up in batches, in their order, one batch at a time; a batch that is not answered in
// time, or whose connection broke, goes again, and the server tells by the numbers what it has.
//
// Pure logic: no I/O, no clock. Belongs to one loop.
// Invariants: numbers rise and none is used twice; bytes() and size() stay within the limits.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "region.pb.h"

namespace muster::intake {

inline constexpr std::size_t kQueueIdBytes = 16;

struct QueueLimits {
  std::size_t bytes_max = 32UL * 1024 * 1024;
  std::size_t items_max = 100'000;
  /// Of one endpoint: bytes that wait; so many calls at once, then one in this time.
  std::size_t endpoint_bytes_max = 2UL * 1024 * 1024;
  int endpoint_at_once = 100;
  core::Duration endpoint_pace = std::chrono::milliseconds(500);
  std::size_t batch_items_max = 256;
  std::size_t batch_bytes_max = 1024UL * 1024;
  /// A batch that is not answered goes again.
  core::Duration answer_patience = std::chrono::seconds(30);
};

struct QueueStats {
  std::uint64_t taken = 0;    ///< from methods
  std::uint64_t refused = 0;  ///< beyond a limit
  std::uint64_t sent_again = 0;
  std::size_t items = 0;  ///< that wait now
  std::size_t bytes = 0;
};

class Queue {
 public:
  /// `next`: the number of the next item; no earlier one has it.
  Queue(std::string id, std::uint64_t next, QueueLimits limits = {});

  const std::string& id() const { return id_; }
  std::uint64_t next_sequence() const { return next_; }

  /// From the spool, in their order.
  void restore(wire::IntakeItem item);
  /// Whether there is room for a body of this size from there, now; counts it for the pace.
  core::Status admit(const core::EndpointId& endpoint, std::size_t bytes, core::MonoTime now);
  /// Numbers the item and keeps it. REQUIRES: admit() let it in.
  const wire::IntakeItem& push(wire::IntakeItem item);
  /// The newest item could not be written: it was never there.
  void drop_newest();

  /// The next batch, where none is under way.
  std::optional<wire::IntakeUp> next_batch(core::MonoTime now);
  /// When to ask for it again although nothing happened; max(): only when something does.
  core::MonoTime due() const;
  void server_lost() { waiting_since_.reset(); }
  /// Whether something left the queue.
  bool taken(const wire::IntakeTaken& message);

  bool empty() const { return items_.empty(); }
  const std::deque<wire::IntakeItem>& items() const { return items_; }
  QueueStats stats() const;

 private:
  struct Source {
    std::size_t bytes = 0;
    core::MonoTime paced_until{};
  };
  static std::size_t cost(const wire::IntakeItem& item);
  void forget_idle(core::MonoTime now);

  const std::string id_;
  const QueueLimits limits_;
  std::uint64_t next_;
  std::deque<wire::IntakeItem> items_;
  std::size_t bytes_ = 0;
  std::map<std::string, Source, std::less<>>
      sources_;                                  ///< by endpoint; those that wait or were fast
  std::optional<core::MonoTime> waiting_since_;  ///< for the answer to a batch
  std::uint64_t sent_until_ = 0;                 ///< the highest number that ever left
  QueueStats stats_;
};

}  // namespace muster::intake
