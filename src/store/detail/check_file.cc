// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <system_error>

#include "store/detail/sqlite_connection.h"

namespace muster::store::detail {
namespace {
constexpr std::int64_t kApplicationId = 0x4d555354;  // "MUST"
}

core::Status check_file(SqliteConnection& connection, const std::filesystem::path& path,
                        std::uint64_t checked_bytes_max) {
  MUSTER_ASSIGN(const auto id, connection.integer("PRAGMA application_id"));
  MUSTER_ASSIGN(const auto tables, connection.integer("SELECT count(*) FROM sqlite_master"));
  if (id == 0 && tables == 0) {
    return connection.script("PRAGMA application_id=" + std::to_string(kApplicationId) + ";");
  }
  if (id != kApplicationId) {
    return core::fail(core::Code::kConflict,
                      "the file " + path.string() +
                          " is a database of another program; move it away or choose another "
                          "state folder");
  }
  std::error_code ignored;
  const auto size = std::filesystem::file_size(path, ignored);
  if (ignored || size > checked_bytes_max) return {};
  std::string wrong;
  MUSTER_TRY(connection.query("PRAGMA quick_check(1)", {},
                              [&](const Row& row) { wrong = row.string(0); }));
  if (wrong != "ok") {
    return core::fail(core::Code::kCorrupt, damaged_message(path.string(), wrong));
  }
  return {};
}

}  // namespace muster::store::detail
