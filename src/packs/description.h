// SPDX-License-Identifier: Apache-2.0
//
// pack.toml: what a folder says about itself as a pack (docs/formats/file-pack.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "packs/index.h"

namespace muster::packs {

inline constexpr std::size_t kDescriptionFileBytesMax = 256 * 1024;
inline constexpr std::size_t kRulesMax = 1000;

struct DescribedTarget {
  std::string from;  ///< a folder beside pack.toml
  Target to;
  std::string owner;  ///< of everything in it that no rule names
  std::string group;
};

/// For entries whose path (with the `from` of their target before it) fits; the last one
/// that fits and says something counts.
struct Rule {
  std::string pattern;
  std::optional<std::string> owner;
  std::optional<std::string> group;
  std::optional<std::uint32_t> mode;
};

struct Description {
  std::string name;
  std::string version;  ///< may be empty
  std::string description;
  std::vector<DescribedTarget> targets;
  std::vector<Rule> rules;
  std::string pre;  ///< files beside pack.toml; empty: none
  std::string post;
};

/// kInvalid with line and column of the first mistake.
core::Result<Description> read_description(std::string_view toml);

}  // namespace muster::packs
