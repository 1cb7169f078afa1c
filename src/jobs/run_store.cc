// SPDX-License-Identifier: Apache-2.0
//
// What is written: migrations, batches, retention. Reads: run_store_reads.cc.
#include "jobs/run_store.h"

#include <charconv>

#include "core/bytes.h"
#include "jobs/detail/rows.h"
#include "jobs/detail/slot_index.h"

namespace muster::jobs {
namespace {

using store::Blob;

constexpr store::Migration kMigrations[] = {{1, R"(
CREATE TABLE jobs_runs (
  run INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  invoke BLOB NOT NULL,
  shell TEXT NOT NULL,
  selector TEXT NOT NULL,
  description TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  queue_until BIGINT,
  cancelled_by TEXT NOT NULL DEFAULT '',
  cancel_reason TEXT NOT NULL DEFAULT '',
  finished_at BIGINT,
  counts TEXT NOT NULL DEFAULT '',
  output_bytes BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX jobs_runs_open ON jobs_runs (run) WHERE finished_at IS NULL;
CREATE TABLE jobs_targets (
  run BIGINT NOT NULL,
  slot INTEGER NOT NULL,
  state INTEGER NOT NULL,
  endpoint BLOB NOT NULL,
  instance BIGINT NOT NULL,
  digest BLOB,
  exit_code INTEGER NOT NULL DEFAULT 0,
  signal INTEGER NOT NULL DEFAULT 0,
  apart INTEGER NOT NULL DEFAULT 0,
  started_at BIGINT,
  finished_at BIGINT,
  duration_ms BIGINT NOT NULL DEFAULT 0,
  out_bytes BIGINT NOT NULL DEFAULT 0,
  err_bytes BIGINT NOT NULL DEFAULT 0,
  out_cut BIGINT NOT NULL DEFAULT 0,
  err_cut BIGINT NOT NULL DEFAULT 0,
  reason TEXT,
  out BLOB,
  err BLOB,
  PRIMARY KEY (run, slot)
) WITHOUT ROWID;
CREATE TABLE jobs_output (
  run BIGINT NOT NULL,
  slot INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  block INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (run, slot, stream, block)
);
CREATE TABLE jobs_idempotency (
  created_by TEXT NOT NULL,
  name TEXT NOT NULL,
  run BIGINT NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY (created_by, name)
);
CREATE INDEX jobs_idempotency_run ON jobs_idempotency (run);
)"},
                                            {2, R"(
CREATE INDEX jobs_runs_created_by ON jobs_runs (created_by, run);
CREATE TABLE jobs_slots (
  run BIGINT NOT NULL,
  first BLOB NOT NULL,
  entries BLOB NOT NULL,
  PRIMARY KEY (run, first)
) WITHOUT ROWID;
)"},
                                            {3, R"(
ALTER TABLE jobs_runs ADD COLUMN method TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs_runs ADD COLUMN method_version TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs_runs ADD COLUMN method_arguments TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs_runs ADD COLUMN has_secrets INTEGER NOT NULL DEFAULT 0;
)"},
                                            {4, R"(
CREATE TABLE jobs_recordings (
  name TEXT NOT NULL PRIMARY KEY,
  description TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  is_open INTEGER NOT NULL
);
CREATE TABLE jobs_recorded (
  recording TEXT NOT NULL,
  position INTEGER NOT NULL,
  run BIGINT NOT NULL,
  PRIMARY KEY (recording, position),
  UNIQUE (recording, run)
);
CREATE INDEX jobs_recorded_run ON jobs_recorded (run);
CREATE TABLE jobs_retention (
  one INTEGER NOT NULL PRIMARY KEY,
  age_max_s BIGINT NOT NULL,
  bytes_max BIGINT NOT NULL,
  runs_max BIGINT NOT NULL
);
)"},
                                            {5, R"(
ALTER TABLE jobs_runs ADD COLUMN idempotent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs_runs ADD COLUMN rollout TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs_runs ADD COLUMN progress TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs_targets ADD COLUMN restarts INTEGER NOT NULL DEFAULT 0;
)"},
                                            {6, R"(
CREATE TABLE jobs_chains (
  run BIGINT NOT NULL PRIMARY KEY,
  root BIGINT NOT NULL,
  parent BIGINT NOT NULL,
  chain TEXT NOT NULL
);
CREATE INDEX jobs_chains_root ON jobs_chains (root, run);
CREATE INDEX jobs_chains_parent ON jobs_chains (parent, run);
)"}};

/// Runs that one call of retain() removes, and their targets together: this bounds
/// the transaction.
constexpr int kRemovedRunsMax = 20;

/// Equal answers have equal digests. Every field is preceded by its length.
std::string digest_of(const Target& target, std::string_view output_digest) {
  std::string text;
  text.reserve(64 + target.reason.size() + target.out.size() + target.err.size());
  const auto number = [&](std::int64_t value) { text += std::to_string(value) + ';'; };
  const auto bytes = [&](std::string_view value) {
    number(static_cast<std::int64_t>(value.size()));
    text += value;
  };
  number(static_cast<int>(target.state));
  number(target.exit_code);
  number(target.signal);
  number(static_cast<std::int64_t>(target.out_bytes_cut));
  number(static_cast<std::int64_t>(target.err_bytes_cut));
  bytes(target.reason);
  bytes(output_digest);
  bytes(target.out);
  bytes(target.err);
  return core::sha256(text).substr(0, 16);
}

/// The digests of a batch's answers. To one order most hosts answer alike, one after the
/// other: then the last digest is theirs too, and nothing is hashed.
class AnswerDigests {
 public:
  /// REQUIRES: `row` lives as long as this.
  const std::string& of(const TargetRow& row) {
    if (last_ == nullptr || !alike(*last_, row)) digest_ = digest_of(row.target, row.output_digest);
    last_ = &row;
    return digest_;
  }

 private:
  static bool alike(const TargetRow& a, const TargetRow& b) {  // in all that digest_of() reads
    const Target &x = a.target, &y = b.target;
    return x.state == y.state && x.exit_code == y.exit_code && x.signal == y.signal &&
           x.out_bytes_cut == y.out_bytes_cut && x.err_bytes_cut == y.err_bytes_cut &&
           x.reason == y.reason && a.output_digest == b.output_digest && x.out == y.out &&
           x.err == y.err;
  }

  const TargetRow* last_ = nullptr;
  std::string digest_;
};

/// Its place in its tree; `parent` is 0 for the first run.
core::Status insert_chain(store::Connection& connection, core::RunId run, const Chain& chain) {
  const core::RunId root = chain.is_child() ? chain.above.front().run : run;
  const core::RunId parent = chain.is_child() ? chain.parent().run : core::RunId();
  MUSTER_TRY(connection.enqueue(
      "INSERT INTO jobs_chains (run, root, parent, chain) VALUES (?, ?, ?, ?)",
      {detail::key(run), detail::key(root), detail::key(parent), stored_text(chain)}));
  return {};
}

core::Status insert_run(store::Connection& connection, const NewRun& added) {
  const Run& run = added.run;
  MUSTER_TRY(connection.execute(
      "INSERT INTO jobs_runs (run, kind, invoke, shell, selector, description, created_by, "
      "created_at, queue_until, method, method_version, method_arguments, has_secrets, "
      "idempotent, rollout, progress) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {detail::key(run.id), static_cast<int>(run.kind), Blob{run.invoke.SerializeAsString()},
       run.shell, run.selector, run.description, run.created_by, core::unix_ms(run.created_at),
       detail::maybe_ms(run.queue_until), run.method.name, run.method.version, run.method.arguments,
       static_cast<int>(run.method.has_secrets), static_cast<int>(run.idempotent),
       run.rollout ? stored_text(*run.rollout) : std::string(),
       run.progress.empty() ? std::string() : stored_text(run.progress)}));
  if (run.chain) MUSTER_TRY(insert_chain(connection, run.id, *run.chain));
  if (!added.idempotency_key.empty())
    MUSTER_TRY(connection.enqueue(
        "INSERT INTO jobs_idempotency (created_by, name, run, digest) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        {run.created_by, added.idempotency_key, detail::key(run.id),
         Blob{added.idempotency_digest}}));
  Target offline;
  offline.state = TargetState::kUnreachable;
  offline.reason = kOfflineReason;
  const std::string offline_digest = digest_of(offline, {});
  std::int64_t slot = 0;
  for (const NewRun::Row& row : added.targets) {
    if (is_final(row.state))
      MUSTER_TRY(connection.enqueue(
          "INSERT INTO jobs_targets (run, slot, state, endpoint, instance, digest, finished_at, "
          "reason) VALUES (?, ?, ?, ?, 0, ?, ?, ?)",
          {detail::key(run.id), slot++, static_cast<int>(row.state), Blob{row.endpoint.bytes()},
           Blob{offline_digest}, core::unix_ms(run.created_at), offline.reason}));
    else
      MUSTER_TRY(connection.enqueue(
          "INSERT INTO jobs_targets (run, slot, state, endpoint, instance) "
          "VALUES (?, ?, ?, ?, ?)",
          {detail::key(run.id), slot++, static_cast<int>(row.state), Blob{row.endpoint.bytes()},
           static_cast<std::int64_t>(row.instance)}));
  }
  return detail::write_slots(connection, run.id, added.targets);
}

core::Status update_row(store::Connection& connection, const TargetRow& row,
                        AnswerDigests& digests) {
  const Target& target = row.target;
  const auto instance = static_cast<std::int64_t>(row.instance);
  // The guard is a second lock on a closed door: a final state never changes.
  if (!is_final(target.state)) {
    MUSTER_TRY(connection.enqueue(
        "UPDATE jobs_targets SET state = ?, instance = ?, started_at = ?, "
        "restarts = ? WHERE run = ? AND slot = ? AND state < 3",
        {static_cast<int>(target.state), instance, detail::maybe_ms(target.started_at),
         static_cast<int>(row.restarts), detail::key(row.run), row.slot}));
    return {};
  }
  const std::string& digest = digests.of(row);
  const auto optional = [](std::string_view bytes) {
    return bytes.empty() ? store::Param(nullptr) : store::Param(Blob{bytes});
  };
  MUSTER_TRY(connection.enqueue(
      "UPDATE jobs_targets SET state = ?, instance = ?, digest = ?, exit_code = ?, signal = ?, "
      "apart = ?, started_at = ?, finished_at = ?, duration_ms = ?, out_bytes = ?, err_bytes = ?, "
      "out_cut = ?, err_cut = ?, reason = ?, out = ?, err = ? "
      "WHERE run = ? AND slot = ? AND state < 3",
      {static_cast<int>(target.state), instance, Blob{digest}, target.exit_code, target.signal,
       static_cast<int>(target.is_stored_apart), detail::maybe_ms(target.started_at),
       detail::maybe_ms(target.finished_at), target.duration_ms, target.out_bytes, target.err_bytes,
       target.out_bytes_cut, target.err_bytes_cut,
       target.reason.empty() ? store::Param(nullptr) : store::Param(target.reason),
       optional(target.out), optional(target.err), detail::key(row.run), row.slot}));
  return {};
}

/// What a finished run's endpoints got, as people may see it.
core::Status forget_arguments(store::Connection& connection, core::RunId run) {
  wire::Invoke invoke;
  std::string shown;
  MUSTER_TRY(connection.query("SELECT invoke, method_arguments FROM jobs_runs WHERE run = ?",
                              {detail::key(run)}, [&](const store::Row& row) {
                                const auto bytes = row.blob(0);
                                invoke.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
                                shown = row.string(1);
                              }));
  invoke.mutable_method()->set_arguments(shown);
  MUSTER_TRY(connection.enqueue("UPDATE jobs_runs SET invoke = ? WHERE run = ?",
                                {Blob{invoke.SerializeAsString()}, detail::key(run)}));
  return {};
}

core::Status end_run(store::Connection& connection, const RunEnd& end) {
  std::string counts;
  for (const auto count : end.counts.of) counts += std::to_string(count) + ' ';
  MUSTER_TRY(connection.enqueue(
      "UPDATE jobs_runs SET finished_at = ?, counts = ?, output_bytes = "
      "(SELECT COALESCE(SUM(out_bytes + err_bytes), 0) FROM jobs_targets WHERE run = ?) "
      "WHERE run = ? AND finished_at IS NULL",
      {core::unix_ms(end.finished_at), counts, detail::key(end.run), detail::key(end.run)}));
  return end.forget_arguments ? forget_arguments(connection, end.run) : core::Status();
}

}  // namespace

store::MigrationSet run_migrations() {
  return {"jobs", kMigrations};
}

core::Status RunStore::apply(store::Connection& connection, const Batch& batch) {
  for (const NewRun& run : batch.runs) MUSTER_TRY(insert_run(connection, run));
  AnswerDigests digests;
  for (const TargetRow& row : batch.rows)
    if (row.run) MUSTER_TRY(update_row(connection, row, digests));
  for (const RunCancel& cancel : batch.cancels)
    MUSTER_TRY(
        connection.enqueue("UPDATE jobs_runs SET cancelled_by = ?, cancel_reason = ? WHERE run = ?",
                           {cancel.by, cancel.reason, detail::key(cancel.run)}));
  for (const RunStep& step : batch.steps)
    MUSTER_TRY(connection.enqueue("UPDATE jobs_runs SET progress = ? WHERE run = ?",
                                  {stored_text(step.progress), detail::key(step.run)}));
  for (const RunEnd& end : batch.ends) MUSTER_TRY(end_run(connection, end));
  return {};
}

core::Result<std::optional<Retention>> RunStore::retention(store::Connection& connection) {
  return connection.first("SELECT age_max_s, bytes_max, runs_max FROM jobs_retention", {},
                          [](const store::Row& row) {
                            return Retention{std::chrono::seconds(row.integer(0)),
                                             static_cast<std::uint64_t>(row.integer(1)),
                                             static_cast<std::uint64_t>(row.integer(2))};
                          });
}

core::Status RunStore::set_retention(store::Connection& connection, const Retention& retention) {
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(retention.age_max).count();
  MUSTER_TRY(connection.execute(
      "INSERT INTO jobs_retention (one, age_max_s, bytes_max, runs_max) VALUES (1, ?, ?, ?) "
      "ON CONFLICT (one) DO UPDATE SET age_max_s = excluded.age_max_s, "
      "bytes_max = excluded.bytes_max, runs_max = excluded.runs_max",
      {age, static_cast<std::int64_t>(retention.bytes_max),
       static_cast<std::int64_t>(retention.runs_max)}));
  return {};
}

core::Result<Kept> RunStore::kept(store::Connection& connection) {
  Kept kept;
  MUSTER_TRY(
      connection.query("SELECT COUNT(*), CAST(COALESCE(SUM(output_bytes), 0) AS BIGINT), "
                       "(SELECT COUNT(DISTINCT run) FROM jobs_recorded) FROM jobs_runs WHERE "
                       "finished_at IS NOT NULL",
                       {}, [&](const store::Row& row) {
                         kept.runs = static_cast<std::uint64_t>(row.integer(0));
                         kept.output_bytes = static_cast<std::uint64_t>(row.integer(1));
                         kept.recorded_runs = static_cast<std::uint64_t>(row.integer(2));
                       }));
  return kept;
}

core::Result<RetentionReport> RunStore::retain(store::Connection& connection,
                                               const Retention& retention, core::WallTime now) {
  RetentionReport report;
  MUSTER_ASSIGN(const Kept there, kept(connection));
  report.runs = there.runs;
  report.output_bytes = there.output_bytes;
  struct Old {
    std::int64_t run;
    core::WallTime finished_at;
    std::uint64_t bytes;
  };
  std::vector<Old> oldest;
  MUSTER_TRY(connection.query(
      "SELECT run, finished_at, output_bytes FROM jobs_runs WHERE finished_at IS NOT NULL "
      "AND run NOT IN (SELECT run FROM jobs_recorded) ORDER BY run LIMIT ?",
      {kRemovedRunsMax + 1}, [&](const store::Row& row) {
        oldest.push_back({row.integer(0), core::wall_from_unix_ms(row.integer(1)),
                          static_cast<std::uint64_t>(row.integer(2))});
      }));
  for (const Old& old : oldest) {
    const bool too_old =
        retention.age_max.count() != 0 && now - old.finished_at > retention.age_max;
    const bool too_many = retention.runs_max != 0 && report.runs > retention.runs_max;
    const bool too_large = retention.bytes_max != 0 && report.output_bytes > retention.bytes_max;
    if (!too_old && !too_many && !too_large) break;
    if (report.runs_removed == kRemovedRunsMax) {
      report.more = true;
      break;
    }
    for (const char* sql :
         {"DELETE FROM jobs_output WHERE run = ?", "DELETE FROM jobs_targets WHERE run = ?",
          "DELETE FROM jobs_slots WHERE run = ?", "DELETE FROM jobs_idempotency WHERE run = ?",
          "DELETE FROM jobs_chains WHERE run = ?", "DELETE FROM jobs_runs WHERE run = ?"})
      MUSTER_TRY(connection.enqueue(sql, {old.run}));
    ++report.runs_removed;
    --report.runs;
    report.output_bytes -= old.bytes;
  }
  return report;
}

}  // namespace muster::jobs
