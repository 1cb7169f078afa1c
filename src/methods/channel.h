// SPDX-License-Identifier: Apache-2.0
//
// Channel is the agent's end of what a method's process may say beside its output
// (docs/protocols/method-channel.md): progress, and calls that are answered.
//
// What comes is foreign: bounded, and whatever makes no sense harms nobody but the method.
// Pure logic: bytes and the time go in, what it means comes out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace muster::methods {

/// A line with its line feed; and a reply's.
inline constexpr std::size_t kChannelLineBytesMax = 64 * 1024;
/// Lines a second that are read; further ones are thrown away.
inline constexpr int kChannelLinesPerSecond = 200;
/// Lines that make no sense, then nothing more is heard.
inline constexpr int kChannelBadLinesMax = 16;
inline constexpr std::size_t kChannelCallsPendingMax = 4;
inline constexpr int kChannelCallsPerSecond = 10;
inline constexpr std::chrono::seconds kProgressPause{1};
/// Depth of a line's JSON.
inline constexpr std::size_t kChannelDepthMax = 32;

/// How far a method says it is.
struct Progress {
  std::optional<std::uint32_t> percent;  ///< 0 to 100
  std::string text;                      ///< short and printable; may be empty
};

class Channel {
 public:
  struct Call {
    std::uint64_t id = 0;
    std::string name;
    std::string body;  ///< JSON
  };
  struct Heard {
    std::vector<Call> calls;  ///< each wants one reply()
    std::string replies;      ///< lines for the method at once: calls that are refused
  };

  /// Bytes as they came. After deaf() nothing is heard.
  Heard receive(std::string_view bytes, core::MonoTime now);
  /// The line that answers a call. `body`: JSON.
  std::string reply(std::uint64_t id, const core::Result<std::string>& body);

  /// The newest progress, where it is time to pass it on; else nullopt, and again at
  /// progress_due().
  std::optional<Progress> take_progress(core::MonoTime now);
  /// max(): there is none.
  core::MonoTime progress_due() const;

  bool deaf() const { return deaf_; }
  /// Lines that were thrown away, for whatever reason.
  std::uint64_t dropped() const { return dropped_; }

 private:
  void line(std::string_view text, Heard& heard);
  void call(Call call, Heard& heard);
  void nonsense();

  std::string partial_;
  std::optional<Progress> progress_;
  core::MonoTime progress_at_ = core::MonoTime::min();  // when the last one was taken
  core::MonoTime second_ = core::MonoTime::min();       // since when the two below count
  int lines_ = 0;
  int calls_ = 0;
  int bad_ = 0;
  std::size_t pending_ = 0;
  std::uint64_t dropped_ = 0;
  bool deaf_ = false;
};

}  // namespace muster::methods
