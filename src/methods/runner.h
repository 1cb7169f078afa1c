// SPDX-License-Identifier: Apache-2.0
//
// Runner starts commands, each in a session of its own with its limits, collects what
// they say, and ends whole trees of processes: also those that daemonize, ignore
// SIGTERM or close their output and go on.
//
// How a tree is known: descent from the command's process, its session and its process
// group, and, for orphans (which the kernel hands to us, PR_SET_CHILD_SUBREAPER), the
// variable MUSTER_RUN in their environment. A program that leaves its session, orphans
// itself AND erases that variable escapes; such a program was started on purpose by
// someone who may run commands on this machine anyway.
//
// One per process: it reaps every child of this process, adopted ones too. Lives on one
// loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/ids.h"
#include "methods/command.h"
#include "runtime/spool.h"
#include "runtime/watch.h"

namespace muster::methods {

/// Told about one command. done() is the last call, never from inside run().
class CommandObserver {
 public:
  virtual ~CommandObserver() = default;
  virtual void command_started(core::RunId run) = 0;
  /// What is kept of the output (not what is cut), as it comes.
  virtual void command_output(core::RunId run, Stream stream, std::uint64_t offset,
                              std::string_view data) = 0;
  /// Bytes of its channel, as they come.
  virtual void command_channel(core::RunId /*run*/, std::string_view /*data*/) {}
  virtual void command_done(core::RunId run, Completion completion) = 0;
};

namespace detail {
class Execution;
}

class Runner {
 public:
  /// `spool`: where output lies that is too much for memory; null: nowhere else.
  Runner(runtime::Loop& loop, CommandObserver& observer,
         std::shared_ptr<runtime::SpoolFolder> spool = nullptr);
  /// Kills what still runs, without grace.
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  /// Starts it; exactly one command_done() follows. `run` must not be running.
  void run(core::RunId run, Command command);
  /// Writes to its channel, which reads the end once it could not take something. The
  /// bytes are lost where there is no channel, or it is full.
  void tell(core::RunId run, std::string_view bytes);
  /// Ends the whole tree: SIGTERM, then after kKillGrace SIGKILL. command_done() says
  /// kCancelled, unless the command had ended by itself.
  void cancel(core::RunId run, std::string_view reason);
  void cancel_all(std::string_view reason);
  /// SIGKILL to everything, without waiting for its end.
  void kill_all();

  std::size_t running() const { return executions_.size(); }

 private:
  friend class detail::Execution;
  void children_changed();
  void reap_adopted();
  void ended(core::RunId run, Completion completion);

  runtime::Loop& loop_;
  CommandObserver& observer_;
  const std::shared_ptr<runtime::SpoolFolder> spool_;
  runtime::SignalWatch children_;
  std::map<core::RunId, std::shared_ptr<detail::Execution>> executions_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace muster::methods
