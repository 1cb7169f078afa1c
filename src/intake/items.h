// SPDX-License-Identifier: Apache-2.0
//
// What a running method may tell the region: events and inventory, checked.
//
// The bodies are foreign: bounded, and nothing of them is a path, a query or a format.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::intake {

inline constexpr std::string_view kEventCall = "event.raise";
inline constexpr std::string_view kInventoryCall = "inventory.report";

inline constexpr std::size_t kNameBytesMax = 64;  ///< of a kind, a table, a key
inline constexpr std::size_t kEventTextBytesMax = 1024;
inline constexpr std::size_t kEventDataBytesMax = 4096;
inline constexpr std::size_t kInventoryBytesMax = 48UL * 1024;
inline constexpr std::size_t kDepthMax = 32;  ///< of JSON
/// Tables of one host; further ones are dropped.
inline constexpr std::size_t kTablesMax = 64;

/// Stored by number, shown by name; append-only.
enum class Severity : std::uint8_t {
  kDebug = 0,
  kInfo = 1,
  kWarning = 2,
  kError = 3,
  kCritical = 4,
};
std::string_view name(Severity severity);
std::optional<Severity> severity_of(std::string_view name);

struct Event {
  Severity severity = Severity::kInfo;
  std::string kind;  ///< "backup.failed": letters, digits and . _ -
  std::string text;  ///< a sentence, printable; may be empty
  std::string data;  ///< a JSON object, or empty
  std::string key;   ///< names it among those of its endpoint; empty: it is always a new one
};

struct Inventory {
  std::string table;  ///< as Event::kind
  std::string data;   ///< JSON
};

/// True where this call is one of intake's.
bool is_intake(std::string_view call);
/// kInvalid or kLimit says which member is wrong.
core::Result<Event> read_event(std::string_view body);
core::Result<Inventory> read_inventory(std::string_view body);
/// Whether the body is what the call takes. REQUIRES: is_intake(call).
core::Status check(std::string_view call, std::string_view body);

}  // namespace muster::intake
