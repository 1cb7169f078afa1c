// SPDX-License-Identifier: Apache-2.0
//
// Execution is one command from its process to its completion: output, deadline, end.
//
// States: running; draining (the process ended, its output may go on a moment);
// killing (SIGTERM, then SIGKILL, until nothing of the tree is left); over.
// The first process is reaped last, so that its number names this tree until the end.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "core/clock.h"
#include "core/ids.h"
#include "methods/command.h"
#include "methods/detail/spawn.h"
#include "runtime/spool.h"
#include "runtime/watch.h"

namespace muster::methods {
class Runner;
}

namespace muster::methods::detail {

class Execution : public std::enable_shared_from_this<Execution> {
 public:
  Execution(Runner& runner, runtime::Loop& loop, core::RunId run, const CommandLimits& limits);
  ~Execution();

  void start(const Spawned& spawned);
  /// SIGCHLD came: has the first process ended?
  void look();
  void kill(Completion::How how, std::string reason);
  /// SIGKILL to all, once, without waiting.
  void kill_now();
  void tell(std::string_view bytes);
  pid_t pid() const { return pid_; }

 private:
  struct Output {
    std::unique_ptr<runtime::ReadWatch> watch;
    std::shared_ptr<runtime::Spool> spool;
    std::uint64_t cut = 0;
  };

  void readable(Stream stream);
  bool drain(Stream stream);
  void keep(Output& output, std::string& bytes, std::shared_ptr<const core::ByteSource>& source);
  void hear();
  void process_ended();
  void maybe_done();
  void sweep();
  bool ask_to_end();
  void finish();

  Runner& runner_;
  runtime::Loop& loop_;
  const core::RunId run_;
  const std::size_t output_bytes_max_;
  const std::chrono::milliseconds timeout_;
  const std::string mark_;
  pid_t pid_ = -1;
  Output out_[2];
  std::unique_ptr<runtime::ReadWatch> channel_;
  bool ended_ = false;  // the first process has
  bool killing_ = false;
  bool over_ = false;
  core::MonoTime started_at_{};
  core::MonoTime kill_at_{};     // SIGKILL from here on
  core::MonoTime give_up_at_{};  // a process in the kernel's hands may not die
  std::set<pid_t> asked_;        // got SIGTERM
  runtime::Timer timer_;
  Completion completion_;
};

}  // namespace muster::methods::detail
