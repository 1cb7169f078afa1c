// SPDX-License-Identifier: Apache-2.0
//
// Every limit of what travels, with its name and the abuse that it stops.
// A frame beyond its limit is refused before a byte of it is decoded.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace muster::wire {

/// The protocol version that this build speaks, and the oldest that it understands.
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::uint32_t kVersionOldest = 1;

/// Bytes of payload in a Chunk, Output or ContentData frame.
inline constexpr std::size_t kChunkBytesMax = 64 * 1024;
/// Results up to this size (stdout and stderr together) travel in their Announce.
inline constexpr std::size_t kInlineResultBytesMax = 16 * 1024;
/// argv, stdin and environment of a command, together.
inline constexpr std::size_t kCommandBytesMax = 256 * 1024;
/// Runs that an endpoint holds unacknowledged; more work is refused.
inline constexpr std::size_t kHeldRunsMax = 256;
/// From the start of a command to SIGTERM: the default, and what may be asked for.
inline constexpr std::chrono::milliseconds kTimeoutDefault{10 * 60 * 1000};
inline constexpr std::chrono::milliseconds kTimeoutCeiling{7 * 24 * 3600 * 1000LL};
/// stdout and stderr of one run, each: the default, and what may be asked for. What is more
/// than the default lies on the endpoint's disk, not in its memory.
inline constexpr std::size_t kOutputBytesDefault = 1024 * 1024;
inline constexpr std::size_t kOutputBytesCeiling = 1024 * 1024 * 1024;
/// Bytes of the text of a progress.
inline constexpr std::size_t kProgressTextBytesMax = 200;
/// A whole link frame of any kind (kind number included).
inline constexpr std::size_t kFrameBytesMax = 512 * 1024;
/// A whole frame between gateway and server.
inline constexpr std::size_t kRegionFrameBytesMax = 4 * 1024 * 1024;
/// Reports in one Reports message.
inline constexpr std::size_t kReportsPerMessageMax = 4096;
/// Bytes of an upcall's body or of its reply.
inline constexpr std::size_t kUpcallBytesMax = 64 * 1024;
/// Time from the TCP connection to a complete Hello.
inline constexpr std::chrono::seconds kHelloDeadline{15};

}  // namespace muster::wire
