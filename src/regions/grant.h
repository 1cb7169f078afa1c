// SPDX-License-Identifier: Apache-2.0
//
// What another region may do here: a grant, and the operations of the API that there are between
// regions. What is not in the table is not possible, whatever is granted.
//
// Both sides look into it: the one that asks, so that a mistake is told at once, and the one that
// is asked, which decides.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace muster::regions {

/// Bits of Grant::may. Append only: they are stored.
enum class Permission : std::uint8_t {
  kSee = 1,  ///< Hosts, methods, and the runs that the grant's hosts allow to be seen.
  kRun = 2,  ///< Start, cancel, pause and resume runs; comes with kSee.
};

struct Grant {
  std::uint8_t may = 0;
  std::string selector;  ///< On these hosts only; empty: all.
  std::optional<core::WallTime> expires_at;

  bool allows(Permission permission) const {
    return (may & static_cast<std::uint8_t>(permission)) != 0;
  }
  bool expired(core::WallTime now) const { return expires_at && *expires_at <= now; }
};

std::string_view name(Permission permission);  ///< "see", "run"
/// {"see"}, {"see", "run"}; none for a region that may nothing here.
std::vector<std::string> names(std::uint8_t may);
/// The bits of these words; kInvalid for another one.
core::Result<std::uint8_t> parse_permissions(std::span<const std::string> words);

struct Operation {
  std::string_view method;
  std::string_view pattern;  ///< As the router has it.
  Permission needs = Permission::kSee;
  bool changes = false;  ///< It has an entry in the audit log of who asks.
};

std::span<const Operation> operations();
/// The one at this route; null where there is none. HEAD counts as GET.
const Operation* operation_at(std::string_view method, std::string_view route);
/// The one that a request's path means; null where there is none. `path` is as it was sent:
/// escapes stand for themselves, so that both sides read the same.
const Operation* operation_of(std::string_view method, std::string_view path);

}  // namespace muster::regions
