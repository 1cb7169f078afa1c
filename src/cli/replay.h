// SPDX-License-Identifier: Apache-2.0
//
// What an archive (docs/formats/recording.md) asks for when it is repeated, and how the
// answers differ from those of then. Pure: no server, no terminal.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/json_access.h"
#include "core/result.h"

namespace muster::cli {

inline constexpr std::string_view kArchiveFormat = "muster-recording-1";

struct ReplayOptions {
  /// Exactly one of the three.
  std::optional<std::string> on;             ///< every step on these hosts
  std::map<std::string, std::string> hosts;  ///< every step on the counterparts of its hosts
  bool same_hosts = false;                   ///< every step on the hosts of then
  /// "STEP.NAME=value" or "STEP.NAME:=JSON", steps from 1; "NAME=value" is for every step that
  /// has such an argument.
  std::vector<std::string> arguments;
};

struct ReplayStep {
  std::string title;            ///< "restart::service 1.2", "uptime"
  boost::json::object request;  ///< RunRequest
  bool is_method = false;
  std::string method;                               ///< its name and
  std::string version;                              ///< its version then
  std::map<std::string, std::string> counterparts;  ///< host of then → host of now; may be empty
};

/// Every step of an archive, ready to be ordered. kInvalid with all that is missing: hosts without
/// a counterpart, arguments whose values are not known any more. A counterpart's name also
/// replaces its host's where that is a whole argument or a whole word of a command.
core::Result<std::vector<ReplayStep>> plan_replay(const Json& archive,
                                                  const ReplayOptions& options);

/// What is compared of an answer.
enum class Compare : std::uint8_t { kOutcome, kOutput };

/// A host that did not answer as recorded.
struct Difference {
  std::string host;
  std::string then;  ///< "succeeded", "failed, exit code 3", "answer differs"
  std::string now;
};

/// `recorded` is a step of the archive; `targets` those of the run that repeated it. With
/// counterparts each host is compared with its own; otherwise any recorded answer will do.
std::vector<Difference> differences(const Json& recorded, const ReplayStep& step,
                                    const std::vector<Json>& targets, Compare compare);

}  // namespace muster::cli
