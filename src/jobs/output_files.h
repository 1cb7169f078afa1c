// SPDX-License-Identifier: Apache-2.0
//
// OutputFiles keeps large output beside the database: a file for each target and stream, in a
// folder for each run. Written once and removed with its run, so nothing counts references,
// and neither the database's journal nor its backup carries the bytes (docs/adr/0018).
//
//   results/RUN/SLOT.out  results/RUN/SLOT.err
//
// Every call blocks as long as the disk does. store() belongs to one thread; the others may
// be called on any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "jobs/batch.h"

namespace muster::jobs {

class OutputFiles {
 public:
  /// The folder is made with the first output, for its owner only.
  explicit OutputFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// What Sink::store was given. May be repeated after a failure. kUnavailable: the disk is
  /// full.
  core::Status store(const OutputBatch& output) const;

  /// The bytes [offset, offset + bytes) of a stream that is stored. kNotFound: there is no
  /// such file; kCorrupt: it has become shorter.
  core::Result<std::string> read(core::RunId run, std::uint32_t slot, wire::Stream stream,
                                 std::uint64_t offset, std::size_t bytes) const;

  /// The runs that have output here.
  std::vector<core::RunId> runs() const;
  void remove(core::RunId run) const;

 private:
  std::filesystem::path folder_of(core::RunId run) const { return folder_ / run.str(); }
  std::filesystem::path file_of(core::RunId run, std::uint32_t slot, wire::Stream stream) const;
  core::Status write(const OutputBlock& block) const;
  core::Status make_folder(core::RunId run) const;

  const std::filesystem::path folder_;
};

}  // namespace muster::jobs
