// SPDX-License-Identifier: Apache-2.0
//
// Node sets, the notation of clush and Slurm: `db1,web[01-12,15]` for many names.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace muster::fleet {

/// The names that one expression may expand to.
inline constexpr std::size_t kNodeSetNamesMax = 100'000;

/// "db1,web[1-3]" of web1 web2 web3 db1. Ranges are made of the last number in a
/// name; zero padding is kept (web01 and web1 are different machines). Sorted,
/// duplicates once.
std::string fold_names(std::span<const std::string> names);

/// The names of one expression, in its order. Several brackets in a name multiply.
/// kInvalid for a malformed bracket, kLimit beyond `names_max`.
core::Result<std::vector<std::string>> expand_names(std::string_view expression,
                                                    std::size_t names_max = kNodeSetNamesMax);

}  // namespace muster::fleet
