// SPDX-License-Identifier: Apache-2.0
//
// Selector: the words by which people say which machines they mean
// (docs/formats/selectors.md): `os=linux and site in (a,b) and not role=db`.
//
// Compiled once, then matched against any number of subjects without allocating.
// Immutable after parse(): any thread may match.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "fleet/endpoint.h"

namespace muster::fleet {

/// Bytes of a selector's text, nesting of parentheses and `not`, and terms in it.
inline constexpr std::size_t kSelectorBytesMax = 16 * 1024;
inline constexpr std::size_t kSelectorDepthMax = 64;
inline constexpr std::size_t kSelectorTermsMax = 4096;

/// What a selector looks at. Views: valid as long as what they were made from.
struct Subject {
  const core::EndpointId* id = nullptr;
  std::string_view name;
  const Platform* platform = nullptr;  ///< not null
  std::uint32_t cpus = 0;
  std::uint64_t memory_bytes = 0;
  std::string_view gateway;
  std::string_view address;
  std::span<const Label> labels;  ///< sorted by key
  bool online = false;
  EndpointState state = EndpointState::kActive;
  /// Time since the last contact; zero while online, nothing when there never was one.
  std::optional<core::Duration> silent_for;
};

/// Of `endpoint`, as seen at `now`.
Subject subject_of(const Endpoint& endpoint, core::WallTime now);

/// Why a text is not a selector. `message` begins with "column N: ".
struct SelectorError {
  std::size_t column = 0;  ///< from 1, in bytes
  std::string message;
};

class Selector {
 public:
  /// The empty text is an error: who means every machine writes `all`.
  static std::expected<Selector, SelectorError> parse(std::string_view text);
  /// Matches everything.
  static Selector all();

  bool matches(const Subject& subject) const;
  /// True where `all` was written, so that callers may skip the matching.
  bool matches_all() const;
  /// The text as it was written.
  const std::string& text() const;

  struct Program;  ///< private to selector.cc

 private:
  explicit Selector(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

}  // namespace muster::fleet
