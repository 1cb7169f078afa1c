// SPDX-License-Identifier: Apache-2.0
//
// What the region knows of one endpoint, in a form of which 100,000 fit in memory:
// what machines share (their platform) is kept once and referred to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "wire/frame.h"

namespace muster::fleet {

/// Bytes of a label's key and of its value, labels of an endpoint, bytes of a name.
inline constexpr std::size_t kLabelKeyBytesMax = 64;
inline constexpr std::size_t kLabelValueBytesMax = 256;
inline constexpr std::size_t kLabelsMax = 64;
inline constexpr std::size_t kNameBytesMax = 253;

struct Label {
  std::string key;
  std::string value;
  auto operator<=>(const Label&) const = default;
};
/// Sorted by key, keys unique.
using Labels = std::vector<Label>;

/// Keys are [A-Za-z_][A-Za-z0-9_.-]*, values printable UTF-8; both within their
/// limits. The error names the label and the rule.
core::Status check_label(std::string_view key, std::string_view value);

/// The facts that many machines have in common; shared between them.
struct Platform {
  std::string os;
  std::string distribution;
  std::string distribution_version;
  std::string kernel;
  std::string machine;
  std::string agent_version;
  std::vector<std::string> features;  ///< sorted
  auto operator<=>(const Platform&) const = default;
};

/// kHeld: it may log in and gets no work until an administrator approves it. The numbers are
/// stored.
enum class EndpointState : std::uint8_t { kActive = 0, kRevoked = 1, kHeld = 2 };
/// "active", "revoked", "held".
std::string_view name(EndpointState state);

/// The link of an endpoint that is online.
struct Connection {
  std::string gateway;
  std::uint64_t link = 0;  ///< the gateway's number of it
  std::string address;
  std::string instance;  ///< of the agent's process, 16 bytes
};

struct Endpoint {
  core::EndpointId id;
  std::string name;  ///< the hostname made safe; the id's first characters before the first login
  std::shared_ptr<const Platform> platform;  ///< never null
  std::uint32_t cpus = 0;
  std::uint64_t memory_bytes = 0;
  std::int64_t booted_unix_ms = 0;
  std::vector<std::string> addresses;
  Labels labels;
  EndpointState state = EndpointState::kActive;
  core::WallTime enrolled_at;
  core::WallTime last_contact;             ///< epoch: never; while online: of the link's start
  std::unique_ptr<Connection> connection;  ///< null: offline
  std::string address;                     ///< of the current or the last link
  std::string warning;                     ///< a sentence for people; empty: all is well

  bool online() const { return connection != nullptr; }
};

/// `hostname` as a name: what is not a letter, digit, '.', '-' or '_' becomes '-',
/// cut to kNameBytesMax; empty stays empty. Case is kept.
std::string safe_name(std::string_view hostname);

/// Facts as they travel, of what is known; and back, with every text bounded and made
/// safe. True where `endpoint` changed by it. `share` finds the one copy of a platform.
wire::Facts facts_of(const Endpoint& endpoint);
bool take_facts(Endpoint& endpoint, const wire::Facts& facts,
                const std::function<std::shared_ptr<const Platform>(Platform)>& share);

/// "key=value" lines, and back; lines that break the rules are left out.
std::string labels_text(const Labels& labels);
Labels labels_from(std::string_view text);

}  // namespace muster::fleet
