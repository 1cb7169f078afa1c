// SPDX-License-Identifier: Apache-2.0
//
// Handover is what one agent's program tells the next one that takes its place: on trial, or
// for good (docs/updates.md). To the region both are one process: the same instance, holding
// the same runs, so that nothing that is on its way is lost or done twice.
//
// It comes on standard input, where MUSTER_AGENT_HANDOVER is set: as a method gets its
// arguments. JSON; members are append-only, unknown ones are ignored, because the next
// program may be older or newer than this one.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "link/endpoint_runs.h"

namespace muster::agent {

struct Handover {
  enum class Kind {
    kStart,  ///< the installed program starts the one that it was updated to
    kTrial,  ///< log in, say so, end
    kTake,   ///< the trial was passed: go on in my place
  };
  Kind kind = Kind::kStart;
  std::string program{};                                ///< digest of the one that gets this
  std::string installed{};                              ///< digest of the installed one
  std::string instance{};                               ///< of kTrial and kTake: 16 bytes
  std::string nonce{};                                  ///< of kTrial
  std::optional<link::EndpointRuns::Remembered> run{};  ///< the update's
  std::vector<link::EndpointRuns::Remembered> remembered{};
  std::string before{};  ///< of kTake: the version that it takes over from
};

std::string to_text(const Handover& handover);
core::Result<Handover> read_handover(std::string_view text);

/// This process's own, once; none where it was started by hand or by the system. Standard
/// input is empty from then on. kInvalid where it cannot be read.
core::Result<std::optional<Handover>> take_handover();

/// The environment of a process that gets one.
std::vector<std::string> handover_environment();

/// Becomes `program`, with these words as its command line. Returns only where it cannot.
core::Error go_over(const std::filesystem::path& program, const std::vector<std::string>& words,
                    const Handover& handover);

/// What a program prints that has logged in on trial: nothing but an agent that has read the
/// nonce says it.
std::string proof_of(std::string_view nonce);

}  // namespace muster::agent
