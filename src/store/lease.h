// SPDX-License-Identifier: Apache-2.0
//
// Lease decides who leads among the servers of one database, as one of them sees it.
//
// The lease is one row: its term, its holder and how often that has renewed it. No clock but
// the own monotonic one is read, and only to measure how long the row has stayed as it is: a
// server whose clock is wrong, or jumps, changes nothing. Whoever takes the lease raises the
// term in the same statement that checks that the row is still as it was seen.
//
// That the holder stops in time is not what keeps the data whole: its session is ended before
// the next one writes, and each of its transactions checks the term (docs/adr/0019). The times
// here only decide how soon others go on and how long a cut-off leader answers questions.
//
// Pure logic.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/clock.h"

namespace muster::store {

struct LeaseTimes {
  core::Duration renew_every = std::chrono::seconds(1);
  /// A holder that has not renewed for so long is passed over, connected or not.
  core::Duration lasts = std::chrono::seconds(6);
  /// By its own clock the holder stops so much earlier.
  core::Duration margin = std::chrono::seconds(1);
  /// A holder whose session has ended has so long to come back before others.
  core::Duration head_start = std::chrono::milliseconds(2'500);
  /// Whoever looks more rarely has been asleep himself and starts watching anew.
  core::Duration looks_apart_max = std::chrono::seconds(3);
};

/// The row, as it was read.
struct LeaseRow {
  std::int64_t term = 0;  ///< 0: nobody has ever led
  std::string holder;     ///< the instance; empty: it was given up
  std::string name;       ///< of the holder's server
  std::int64_t renewals = 0;
  bool connected = false;  ///< the holder's session is there
};

class Lease {
 public:
  /// `instance`: this process among all; `name`: its server's, the same after a restart.
  Lease(std::string instance, std::string name, LeaseTimes times = {});

  enum class Step : std::uint8_t {
    kWait,   ///< somebody else leads, or may come back
    kRenew,  ///< it is ours
    kTake,   ///< raise the term, if the row is still as it was seen
  };
  /// What to do about a row that was read by a question asked at `asked`.
  Step looked(const LeaseRow& row, core::MonoTime asked);

  /// The step succeeded; it was asked for at `asked`.
  void holds(std::int64_t term, core::MonoTime asked);
  /// Somebody else has the row.
  void lost() { term_ = 0; }

  /// The term that was won, until lost(); 0: none.
  std::int64_t term() const { return term_; }
  /// Whether that still counts by our own clock: false means that another may lead already.
  bool counts(core::MonoTime now) const { return term_ != 0 && now < until_; }
  const LeaseTimes& times() const { return times_; }

 private:
  const std::string instance_, name_;
  const LeaseTimes times_;
  std::int64_t term_ = 0;
  core::MonoTime until_{};
  std::optional<LeaseRow> seen_;
  core::MonoTime since_{};   ///< the row has been as it is
  core::MonoTime looked_{};  ///< the last time
};

}  // namespace muster::store
