// SPDX-License-Identifier: Apache-2.0
#include "store/database.h"

#include <stdlib.h>

#include <cerrno>

#include "store/detail/engine.h"

namespace muster::store {

Database::Database(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
Database::~Database() = default;

core::Result<std::unique_ptr<Database>> Database::open(Options options) {
  auto engine = std::make_unique<Engine>(std::move(options), false);
  MUSTER_TRY(engine->start());
  return std::unique_ptr<Database>(new Database(std::move(engine)));
}

core::Result<std::unique_ptr<Database>> Database::open_temporary(
    std::vector<MigrationSet> migrations) {
  auto folder = (std::filesystem::temp_directory_path() / "muster-store-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return core::fail_errno(errno, "making " + folder);
  Options options;
  options.path = std::filesystem::path(folder) / "temporary.db";
  options.migrations = std::move(migrations);
  auto engine = std::make_unique<Engine>(std::move(options), true);
  MUSTER_TRY(engine->start());
  return std::unique_ptr<Database>(new Database(std::move(engine)));
}

void Database::submit(Side side, Job job) {
  engine_->submit(side, std::move(job));
}

void Database::write_then(runtime::Loop& loop, Work work, Done done) {
  submit(Side::kWrite, Job{std::move(work), std::move(done), runtime::tracked(loop.executor())});
}

void Database::stop() {
  engine_->stop();
}

Stats Database::stats() const {
  return engine_->stats();
}

}  // namespace muster::store
