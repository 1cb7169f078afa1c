// SPDX-License-Identifier: Apache-2.0
#include "store/database.h"

#include <stdlib.h>

#include <cerrno>
#include <cstdlib>

#include "store/detail/engine.h"
#include "store/detail/postgres_session.h"
#include "store/detail/sqlite_connection.h"

namespace muster::store {
namespace {

core::Result<std::filesystem::path> temporary_file() {
  auto folder = (std::filesystem::temp_directory_path() / "muster-store-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return core::fail_errno(errno, "making " + folder);
  return std::filesystem::path(folder) / "temporary.db";
}

}  // namespace

Database::Database(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
Database::~Database() = default;

core::Result<std::unique_ptr<Database>> Database::open(Options options) {
  std::unique_ptr<detail::Backend> backend;
  if (options.url.empty())
    backend =
        std::make_unique<detail::SqliteBackend>(options.path, options.checked_bytes_max, false);
  else
    backend = std::make_unique<detail::PostgresBackend>(options.url, options.start_wait, false,
                                                        options.term, options.schema);
  auto engine = std::make_unique<Engine>(std::move(options), std::move(backend));
  MUSTER_TRY(engine->start());
  return std::unique_ptr<Database>(new Database(std::move(engine)));
}

core::Result<std::unique_ptr<Database>> Database::open_temporary(
    std::vector<MigrationSet> migrations) {
  Options options;
  options.migrations = std::move(migrations);
  std::unique_ptr<detail::Backend> backend;
  if (const char* url = std::getenv("MUSTER_TEST_DATABASE"); url != nullptr) {
    backend = std::make_unique<detail::PostgresBackend>(url, options.start_wait, true);
  } else {
    MUSTER_ASSIGN(const auto file, temporary_file());
    backend = std::make_unique<detail::SqliteBackend>(file, options.checked_bytes_max, true);
  }
  auto engine = std::make_unique<Engine>(std::move(options), std::move(backend));
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

void Database::fence() {
  engine_->fence();
}

Stats Database::stats() const {
  return engine_->stats();
}

}  // namespace muster::store
