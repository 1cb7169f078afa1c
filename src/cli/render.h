// SPDX-License-Identifier: Apache-2.0
//
// The API's JSON as people read it. Functions of their arguments only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/json_access.h"
#include "cli/terminal.h"
#include "core/clock.h"

namespace muster::cli {

// render_hosts.cc
/// The table of {hosts, total, online} with the closing count.
std::string render_hosts(const Json& list, const Terminal& terminal, core::WallTime now);
/// Everything about one host.
std::string render_host(const Json& host, const Terminal& terminal, core::WallTime now);
/// "role=web,site=a"; "-" for none.
std::string labels_text(const Json& labels);

// render_runs.cc
/// What a run does, as a person would type it: "uptime", "ls '/a b'", "(ping)".
std::string command_text(const Json& run);
std::string render_runs(const Json& list, const Terminal& terminal, core::WallTime now);
/// The head of `muster runs show`: who ordered what, when, and how it stands.
std::string render_run(const Json& run, const Terminal& terminal, core::WallTime now);
/// Targets in a final state.
std::uint64_t finished_targets(const Json& run);
/// True where every target succeeded.
bool all_succeeded(const Json& run);
/// "4 succeeded, 1 failed": the states that occur, good news first.
std::string counts_text(const Json& run);
/// What a cancel found and what came of it: "12 were never sent, 30 were stopped, …".
std::string cancel_text(const Json& run);
/// Why the run stands still or was stopped, with what to do; empty where it goes on.
std::string hold_text(const Json& run);
/// A line for each wave.
std::string render_waves(const Json& waves, const Terminal& terminal);
/// How far running targets say that they are: a table of the first 20 of `targets`, which have
/// said something, and how many of `running` stand in no line. Empty where none has.
std::string render_progress(const std::vector<Json>& targets, std::uint64_t running,
                            const Terminal& terminal);
constexpr std::size_t kProgressLinesMax = 20;
/// "42/60 done · 40 succeeded · 2 failed · 3.2s · 13/s".
std::string progress_text(const Json& run, core::Duration elapsed);
/// "exit code 1", "killed by signal 9 (KILL)", "refused: no such user", …
std::string outcome_text(const Json& target_or_fold);
/// One line for each way in which targets did not succeed, with the hosts. Empty
/// where all succeeded. `rows` are folds, or targets (then their names are listed).
std::string render_troubles(const boost::json::array& rows, const Terminal& terminal);

std::string render_recordings(const Json& list, const Terminal& terminal, core::WallTime now);
std::string render_retention(const Json& retention);

// render_gateways.cc
/// The gateways as a tree of who stands behind whom, and what limits their content.
std::string render_gateways(const Json& list, const Terminal& terminal);

// render_chain.cc
/// A line for each run of a tree; the one with the id `marked` is marked.
std::string render_tree(const Json& tree, std::string_view marked, const Terminal& terminal);
/// What the run's methods may start: "db::load on role=db"; empty for nothing.
std::string chain_text(const Json& run);

// render_rollouts.cc: cancel_text, hold_text, render_waves

// render_methods.cc
std::string render_methods(const Json& list, const Terminal& terminal, core::WallTime now);
std::string render_method(const Json& method, const Terminal& terminal, core::WallTime now);
/// What differs between two versions, a line each; empty where nothing does.
std::string render_method_diff(const Json& before, const Json& after, const Terminal& terminal);
std::string render_publishing_keys(const Json& list, const Terminal& terminal, core::WallTime now);

// render_schedules.cc
std::string render_schedules(const Json& list, const Terminal& terminal, core::WallTime now);
/// All about a schedule, and the newest of its firings.
std::string render_schedule(const Json& schedule, const Json& firings, const Terminal& terminal,
                            core::WallTime now);
std::string render_preview(const Json& preview, std::string_view zone, const Terminal& terminal,
                           core::WallTime now);

// render_access.cc
std::string render_join_tokens(const Json& list, const Terminal& terminal, core::WallTime now);
std::string render_api_tokens(const Json& list, const Terminal& terminal, core::WallTime now);
std::string render_users(const Json& list, const Terminal& terminal, core::WallTime now);
/// One audit entry as a table row's worth of text; the table is made by the caller.
std::string render_audit(const std::vector<Json>& entries, const Terminal& terminal);

}  // namespace muster::cli
