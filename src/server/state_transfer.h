// SPDX-License-Identifier: Apache-2.0
//
// A region's state as a whole: moved to PostgreSQL, backed up, restored.
//
// A backup is one SQLite file: the region's tables as they are, the files of the state folder
// in blocks, and the sums of both, which a restore checks. Which database a backup came from
// does not matter to where it is restored.
//
// Blocking: for commands, not for a server's loop.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "server/config.h"
#include "store/tables.h"

namespace muster::server {

struct Transferred {
  std::vector<store::TableSum> tables;
  std::size_t files = 0;
  std::uint64_t file_bytes = 0;

  std::int64_t rows() const;
};

/// From the state folder's file to an empty PostgreSQL database, all or nothing; the file stays
/// as region.db.moved. kConflict where a server is running or the database is not empty.
core::Result<Transferred> move_state(const ServerConfig& config, const std::string& to,
                                     const std::string& by, const store::TableProgress& progress);

/// Into a new file, also while the server runs. kExists where there is one of this name.
core::Result<Transferred> back_up_state(const ServerConfig& config,
                                        const std::filesystem::path& file,
                                        const store::TableProgress& progress);

/// Into a state folder that does not exist yet (and an empty database, where `config` names
/// one), all or nothing. kCorrupt where the backup is damaged.
core::Result<Transferred> restore_state(const ServerConfig& config,
                                        const std::filesystem::path& file, const std::string& by,
                                        const store::TableProgress& progress);

}  // namespace muster::server
