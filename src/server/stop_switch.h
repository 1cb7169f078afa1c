// SPDX-License-Identifier: Apache-2.0
//
// StopSwitch stops everything, and keeps it stopped over restarts.
//
// The switch is a file in the server's state folder: where it is, everything is stopped.
// It must work while the database is busy or broken, so the database has no part in it;
// and it must work while nobody gets through to the API, so whoever may write the folder
// can set it (`muster stop-everything --local`): the server watches. What is set through
// stop() holds from that moment, before any disk is asked.
//
// Lives on one loop, except for the functions of files.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "jobs/rollout.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "runtime/watch.h"
#include "runtime/worker_pool.h"

namespace muster::server {

/// The file's content.
struct StopOrder {
  jobs::Hold hold;
  bool taken = false;      ///< the server has acted on it
  std::uint64_t runs = 0;  ///< that were open then

  static constexpr const char* kFileName = "stop-everything.json";
  static constexpr std::size_t kReasonBytesMax = 1024;

  /// Nothing where there is no file. One that is empty or damaged is an order, too: whoever
  /// made it wanted to stop.
  static std::optional<StopOrder> read(const std::filesystem::path& folder);
  /// Synced. Where the disk is full at least an empty file is left.
  core::Status write(const std::filesystem::path& folder) const;
  static core::Status remove(const std::filesystem::path& folder);
};

class StopSwitch {
 public:
  /// Stops and returns how many runs were open; or lifts it, for nothing. `by`: who.
  using Act =
      std::function<std::uint64_t(const std::optional<jobs::Hold>& order, const std::string& by)>;

  StopSwitch(runtime::Loop& loop, std::filesystem::path folder, Act act);
  ~StopSwitch();

  /// Acts on the file that is there and watches it from now on.
  core::Status open();

  struct Stopped {
    std::uint64_t runs = 0;
    core::Status kept;  ///< an error: it holds, but not over a restart
  };
  /// It holds at once; returns when it is on the disk, or after `wait`. Fine where
  /// everything is stopped: the first order stays.
  runtime::Task<Stopped> stop(jobs::Hold why, core::Duration wait);
  /// kNotFound where nothing is stopped; an error of the disk leaves it stopped.
  runtime::Task<core::Status> lift(std::string by);

  const std::optional<jobs::Hold>& stopped() const { return stopped_; }

 private:
  struct Writing;
  void act(std::optional<jobs::Hold> order, const std::string& by);
  void look();
  void write(StopOrder order, std::shared_ptr<Writing> writing);

  runtime::Loop& loop_;
  const std::filesystem::path folder_;
  Act act_;
  std::optional<jobs::Hold> stopped_;
  std::uint64_t runs_ = 0;
  std::size_t writes_ = 0;  ///< under way: until then the file lags behind
  bool is_kept_ = false;    ///< the file was there: only then its absence says something
  std::unique_ptr<runtime::ReadWatch> watch_;
  std::shared_ptr<StopSwitch*> self_;
  runtime::WorkerPool disk_{1};  ///< of its own: nobody else's work is before it
};

}  // namespace muster::server
