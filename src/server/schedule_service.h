// SPDX-License-Identifier: Apache-2.0
//
// ScheduleService fires schedules: it looks at the clock, claims what is due in the
// database, and orders the runs.
//
// What is due is decided by schedules::Timetable; that a firing happens once is the
// database's doing (schedules/schedule_store.h), so that any number of servers may look
// at the same tables. A server looks at least every kLook: others may have changed a
// schedule, and clocks are set.
//
// Hosts that log in are gathered for a moment, so that a thousand that come back
// together make one run.
//
// Lives on the server's loop.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "access/types.h"
#include "access/users.h"
#include "fleet/registry.h"
#include "runtime/loop.h"
#include "runtime/signal.h"
#include "runtime/task_group.h"
#include "schedules/schedule_store.h"
#include "schedules/timetable.h"
#include "store/database.h"

namespace muster::server {

struct ScheduleStats {
  std::uint64_t ordered = 0;  ///< firings that made a run
  std::uint64_t failed = 0;
  std::uint64_t logins_dropped = 0;  ///< beyond kLoginsPendingMax
  std::size_t enabled = 0;
};

class ScheduleService {
 public:
  using Targets = std::optional<std::vector<core::EndpointId>>;
  /// What it needs of the server, so that a test can be one.
  struct Ports {
    /// Orders `request` in the name of `by`, where given on `only` these hosts.
    std::function<runtime::Task<core::Result<core::RunId>>(
        access::Principal by, std::string request, std::string key, Targets only)>
        order;
    /// The rights that the author has now, never more than then.
    std::function<runtime::Task<core::Result<access::Principal>>(schedules::Author author)> rights;
    access::Clock clock = core::wall_now;
  };

  static constexpr std::chrono::seconds kLook{30};
  static constexpr std::chrono::seconds kGather{2};
  /// A firing that nobody could order for so long has failed.
  static constexpr std::chrono::minutes kGiveUp{10};
  static constexpr std::size_t kOrdersMax = 16;  ///< at a time
  static constexpr std::size_t kLoginsPendingMax = 2'000'000;

  ScheduleService(runtime::Loop& loop, store::Database& database, const fleet::Registry& registry,
                  Ports ports);

  /// Blocking; before the first host logs in.
  core::Status restore();
  void start();
  runtime::Task<void> stop();

  /// A schedule was made, changed or removed: look again now.
  void changed() { look_->notify(); }
  /// A host has logged in. `uptime`: nothing where it does not say.
  void logged_in(const core::EndpointId& endpoint, std::int64_t booted_raw_ms,
                 std::optional<std::chrono::milliseconds> uptime);

  /// Fires now, with no more rights than `by` has. The firing as it ended.
  runtime::Task<core::Result<schedules::Firing>> fire(schedules::Schedule schedule,
                                                      access::Principal by);
  /// One look at everything; when to look next. start() does it again and again.
  runtime::Task<std::chrono::milliseconds> look();
  /// Forgets the logins of hosts that were removed.
  runtime::Task<void> forget_hosts();
  /// Returns when nothing is being ordered any more.
  runtime::Task<void> settled();

  const ScheduleStats& stats() const { return stats_; }

 private:
  struct Active {
    schedules::Schedule schedule;
    schedules::Timetable timetable;
    /// Hosts that have logged in and are not looked at yet.
    std::map<core::EndpointId, schedules::Login> logins;
    core::WallTime first_login;
  };
  using Key = std::pair<std::string, core::WallTime>;  ///< schedule and due time

  runtime::Task<void> work();
  void keep(std::vector<schedules::Schedule> enabled);
  runtime::Task<core::Status> claim_due(core::WallTime now, core::WallTime& next);
  runtime::Task<core::Status> claim_logins(core::WallTime now, core::WallTime& next);
  runtime::Task<core::Status> claim_logins_of(schedules::Schedule schedule,
                                              std::vector<schedules::Login> logins, bool drops);
  runtime::Task<core::Result<std::vector<schedules::Login>>> that_match(
      schedules::Schedule schedule, std::vector<schedules::Login> logins);
  runtime::Task<core::Status> take_over();

  void enqueue(std::vector<schedules::Firing> firings);
  void start_orders();
  runtime::Task<void> order_next(schedules::Firing firing);
  /// Orders and settles it; the firing as it ended, kOrdering where it is tried again.
  runtime::Task<core::Result<schedules::Firing>> order(schedules::Firing firing,
                                                       std::optional<access::Principal> by_hand);
  runtime::Task<core::Result<core::RunId>> order_run(schedules::Schedule schedule,
                                                     schedules::Firing firing,
                                                     std::optional<access::Principal> by_hand);

  runtime::Loop& loop_;
  store::Database& database_;
  const fleet::Registry& registry_;
  const Ports ports_;
  const std::string server_;  ///< names this process in claims
  std::map<std::string, Active> active_;
  std::size_t logins_pending_ = 0;
  std::deque<schedules::Firing> waiting_;
  std::set<Key> under_way_;  ///< waiting ones too
  std::size_t ordering_ = 0;
  std::shared_ptr<runtime::Signal> look_ = std::make_shared<runtime::Signal>();
  std::shared_ptr<runtime::Signal> ended_ = std::make_shared<runtime::Signal>();
  ScheduleStats stats_;
  runtime::TaskGroup tasks_;
};

/// The rights of a schedule's author: those of the user now, narrowed by what they were
/// when the schedule was written. kDenied where the user is gone or may not run.
runtime::Task<core::Result<access::Principal>> rights_of(access::Users& users,
                                                         schedules::Author author);

}  // namespace muster::server
