// SPDX-License-Identifier: Apache-2.0
//
// Recorder keeps series of runs (jobs/recordings.h) and makes archives of them: everything
// that is needed to order the same again, and what was answered then.
//
// Lives on the server's loop.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <string>
#include <vector>

#include "access/types.h"
#include "jobs/recordings.h"
#include "jobs/types.h"
#include "store/database.h"

namespace muster::server {

class Region;

class Recorder {
 public:
  explicit Recorder(store::Database& database) : database_(database) {}
  /// Which recordings are open. Blocking; once, first.
  core::Status restore();

  runtime::Task<core::Result<jobs::Recording>> create(access::Principal by,
                                                      jobs::Recording recording,
                                                      std::vector<core::RunId> runs);
  runtime::Task<core::Result<jobs::Recording>> find(std::string name);
  runtime::Task<core::Result<std::vector<jobs::Recording>>> list();
  runtime::Task<core::Status> add(access::Principal by, std::string name,
                                  std::vector<core::RunId> runs);
  runtime::Task<core::Status> set_open(access::Principal by, jobs::Recording recording, bool open);
  runtime::Task<core::Status> remove(access::Principal by, std::string name);

  /// A run was ordered: it goes into its author's open recording, if there is one.
  runtime::Task<core::Status> ordered(std::string author, core::RunId run);

  /// `muster-recording-1` (docs/formats/recording.md). kConflict where a run has not ended.
  runtime::Task<core::Result<boost::json::object>> archive(Region& region,
                                                           jobs::Recording recording);
  runtime::Task<core::Result<boost::json::object>> archive(Region& region,
                                                           jobs::Recording recording,
                                                           std::vector<core::RunId> runs);

 private:
  store::Database& database_;
  std::map<std::string, std::string> open_;  // by author
};

}  // namespace muster::server
