// SPDX-License-Identifier: Apache-2.0
//
// Limits and times of the link sessions that are not visible in a frame's shape
// (those are in wire/limits.h). docs/protocols/link.md says what each one stops.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace muster::link {

using namespace std::chrono_literals;

/// The endpoint waits so long for Welcome or Goodbye after its Hello.
inline constexpr std::chrono::seconds kWelcomeDeadline{45};
/// The gateway waits so long for the server's decision about a Hello.
inline constexpr std::chrono::seconds kAdmitDeadline{30};
/// Granted credit must bring its first (next) chunk within this time.
inline constexpr std::chrono::seconds kCreditStall{60};

/// Heartbeat intervals that an endpoint obeys; others are clamped.
inline constexpr std::chrono::milliseconds kHeartbeatMin{1'000};
inline constexpr std::chrono::milliseconds kHeartbeatMax{600'000};
/// The intervals that a gateway asks for: in a link's first minute, then; with more than
/// kHeartbeatLinks links longer in proportion, up to the ceiling.
inline constexpr std::chrono::seconds kHeartbeatFirst{20};
inline constexpr std::chrono::seconds kHeartbeatYoung{60};
inline constexpr std::chrono::seconds kHeartbeatIdle{60};
inline constexpr std::chrono::seconds kHeartbeatCeiling{300};
inline constexpr std::size_t kHeartbeatLinks = 10'000;
/// Silence of so many heartbeat intervals ends a link, at either end.
inline constexpr int kSilentIntervals = 2;
/// What the gateway adds to that, so that the endpoint notices first.
inline constexpr std::chrono::seconds kSilentGrace{10};

/// Commands that an endpoint runs at the same time; further ones are queued.
inline constexpr std::size_t kConcurrentRunsMax = 64;
/// Bytes of finished, unacknowledged results beyond which new work is refused.
inline constexpr std::size_t kHeldBytesMax = 64 * 1024 * 1024;
/// Ids of acknowledged runs that an endpoint remembers in order to start none twice;
/// with so many it refuses work until the oldest orders have expired.
inline constexpr std::size_t kRecentRunsMax = 4096;
/// A run that was cancelled before its order came is remembered for so long.
inline constexpr std::chrono::minutes kCancelledKept{5};
/// Bytes waiting for the socket beyond which live output is dropped.
inline constexpr std::size_t kLiveBacklogBytesMax = 256 * 1024;
/// Bytes waiting for the socket beyond which chunks wait for drained().
inline constexpr std::size_t kChunkBacklogBytesMax = 256 * 1024;
/// Upcalls of one endpoint without an answer.
inline constexpr std::size_t kUpcallsPendingMax = 64;
/// Bytes of an upcall's name.
inline constexpr std::size_t kUpcallNameBytesMax = 128;

/// Addresses that one Goodbye MOVED names, and bytes of each ("name:port").
inline constexpr std::size_t kMovedGatewaysMax = 8;
inline constexpr std::size_t kGatewayAddressBytesMax = 264;
/// Addresses of other gateways that one Welcome names.
inline constexpr std::size_t kOtherGatewaysMax = 4;

/// Bytes of a sentence (Announce.reason, Goodbye.reason, Cancel.reason).
inline constexpr std::size_t kReasonBytesMax = 1024;
/// Bytes of one text among the facts, and entries of a list among them.
inline constexpr std::size_t kFactBytesMax = 256;
inline constexpr std::size_t kFactEntriesMax = 64;

/// Credit given to one endpoint in one turn, and in flight over all links.
inline constexpr std::size_t kCreditSliceBytes = 256 * 1024;
inline constexpr std::size_t kCreditBudgetBytes = 32 * 1024 * 1024;
/// Bytes of chunks that a gateway has reported and its server has not yet on its disk. What
/// is small overtakes the chunks behind them, so this is what it may have to wait for.
inline constexpr std::size_t kChunksAheadBytesMax = 1024 * 1024;

}  // namespace muster::link
