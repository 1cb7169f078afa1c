// SPDX-License-Identifier: Apache-2.0
#include "jobs/recordings.h"

#include <algorithm>

#include "core/bytes.h"
#include "jobs/detail/rows.h"

namespace muster::jobs {
namespace {

using core::Code;
using core::fail;

Recording recording_from(const store::Row& row) {
  return {row.string(0),       row.string(1),
          row.string(2),       core::wall_from_unix_ms(row.integer(3)),
          row.integer(4) != 0, static_cast<std::uint64_t>(row.integer(5))};
}

#define MUSTER_RECORDING_COLUMNS                         \
  "name, description, created_by, created_at, is_open, " \
  "(SELECT COUNT(*) FROM jobs_recorded WHERE recording = name)"

core::Status check_only_open(store::Connection& connection, const Recording& recording) {
  MUSTER_ASSIGN(const auto other, Recordings::open_of(connection, recording.created_by));
  if (!other || *other == recording.name) return {};
  return fail(Code::kConflict, "the recording '" + *other + "' is open: close it first");
}

}  // namespace

core::Status Recordings::check_name(std::string_view name) {
  const auto usual = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool good = !name.empty() && name.size() <= kRecordingNameBytesMax && usual(name.front()) &&
                    std::ranges::all_of(
                        name, [&](char c) { return usual(c) || c == '.' || c == '_' || c == '-'; });
  if (good) return {};
  return fail(Code::kInvalid, "'" + core::printable(name, 100) +
                                  "' cannot name a recording: expected up to 64 letters, digits, "
                                  "'.', '_' and '-', beginning with a letter or a digit");
}

core::Status Recordings::create(store::Connection& connection, const Recording& recording) {
  MUSTER_TRY(check_name(recording.name));
  MUSTER_ASSIGN(const auto all, connection.integer("SELECT COUNT(*) FROM jobs_recordings"));
  if (static_cast<std::size_t>(all) >= kRecordingsMax)
    return fail(Code::kLimit,
                "there are " + std::to_string(all) + " recordings already: remove some first");
  if (recording.open) MUSTER_TRY(check_only_open(connection, recording));
  const auto added = connection.execute(
      "INSERT INTO jobs_recordings (name, description, created_by, created_at, is_open) "
      "VALUES (?, ?, ?, ?, ?)",
      {recording.name, recording.description, recording.created_by,
       core::unix_ms(recording.created_at), static_cast<int>(recording.open)});
  if (!added && added.error().code == Code::kExists)
    return fail(Code::kExists, "there is a recording '" + recording.name + "' already");
  MUSTER_TRY(added);
  return {};
}

core::Result<std::vector<Recording>> Recordings::list(store::Connection& connection) {
  std::vector<Recording> all;
  MUSTER_TRY(
      connection.query("SELECT " MUSTER_RECORDING_COLUMNS " FROM jobs_recordings ORDER BY name", {},
                       [&](const store::Row& row) { all.push_back(recording_from(row)); }));
  return all;
}

core::Result<Recording> Recordings::find(store::Connection& connection, std::string_view name) {
  std::optional<Recording> found;
  MUSTER_TRY(connection.query("SELECT " MUSTER_RECORDING_COLUMNS
                              " FROM jobs_recordings WHERE name = ?",
                              {name}, [&](const store::Row& row) { found = recording_from(row); }));
  if (found) return *std::move(found);
  return fail(Code::kNotFound, "there is no recording '" + core::printable(name, 100) + "'");
}

core::Result<std::vector<core::RunId>> Recordings::runs(store::Connection& connection,
                                                        std::string_view name) {
  std::vector<core::RunId> runs;
  MUSTER_TRY(connection.query(
      "SELECT run FROM jobs_recorded WHERE recording = ? ORDER BY position", {name},
      [&](const store::Row& row) { runs.push_back(detail::run_of(row.integer(0))); }));
  return runs;
}

core::Status Recordings::add(store::Connection& connection, std::string_view name,
                             std::span<const core::RunId> runs) {
  MUSTER_ASSIGN(const Recording recording, find(connection, name));
  auto position = static_cast<std::int64_t>(recording.runs);
  for (const core::RunId run : runs) {
    MUSTER_ASSIGN(
        const auto stored,
        connection.integer("SELECT COUNT(*) FROM jobs_runs WHERE run = ?", {detail::key(run)}));
    if (stored == 0) return fail(Code::kNotFound, "there is no run " + run.str());
    MUSTER_ASSIGN(const auto added,
                  connection.execute("INSERT INTO jobs_recorded (recording, position, run) "
                                     "VALUES (?, ?, ?) ON CONFLICT (recording, run) DO NOTHING",
                                     {name, position, detail::key(run)}));
    position += added;
  }
  if (static_cast<std::size_t>(position) > kRecordedRunsMax)
    return fail(Code::kLimit,
                "a recording holds at most " + std::to_string(kRecordedRunsMax) + " runs");
  return {};
}

core::Status Recordings::set_open(store::Connection& connection, const Recording& recording,
                                  bool open) {
  if (open) MUSTER_TRY(check_only_open(connection, recording));
  MUSTER_TRY(connection.execute("UPDATE jobs_recordings SET is_open = ? WHERE name = ?",
                                {static_cast<int>(open), recording.name}));
  return {};
}

core::Result<std::optional<std::string>> Recordings::open_of(store::Connection& connection,
                                                             std::string_view author) {
  return connection.first("SELECT name FROM jobs_recordings WHERE created_by = ? AND is_open = 1",
                          {author}, [](const store::Row& row) { return row.string(0); });
}

core::Status Recordings::remove(store::Connection& connection, std::string_view name) {
  MUSTER_ASSIGN(const Recording recording, find(connection, name));
  for (const char* sql : {"DELETE FROM jobs_recorded WHERE recording = ?",
                          "DELETE FROM jobs_recordings WHERE name = ?"})
    MUSTER_TRY(connection.execute(sql, {recording.name}));
  return {};
}

}  // namespace muster::jobs
