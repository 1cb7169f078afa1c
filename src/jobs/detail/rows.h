// SPDX-License-Identifier: Apache-2.0
//
// How the ledger's values are spelt in its tables.
#pragma once

#include <cstdint>
#include <optional>

#include "core/clock.h"
#include "core/ids.h"

namespace muster::jobs::detail {

inline std::int64_t key(core::RunId run) {
  return static_cast<std::int64_t>(run.value());
}
inline core::RunId run_of(std::int64_t key) {
  return core::RunId(static_cast<std::uint64_t>(key));
}
inline std::optional<std::int64_t> maybe_ms(const std::optional<core::WallTime>& time) {
  return time ? std::optional(core::unix_ms(*time)) : std::nullopt;
}
inline std::optional<core::WallTime> maybe_time(std::optional<std::int64_t> ms) {
  return ms ? std::optional(core::wall_from_unix_ms(*ms)) : std::nullopt;
}

}  // namespace muster::jobs::detail
