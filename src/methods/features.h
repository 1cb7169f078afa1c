// SPDX-License-Identifier: Apache-2.0
//
// Features are the words by which a machine says what can run on it and a method says
// what it needs. `shell`, `puppet-agent` and `powershell` mean what other runners of the
// task format mean by them; kernel, machine type, distribution and interpreters are ours
// (docs/formats/method-package.md has the list).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "methods/metadata.h"

namespace muster::methods {

inline constexpr std::size_t kFeaturesMax = 64;

/// What features are found by. `machine` as uname says it.
struct Platform {
  std::string os;       ///< kernel family in lower case: linux
  std::string machine;  ///< x86_64, aarch64
  std::string distribution;
  std::string distribution_version;
};

/// True where `program` can be started: a name to be looked for in the usual folders, or
/// an absolute path.
using ProgramProbe = std::function<bool(std::string_view program)>;

/// Sorted, each once.
std::vector<std::string> announced_features(const Platform& platform, const ProgramProbe& has);

/// False for a word that no host announces, unless its distribution is called so: it may be
/// a slip of the pen, or another runner's.
bool is_usual_feature(std::string_view feature);

/// The implementation for a machine that announces `features`: the first in order whose
/// requirements are all among them. Null where the method has no list of implementations
/// and its one executable runs everywhere. kNotFound with what was missing for each
/// where none fits, and for methods that act on remote targets, which endpoints are not.
core::Result<const Implementation*> select_implementation(std::string_view method,
                                                          const Metadata& metadata,
                                                          std::span<const std::string> features);

}  // namespace muster::methods
