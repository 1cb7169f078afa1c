// SPDX-License-Identifier: Apache-2.0
//
// The audit log of a host's management resource: a line of JSON an operation, in a file of its
// own. Old ones are kept by number, so that it never fills the disk.
//
// Blocking, but short: a line is appended, not synced. What cannot be noted is not done.
#pragma once

#include <boost/json.hpp>
#include <filesystem>

#include "core/result.h"
#include "runtime/descriptor.h"

namespace muster::manage {

class AuditFile {
 public:
  static constexpr std::uint64_t kFileBytesMax = 16 * 1024 * 1024;
  static constexpr int kOldFiles = 4;  ///< audit.log.1 (the youngest) to audit.log.4

  explicit AuditFile(std::filesystem::path file) : file_(std::move(file)) {}

  core::Status append(const boost::json::object& line);

 private:
  core::Status open();

  const std::filesystem::path file_;
  runtime::Descriptor descriptor_;
  std::uint64_t size_ = 0;
};

}  // namespace muster::manage
