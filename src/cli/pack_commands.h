// SPDX-License-Identifier: Apache-2.0
//
// The commands of file packs, what they ask the region, and how it is shown.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/context.h"
#include "cli/render.h"

namespace muster::cli {

void add_pack_commands(Command& root);       // pack publish|list|show|use|remove|…
void add_pack_run_commands(Command& pack);   // pack send|rollback|verify|take-away
void add_pack_rule_commands(Command& pack);  // pack allow|allowed|disallow

/// {packs}: the current version of each.
core::Result<Json> all_packs(Context& context);
/// One version with all about it but its files; an empty version is the current one. kNotFound.
core::Result<Json> one_pack(Client& client, const std::string& name, const std::string& version);
/// {files} of one version.
core::Result<Json> pack_files(Context& context, const std::string& name,
                              const std::string& version);
/// The index of a version, as it was published.
core::Result<std::string> pack_index(Context& context, const std::string& name,
                                     const std::string& version);

// render_packs.cc
std::string render_packs(const Json& list, const Terminal& terminal, core::WallTime now);
/// What the hosts of a finished run answered; `targets`: those that have answered, at most
/// kPackAnswersMax of them.
std::string render_pack_answers(const boost::json::array& targets, const Terminal& terminal);
inline constexpr std::size_t kPackAnswersMax = 10'000;
/// What users of one host may install.
std::string render_packs_of_host(const Json& list, const Terminal& terminal);
std::string render_pack_rules(const Json& list, const Terminal& terminal, core::WallTime now);
/// `files`: of pack_files(), or empty.
std::string render_pack(const Json& pack, const Json& files, const Terminal& terminal,
                        core::WallTime now);

}  // namespace muster::cli
