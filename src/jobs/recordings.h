// SPDX-License-Identifier: Apache-2.0
//
// Recordings: named series of runs that are kept for being repeated. A recorded run is
// not removed by retention. Each function runs inside Database::write or ::read.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "store/connection.h"

namespace muster::jobs {

inline constexpr std::size_t kRecordingsMax = 1000;
inline constexpr std::size_t kRecordedRunsMax = 1000;  ///< of one recording
inline constexpr std::size_t kRecordingNameBytesMax = 64;

struct Recording {
  std::string name;
  std::string description;
  std::string created_by;
  core::WallTime created_at;
  bool open = false;  ///< what its author orders is added, until it is closed
  std::uint64_t runs = 0;
};

class Recordings {
 public:
  /// Letters, digits, `.`, `_` and `-`, beginning with a letter or digit. kInvalid.
  static core::Status check_name(std::string_view name);

  /// kExists; kConflict where it is open and its author has another open one; kLimit.
  static core::Status create(store::Connection& connection, const Recording& recording);
  /// By name.
  static core::Result<std::vector<Recording>> list(store::Connection& connection);
  /// kNotFound.
  static core::Result<Recording> find(store::Connection& connection, std::string_view name);
  static core::Result<std::vector<core::RunId>> runs(store::Connection& connection,
                                                     std::string_view name);
  /// Appends those that are not in it yet. kNotFound for a run that is not stored; kLimit.
  static core::Status add(store::Connection& connection, std::string_view name,
                          std::span<const core::RunId> runs);
  /// kConflict where its author has another open one.
  static core::Status set_open(store::Connection& connection, const Recording& recording,
                               bool open);
  /// The open recording of this author, if there is one.
  static core::Result<std::optional<std::string>> open_of(store::Connection& connection,
                                                          std::string_view author);
  /// The runs stay, until they are too old. kNotFound.
  static core::Status remove(store::Connection& connection, std::string_view name);
};

}  // namespace muster::jobs
