// SPDX-License-Identifier: Apache-2.0
//
// Runs a step of a pack: a program that came with it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/result.h"

namespace muster::installer {

/// Runs it to its end, its output to our stderr. kCancelled where `stopped` says so after a
/// signal: then it was killed; kConflict where it does not exit with 0.
core::Status run_program(const std::filesystem::path& program,
                         const std::vector<std::string>& environment,
                         const std::function<bool()>& stopped);

}  // namespace muster::installer
