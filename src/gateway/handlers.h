// SPDX-License-Identifier: Apache-2.0
//
// Handlers answers methods' calls that Muster does not know by executables that an
// administrator has put into a folder on the gateway (docs/handlers.md): the call NAME.VERB
// starts NAME, which gets the question as JSON on stdin and writes its answer as JSON to stdout.
//
// Nothing is started for an endpoint unless a run that goes on there asks: the caller checks
// that. What an endpoint says reaches no path and no command line but the verb, which is checked.
//
// Lives on the gateway's loop; it reaps all children of its process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/ids.h"
#include "core/result.h"
#include "methods/runner.h"

namespace muster::gateway {

struct HandlerLimits {
  std::size_t running_max = 16;
  std::size_t running_per_endpoint_max = 2;
  std::chrono::milliseconds timeout{20'000};
  std::uint64_t memory_bytes = 512ULL * 1024 * 1024;
  std::size_t answer_bytes_max = 60UL * 1024;
};

/// Counters since the start, for metrics.
struct HandlerStats {
  std::uint64_t asked = 0;
  std::uint64_t failed = 0;   ///< exit status, time, memory, no JSON
  std::uint64_t refused = 0;  ///< beyond a limit
  std::size_t running = 0;
};

class Handlers final : private methods::CommandObserver {
 public:
  using Answer = std::function<void(core::Result<std::string>)>;

  /// kInvalid where somebody else could change what is in the folder. `gateway`: its name, for
  /// the handlers.
  static core::Result<std::unique_ptr<Handlers>> open(runtime::Loop& loop,
                                                      const std::filesystem::path& folder,
                                                      std::string gateway,
                                                      HandlerLimits limits = {});
  ~Handlers() override;

  /// Whether there is a handler for this call now.
  bool knows(std::string_view call) const;
  /// `answer` comes once, never from inside this; not after this was destroyed. REQUIRES:
  /// knows(call).
  void ask(const core::EndpointId& endpoint, core::RunId run, std::string_view call,
           std::string_view body, Answer answer);

  HandlerStats stats() const;

 private:
  struct Question {
    core::EndpointId endpoint;
    std::string name;
    Answer answer;
  };

  Handlers(runtime::Loop& loop, std::filesystem::path folder, std::string gateway,
           HandlerLimits limits);
  core::Status admit(const core::EndpointId& endpoint) const;
  core::Result<std::string> outcome(const std::string& name, methods::Completion completion) const;

  void command_started(core::RunId) override {}
  void command_output(core::RunId, methods::Stream, std::uint64_t, std::string_view) override {}
  void command_done(core::RunId id, methods::Completion completion) override;

  runtime::Loop& loop_;
  const std::filesystem::path folder_;
  const std::string gateway_;
  const HandlerLimits limits_;
  std::map<core::RunId, Question> questions_;  ///< by our own numbers
  std::uint64_t last_ = 0;
  HandlerStats stats_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  methods::Runner runner_;
};

/// kInvalid unless only root and this process's user can change this file or folder.
core::Status check_only_ours(const std::filesystem::path& path, bool is_folder);

}  // namespace muster::gateway
