// SPDX-License-Identifier: Apache-2.0
//
// What a task says about itself: Puppet task metadata (`tasks/NAME.json`), version 1 up
// to revision 4, read exactly as other runners of the format read it, so that a module
// which its users own runs unchanged. What we add stands under "muster" in "extensions"
// (docs/formats/method-package.md).
//
// Unknown members are warnings. Wrong ones are errors, each with file, line and column.
// Types of parameters are only text here: the agent reads metadata too and has no use
// for them (parameters.h checks them on the server and in the command line).
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace muster::methods {

namespace json = boost::json;

inline constexpr std::size_t kMetadataBytesMax = 128 * 1024;
inline constexpr std::size_t kParametersMax = 512;
inline constexpr std::size_t kImplementationsMax = 64;
inline constexpr std::size_t kRequirementsMax = 32;
inline constexpr std::size_t kRequirementBytesMax = 128;
/// Entries of `files`, of the task and of each implementation.
inline constexpr std::size_t kFileEntriesMax = 1024;
inline constexpr std::size_t kDescriptionBytesMax = 16 * 1024;
/// Problems told of one file; there may be more.
inline constexpr std::size_t kProblemsMax = 50;

/// A place in a file and what is wrong (or doubtful) there.
struct Problem {
  std::string file;
  std::size_t line = 0;    ///< from 1; 0: of the file as a whole
  std::size_t column = 0;  ///< from 1, in bytes
  std::string message;

  /// "tasks/restart.json:3:12: …", as compilers say it.
  std::string text() const;
};

enum class InputMethod : std::uint8_t { kDefault, kStdin, kEnvironment, kBoth, kPowershell };
std::string_view name(InputMethod method);

struct Parameter {
  std::string name;
  std::string type;  ///< a Puppet type expression; empty: anything
  std::string description;
  bool sensitive = false;
  std::optional<json::value> default_value;
};

struct Implementation {
  std::string name;  ///< a file of the module's tasks folder
  std::vector<std::string> requirements;
  std::vector<std::string> files;
  InputMethod input_method = InputMethod::kDefault;  ///< kDefault: the task's
  std::optional<bool> remote;                        ///< absent: the task's
};

/// Our own members; zero and empty: not said.
struct Additions {
  std::string version;
  bool idempotent = false;  ///< may be started again where it is unknown whether it ran
  std::chrono::milliseconds timeout{0};
  std::uint64_t output_bytes_max = 0;
  std::string user;
};

struct Metadata {
  std::string description;
  std::int64_t task_version = 1;
  bool supports_noop = false;
  InputMethod input_method = InputMethod::kDefault;
  /// In the order of the file. Absent (or null in the file): any parameter is accepted;
  /// empty: none is.
  std::optional<std::vector<Parameter>> parameters;
  /// Empty: the one executable that is called like the task.
  std::vector<Implementation> implementations;
  std::vector<std::string> files;  ///< `module/files/…`; a whole folder where it ends in `/`
  bool is_private = false;
  bool remote = false;
  Additions additions;

  const Parameter* parameter(std::string_view name) const;
};

/// `metadata` is what could be read, complete where `errors` is empty.
struct ParsedMetadata {
  Metadata metadata;
  std::vector<Problem> errors;
  std::vector<Problem> warnings;
};

/// Reads foreign bytes. `file` is only named in problems.
ParsedMetadata parse_metadata(std::string_view file, std::string_view text);

/// A problem at one value of a metadata file that parse_metadata() has read: `path` are its
/// members' names and list positions, {"implementations", "0", "name"}; the nearest
/// enclosing value where there is no such one.
Problem problem_at(std::string_view file, std::string_view text, std::span<const std::string> path,
                   std::string message);

/// The same where problems are one failure: kInvalid with every error's text, a line each.
core::Result<Metadata> read_metadata(std::string_view file, std::string_view text);

}  // namespace muster::methods
