// SPDX-License-Identifier: Apache-2.0
//
// A command to run and how it ended.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/byte_source.h"

namespace muster::methods {

/// From SIGTERM to SIGKILL of the whole tree.
inline constexpr std::chrono::milliseconds kKillGrace{2'000};
/// How long the output stays open for background processes after the command ended.
inline constexpr std::chrono::milliseconds kDrainGrace{500};

/// Zero: the default in wire/limits.h, whose ceilings hold here too (no limit for memory and files,
/// the agent's own for open files).
struct CommandLimits {
  std::chrono::milliseconds timeout{0};
  std::uint64_t memory_bytes = 0;
  std::uint64_t output_bytes_max = 0;  ///< stdout and stderr each
  std::uint32_t open_files_max = 0;
  std::uint64_t file_bytes_max = 0;
};

struct Command {
  std::vector<std::string> argv;  ///< argv[0] is looked up in PATH
  std::string stdin_bytes;
  std::vector<std::string> environment;  ///< NAME=value, added to a small fixed one
  std::string user;                      ///< empty: the agent's own
  std::string directory;                 ///< empty: the user's home, else /
  CommandLimits limits;
  bool channel = false;  ///< it gets one: docs/protocols/method-channel.md
};

enum class Stream : std::uint8_t { kStdout, kStderr };

struct Completion {
  enum class How : std::uint8_t {
    kExited,      ///< `exit_code`, or `signal` where that ended it
    kNotStarted,  ///< not found (127) or not executable (126), as shells number it
    kRefused,     ///< what was asked for cannot be had here; nothing was started
    kTimedOut,
    kCancelled,
  };
  How how = How::kExited;
  int exit_code = 0;
  int signal = 0;
  std::string reason;  ///< a sentence; empty for a plain exit
  std::string stdout_bytes;
  std::string stderr_bytes;
  /// Set where it is too much for memory; then the string is empty.
  std::shared_ptr<const core::ByteSource> stdout_source;
  std::shared_ptr<const core::ByteSource> stderr_source;
  std::uint64_t stdout_bytes_cut = 0;  ///< beyond the limit, read and thrown away
  std::uint64_t stderr_bytes_cut = 0;
  std::chrono::milliseconds duration{0};
};

}  // namespace muster::methods
