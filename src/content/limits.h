// SPDX-License-Identifier: Apache-2.0
//
// Limits and times of content, with what each one stops. docs/protocols/content.md
// has them in a table. What is visible in a frame's shape is in wire/limits.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "wire/limits.h"

namespace muster::content {

/// Bytes of payload in one ContentData: a request asks for a range, pieces answer it.
inline constexpr std::uint32_t kPieceBytes = wire::kChunkBytesMax;
/// Bytes that one request may ask for.
inline constexpr std::uint32_t kRangeBytesMax = 512 * 1024;
/// The largest object.
inline constexpr std::uint64_t kObjectBytesMax = 4ULL << 30;

// The requesting side.

/// Bytes asked for and not arrived, of one download. A new range is asked for when half
/// of it has arrived.
inline constexpr std::uint64_t kWindowBytes = 512 * 1024;
/// Downloads under way at the same time, and those that wait for their turn.
inline constexpr std::size_t kDownloadsMax = 4;
inline constexpr std::size_t kDownloadsQueuedMax = 256;
/// Who waits for one object.
inline constexpr std::size_t kWaitersMax = 1024;
/// Nothing arrived for so long on an open link: the range is asked for again.
inline constexpr std::chrono::seconds kPieceStall{30};
/// The wait before asking again after a refusal that is worth it: doubles from the first
/// to the second.
inline constexpr std::chrono::milliseconds kRetryFirst{250};
inline constexpr std::chrono::seconds kRetryCeiling{15};
/// Without a better one: from want() to giving up.
inline constexpr std::chrono::minutes kWantDeadline{10};

// The serving side.

/// Objects that one client asks for at the same time.
inline constexpr std::size_t kRequestsPerClientMax = 16;
/// Requests of all clients.
inline constexpr std::size_t kRequestsMax = 200'000;
/// Objects held open (a descriptor each) because somebody reads them.
inline constexpr std::size_t kOpenObjectsMax = 256;
/// An object that nobody reads stays open so long: the next client need not have it hashed.
inline constexpr std::chrono::seconds kIdleHold{30};
/// Objects that are being fetched because they are missed.
inline constexpr std::size_t kFetchesMax = 256;
/// Bytes handed to the link of one client and not yet taken by its socket: two pieces.
inline constexpr std::size_t kClientBytesMax = 160 * 1024;
/// The same over all clients: what serving may cost in memory.
inline constexpr std::size_t kServeBudgetBytes = 32 * 1024 * 1024;
/// A client whose socket took nothing for so long stands in the others' way: its link is
/// ended.
inline constexpr std::chrono::seconds kServeStall{30};
/// Encoded pieces kept because the next client will ask for the same.
inline constexpr std::size_t kPieceCacheBytes = 4 * 1024 * 1024;
inline constexpr std::size_t kPieceCacheMax = 64;
/// Bytes sent in one call; the rest in the next turn of the loop.
inline constexpr std::size_t kPumpBytesMax = 4 * 1024 * 1024;
/// A failed fetch is answered so much later, and what is asked for in between is not
/// fetched again: who guesses ids waits.
inline constexpr std::chrono::seconds kMissPause{1};
/// A client may say so often that what it got was damaged; the object is hashed anew.
inline constexpr std::chrono::seconds kRecheckPause{5};
/// Who is refused because there is too much to do is told to come back after this.
inline constexpr std::chrono::milliseconds kBusyRetry{1'000};

}  // namespace muster::content
