// SPDX-License-Identifier: Apache-2.0
//
// ProgramFolder keeps the programs that an agent was updated to, and the record of them, in
// the agent's state folder:
//
//   update.json          the record (update_record.h)
//   programs/DIGEST      the programs, mode 0700
//
// The installed program is nobody's but its package's and is never touched. Without this
// folder, whole or in part, the installed program is started.
//
// Blocking: a few small writes, each synced, and copies of a program.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "agent/update_record.h"

namespace muster::agent {

/// Larger ones are no agents.
inline constexpr std::uint64_t kProgramBytesMax = 256ULL << 20;

class ProgramFolder {
 public:
  /// Told what has been done, so that a test can end the process there.
  using Checkpoint = std::function<void(std::string_view)>;

  /// `folder`: the agent's own state folder. Reads the record.
  explicit ProgramFolder(const std::filesystem::path& folder, Checkpoint checkpoint = {});

  const UpdateRecord& record() const { return record_; }
  std::filesystem::path file(std::string_view digest) const { return programs_ / digest; }

  /// The program to start instead of the installed one, verified; empty: start the installed
  /// one. `installed`: its digest.
  std::string choose(std::string_view installed);
  /// The first program cannot be started.
  void give_up(std::string why);
  /// The running program `digest` has logged in, or is stopped in good order.
  void proven(std::string_view digest);

  /// Takes a copy of `from`, which has to have this digest and to be a program for this type
  /// of machine.
  core::Status stage(const std::filesystem::path& from, const std::string& digest);
  core::Status begin_trial(Program program);
  core::Status trial_passed(std::string_view installed);
  void trial_failed(std::string why);

 private:
  core::Status save(std::string_view what);
  /// What need not be on the disk to go on.
  void note(std::string_view what);
  void clean() const;

  const std::filesystem::path folder_;
  const std::filesystem::path programs_;
  const Checkpoint checkpoint_;
  UpdateRecord record_;
};

/// SHA-256 of a file, hexadecimal.
core::Result<std::string> digest_of(const std::filesystem::path& file);

/// kInvalid where `program` is no executable for the type of machine that this one is.
core::Status check_program(const std::filesystem::path& program);

}  // namespace muster::agent
