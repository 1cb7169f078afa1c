// SPDX-License-Identifier: Apache-2.0
//
// Chain: what the methods of a run may start further, and the place of a run in its tree.
//
// Nothing may be started unless whoever starts the first run says so. What was said holds for
// the whole tree and never grows; with it go the rights that the starter had then, so that a
// child is never ordered with more.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/result.h"

namespace muster::jobs {

/// A run that nobody's method started has the depth 0, its children 1.
inline constexpr std::size_t kChainDepthMax = 4;
/// Targets of one child.
inline constexpr std::size_t kChildTargetsMax = 100;
/// Children that the method on one target of a run may start in its life.
inline constexpr std::size_t kChildrenOfTargetMax = 32;
/// Runs that one tree may have in its life, its first one included.
inline constexpr std::size_t kTreeRunsMax = 1'000;
inline constexpr std::size_t kGrantMethodsMax = 64;
inline constexpr std::size_t kGrantMethodBytesMax = 130;  ///< module::task

/// What may be started.
struct ChainGrant {
  std::vector<std::string> methods;  ///< by their shown names, whichever version
  bool commands = false;
  std::string selector;  ///< on which hosts; "all": on every one

  friend bool operator==(const ChainGrant&, const ChainGrant&) = default;
};

/// One run above a child in its tree, and the host whose method asked for the next.
struct ChainLink {
  core::RunId run;
  core::EndpointId endpoint;
  std::string method;

  friend bool operator==(const ChainLink&, const ChainLink&) = default;
};

struct Chain {
  ChainGrant grant;
  /// Whose rights hold, as they were when the tree's first run was started: its author's role
  /// and the selectors that narrowed them. The author is Run::created_by of every run of it.
  std::uint8_t role = 0;
  std::vector<std::string> selectors;
  std::vector<ChainLink> above;  ///< from the first run down to the parent; empty: the first

  bool is_child() const { return !above.empty(); }
  std::size_t depth() const { return above.size(); }
  const ChainLink& parent() const { return above.back(); }  ///< REQUIRES: is_child()

  friend bool operator==(const Chain&, const Chain&) = default;
};

/// "db::dump, db::load and commands on role=db"
std::string granted(const ChainGrant& grant);

/// kInvalid or kLimit for a grant that grants nothing or too much. The selector is the
/// caller's to check.
core::Status check_grant(const ChainGrant& grant);

/// The chain of what the method of `parent` (a run with this chain) on that endpoint starts:
/// `method`, or a command where it is empty. kDenied beyond the grant, kLimit beyond the depth.
core::Result<Chain> chain_of_child(const Chain& parent, ChainLink asks, std::string_view method);

/// kConflict where `method` would run on one of `targets` on which it runs above already.
core::Status check_loop(const Chain& child, std::string_view method,
                        std::span<const core::EndpointId> targets);

/// As the tables keep it.
std::string stored_text(const Chain& chain);
core::Result<Chain> chain_from(std::string_view text);

}  // namespace muster::jobs
