// SPDX-License-Identifier: Apache-2.0
//
// ContentMirror keeps what is published in the database too, where several servers share one:
// the folder of each is then a cache, which may be lost with its machine (docs/adr/0018).
//
// An object is rows of 256 KiB, a few of them in one piece of work, and counts when its row of
// content_objects is there: so no object is whole in memory, and a small write waits for a
// megabyte at most. What comes back is hashed like everything that enters the cache.
//
// Lives on the server's loop; files are read and written on the workers.
#pragma once

#include <vector>

#include "content/cache.h"
#include "core/ids.h"
#include "runtime/task.h"
#include "runtime/worker_pool.h"
#include "store/database.h"
#include "store/migration.h"

namespace muster::server {

store::MigrationSet content_migrations();

class ContentMirror {
 public:
  static constexpr std::size_t kBlockBytes = 256 * 1024;
  static constexpr std::size_t kBlocksAtOnce = 4;

  /// `shared`: objects are kept in the database. Otherwise it is only read, as after a backup
  /// of a shared region was restored to a file.
  ContentMirror(store::Database& database, runtime::WorkerPool& workers, content::Cache& cache,
                bool shared)
      : database_(database), workers_(workers), cache_(cache), shared_(shared) {}

  /// Which of these are not kept: they have to be sent (again).
  runtime::Task<core::Result<std::vector<core::ContentId>>> missing(
      std::vector<core::ContentId> wanted);
  /// What is in the cache is in the database as well when it returns.
  runtime::Task<core::Status> keep(core::ContentId id);
  /// From the database into the cache. kNotFound: it is not there either.
  runtime::Task<core::Result<content::ObjectPtr>> fetch(core::ContentId id);
  /// Within the work that publishes what needs them: they are kept still. kConflict.
  core::Status check(store::Connection& connection,
                     const std::vector<core::ContentId>& wanted) const;
  /// Within the work that removes the last method that needs them.
  static core::Status remove(store::Connection& connection,
                             const std::vector<core::ContentId>& gone);
  /// What was published before the database was shared. Once, after the start.
  runtime::Task<void> keep_all();

 private:
  runtime::Task<core::Result<bool>> has(core::ContentId id);

  store::Database& database_;
  runtime::WorkerPool& workers_;
  content::Cache& cache_;
  const bool shared_;
};

}  // namespace muster::server
