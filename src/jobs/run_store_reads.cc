// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "jobs/detail/rows.h"
#include "jobs/detail/slot_index.h"
#include "jobs/run_store.h"

namespace muster::jobs {
namespace {

using store::Blob;

core::EndpointId endpoint_of(std::string_view bytes) {
  return core::EndpointId::from_bytes(bytes).value_or(core::EndpointId());
}

#define MUSTER_RUN_COLUMNS                                                                 \
  "run, kind, invoke, shell, selector, description, created_by, created_at, "              \
  "queue_until, cancelled_by, cancel_reason, finished_at, counts, "                        \
  "method, method_version, method_arguments, has_secrets, idempotent, rollout, progress, " \
  "(SELECT chain FROM jobs_chains WHERE jobs_chains.run = jobs_runs.run)"

Run run_from(const store::Row& row) {
  Run run;
  run.id = detail::run_of(row.integer(0));
  run.kind = static_cast<RunKind>(row.integer(1));
  const auto invoke = row.blob(2);
  run.invoke.ParseFromArray(invoke.data(), static_cast<int>(invoke.size()));
  run.shell = row.string(3);
  run.selector = row.string(4);
  run.description = row.string(5);
  run.created_by = row.string(6);
  run.created_at = core::wall_from_unix_ms(row.integer(7));
  run.queue_until = detail::maybe_time(row.maybe_integer(8));
  run.cancelled_by = row.string(9);
  run.cancel_reason = row.string(10);
  run.finished_at = detail::maybe_time(row.maybe_integer(11));
  run.idempotent = row.integer(17) != 0;
  // What cannot be read any more is shown as if it were not there.
  if (const auto text = row.text(18); !text.empty())
    if (auto rollout = rollout_from(text))
      run.rollout = std::make_shared<const Rollout>(std::move(*rollout));
  if (const auto text = row.text(19); !text.empty())
    run.progress = progress_from(text).value_or(Progress());
  if (const auto text = row.text(20); !text.empty())
    if (auto chain = chain_from(text)) run.chain = std::make_shared<const Chain>(std::move(*chain));
  const std::string_view counts = row.text(12);
  const char* at = counts.data();
  const char* const end = at + counts.size();
  for (auto& count : run.counts.of) {
    at = std::from_chars(at, end, count).ptr;
    if (at != end) ++at;
  }
  run.method = {row.string(13), row.string(14), row.string(15), row.integer(16) != 0};
  return run;
}

/// The counts of a run that is not finished are not stored with it.
core::Status count_targets(store::Connection& connection, Run& run) {
  if (run.finished()) return {};
  return connection.query("SELECT state, COUNT(*) FROM jobs_targets WHERE run = ? GROUP BY state",
                          {detail::key(run.id)}, [&](const store::Row& row) {
                            const auto state = static_cast<std::size_t>(row.integer(0));
                            if (state < kTargetStates)
                              run.counts.of[state] = static_cast<std::uint32_t>(row.integer(1));
                          });
}

#define MUSTER_TARGET_COLUMNS                                                  \
  "slot, endpoint, state, exit_code, signal, apart, started_at, finished_at, " \
  "duration_ms, out_bytes, err_bytes, out_cut, err_cut, reason, out, err"

Target target_from(const store::Row& row) {
  Target target;
  target.endpoint = endpoint_of(row.blob(1));
  target.state = static_cast<TargetState>(row.integer(2));
  target.exit_code = static_cast<std::int32_t>(row.integer(3));
  target.signal = static_cast<std::uint32_t>(row.integer(4));
  target.is_stored_apart = row.integer(5) != 0;
  target.started_at = detail::maybe_time(row.maybe_integer(6));
  target.finished_at = detail::maybe_time(row.maybe_integer(7));
  target.duration_ms = static_cast<std::uint32_t>(row.integer(8));
  target.out_bytes = static_cast<std::uint64_t>(row.integer(9));
  target.err_bytes = static_cast<std::uint64_t>(row.integer(10));
  target.out_bytes_cut = static_cast<std::uint64_t>(row.integer(11));
  target.err_bytes_cut = static_cast<std::uint64_t>(row.integer(12));
  target.reason = row.string(13);
  target.out = row.bytes(14);
  target.err = row.bytes(15);
  return target;
}

/// With its slot. kNotFound.
core::Result<std::pair<std::int64_t, Target>> find_target(store::Connection& connection,
                                                          core::RunId run,
                                                          const core::EndpointId& endpoint) {
  MUSTER_ASSIGN(const auto slot, detail::find_slot(connection, run, endpoint));
  if (slot) {
    MUSTER_ASSIGN(auto found, connection.first("SELECT " MUSTER_TARGET_COLUMNS
                                               " FROM jobs_targets WHERE run = ? AND slot = ?",
                                               {detail::key(run), *slot}, target_from));
    if (found) return std::pair(*slot, std::move(*found));
  }
  return core::fail(core::Code::kNotFound, endpoint.str() + " is not a target of run " + run.str());
}

/// Leaves the output out where the answer would grow too large.
bool fit(Target& target, std::size_t& bytes) {
  const std::size_t size = target.out.size() + target.err.size();
  if (bytes + size <= kListedOutputBytesMax) {
    bytes += size;
    return true;
  }
  target.out.clear();
  target.err.clear();
  return false;
}

}  // namespace

core::Result<std::vector<StoredRun>> RunStore::load_open(store::Connection& connection) {
  std::vector<StoredRun> runs;
  MUSTER_TRY(connection.query(
      "SELECT " MUSTER_RUN_COLUMNS " FROM jobs_runs WHERE finished_at IS NULL ORDER BY run", {},
      [&](const store::Row& row) { runs.push_back({run_from(row), {}}); }));
  for (StoredRun& run : runs)
    MUSTER_TRY(connection.query(
        "SELECT endpoint, state, instance, started_at, restarts FROM jobs_targets WHERE run = ? "
        "ORDER BY slot",
        {detail::key(run.run.id)}, [&](const store::Row& row) {
          run.targets.push_back({endpoint_of(row.blob(0)), static_cast<TargetState>(row.integer(1)),
                                 static_cast<std::uint64_t>(row.integer(2)),
                                 detail::maybe_time(row.maybe_integer(3)),
                                 static_cast<std::uint8_t>(row.integer(4))});
        }));
  return runs;
}

core::Result<RunPage> RunStore::runs(store::Connection& connection, std::size_t limit,
                                     std::optional<core::RunId> after,
                                     std::optional<std::string_view> created_by) {
  limit = std::clamp<std::size_t>(limit, 1, kPageMax);
  const std::int64_t before =
      after ? detail::key(*after) : std::numeric_limits<std::int64_t>::max();
  RunPage page;
  const auto add = [&](const store::Row& row) { page.runs.push_back(run_from(row)); };
  if (created_by)
    MUSTER_TRY(connection.query("SELECT " MUSTER_RUN_COLUMNS
                                " FROM jobs_runs WHERE created_by = ? AND run < ? "
                                "ORDER BY run DESC LIMIT ?",
                                {*created_by, before, limit + 1}, add));
  else
    MUSTER_TRY(connection.query("SELECT " MUSTER_RUN_COLUMNS
                                " FROM jobs_runs WHERE run < ? ORDER BY run DESC LIMIT ?",
                                {before, limit + 1}, add));
  if (page.runs.size() > limit) {
    page.runs.pop_back();
    page.next = page.runs.back().id;
  }
  for (Run& run : page.runs) MUSTER_TRY(count_targets(connection, run));
  return page;
}

core::Result<Run> RunStore::run(store::Connection& connection, core::RunId id) {
  MUSTER_ASSIGN(auto found,
                connection.first("SELECT " MUSTER_RUN_COLUMNS " FROM jobs_runs WHERE run = ?",
                                 {detail::key(id)}, run_from));
  if (!found) return core::fail(core::Code::kNotFound, "there is no run " + id.str());
  MUSTER_TRY(count_targets(connection, *found));
  return std::move(*found);
}

core::Result<std::vector<Run>> RunStore::tree(store::Connection& connection, core::RunId root) {
  std::vector<Run> runs;
  MUSTER_TRY(connection.query("SELECT " MUSTER_RUN_COLUMNS
                              " FROM jobs_runs WHERE run IN (SELECT run FROM jobs_chains WHERE "
                              "root = ?) ORDER BY run LIMIT ?",
                              {detail::key(root), kTreeRunsMax},
                              [&](const store::Row& row) { runs.push_back(run_from(row)); }));
  for (Run& run : runs) MUSTER_TRY(count_targets(connection, run));
  return runs;
}

core::Result<std::vector<RunStore::ChainRow>> RunStore::chain_rows(store::Connection& connection,
                                                                   core::RunId root) {
  std::vector<ChainRow> rows;
  MUSTER_TRY(connection.query(
      "SELECT c.run, c.chain, r.finished_at FROM jobs_chains c JOIN jobs_runs r ON r.run = c.run "
      "WHERE c.root = ? ORDER BY c.run",
      {detail::key(root)}, [&](const store::Row& row) {
        if (auto chain = chain_from(row.text(1)))
          rows.push_back({detail::run_of(row.integer(0)), std::move(*chain),
                          row.maybe_integer(2).has_value()});
      }));
  return rows;
}

core::Result<std::vector<core::RunId>> RunStore::children(store::Connection& connection,
                                                          core::RunId parent) {
  std::vector<core::RunId> runs;
  MUSTER_TRY(connection.query("SELECT run FROM jobs_chains WHERE parent = ? ORDER BY run LIMIT ?",
                              {detail::key(parent), kTreeRunsMax}, [&](const store::Row& row) {
                                runs.push_back(detail::run_of(row.integer(0)));
                              }));
  return runs;
}

core::Result<TargetPage> RunStore::targets(store::Connection& connection, core::RunId run,
                                           std::optional<TargetState> state, std::size_t limit,
                                           std::optional<std::uint32_t> after,
                                           std::string_view fold_digest) {
  limit = std::clamp<std::size_t>(limit, 1, kPageMax);
  const std::int64_t first = after ? static_cast<std::int64_t>(*after) + 1 : 0;
  TargetPage page;
  std::size_t bytes = 0;
  MUSTER_TRY(
      connection.query("SELECT " MUSTER_TARGET_COLUMNS
                       " FROM jobs_targets WHERE run = ? AND slot >= ? AND (? < 0 OR state = ?) "
                       "AND (? = 1 OR digest = ?) ORDER BY slot LIMIT ?",
                       {detail::key(run), first, state ? static_cast<int>(*state) : -1,
                        state ? static_cast<int>(*state) : -1,
                        static_cast<int>(fold_digest.empty()), Blob{fold_digest}, limit + 1},
                       [&](const store::Row& row) {
                         if (page.targets.size() == limit) {
                           page.next = page.targets.back().slot;
                           return false;
                         }
                         auto& item = page.targets.emplace_back();
                         item.slot = static_cast<std::uint32_t>(row.integer(0));
                         item.target = target_from(row);
                         item.output_left_out = !fit(item.target, bytes);
                         return true;
                       }));
  return page;
}

core::Result<Target> RunStore::target(store::Connection& connection, core::RunId run,
                                      const core::EndpointId& endpoint) {
  MUSTER_ASSIGN(auto found, find_target(connection, run, endpoint));
  return std::move(found.second);
}

core::Result<bool> RunStore::has_target(store::Connection& connection, core::RunId run,
                                        const core::EndpointId& endpoint) {
  MUSTER_ASSIGN(const auto slot, detail::find_slot(connection, run, endpoint));
  return slot.has_value();
}

core::Result<std::vector<Fold>> RunStore::folds(store::Connection& connection, core::RunId run) {
  struct Group {
    std::int64_t slot;  ///< of the first
    Fold fold;
  };
  std::vector<Group> groups;
  std::unordered_map<std::string, std::size_t> index;
  MUSTER_TRY(connection.query(
      "SELECT slot, endpoint, state, digest FROM jobs_targets WHERE run = ? ORDER BY slot",
      {detail::key(run)}, [&](const store::Row& row) {
        const std::string digest = row.bytes(3);
        const std::string group =
            digest.empty() ? std::string(1, static_cast<char>(row.integer(2))) : digest;
        const auto [found, is_new] = index.try_emplace(group, groups.size());
        if (is_new) {
          groups.push_back({row.integer(0), {}});
          groups.back().fold.digest = digest;
        }
        groups[found->second].fold.endpoints.push_back(endpoint_of(row.blob(1)));
      }));
  std::ranges::sort(groups, [](const Group& a, const Group& b) {
    const auto more = b.fold.endpoints.size() <=> a.fold.endpoints.size();
    return more != 0 ? more < 0 : a.slot < b.slot;
  });
  std::vector<Fold> folds;
  folds.reserve(groups.size());
  std::size_t bytes = 0;
  for (Group& group : groups) {
    MUSTER_ASSIGN(auto sample, connection.first("SELECT " MUSTER_TARGET_COLUMNS
                                                " FROM jobs_targets WHERE run = ? AND slot = ?",
                                                {detail::key(run), group.slot}, target_from));
    if (!sample) continue;
    group.fold.sample = std::move(*sample);
    group.fold.output_left_out = !fit(group.fold.sample, bytes);
    folds.push_back(std::move(group.fold));
  }
  return folds;
}

core::Result<std::vector<Counts>> RunStore::wave_counts(store::Connection& connection,
                                                        core::RunId run, const Rollout& rollout) {
  std::vector<Counts> waves(rollout.waves.size());
  std::size_t wave = 0;
  MUSTER_TRY(connection.query("SELECT slot, state FROM jobs_targets WHERE run = ? ORDER BY slot",
                              {detail::key(run)}, [&](const store::Row& row) {
                                while (wave + 1 < waves.size() &&
                                       row.integer(0) >= rollout.waves[wave].end)
                                  ++wave;
                                const auto state = static_cast<std::size_t>(row.integer(1));
                                if (state < kTargetStates) ++waves[wave].of[state];
                              }));
  return waves;
}

namespace {

/// Where several servers share the database: in blocks there.
core::Result<std::string> output_rows(store::Connection& connection, core::RunId run,
                                      std::uint32_t slot, wire::Stream stream, std::uint64_t offset,
                                      std::size_t size) {
  const std::uint64_t first = offset / kOutputBlockBytes;
  std::string bytes;
  MUSTER_TRY(connection.query(
      "SELECT data FROM jobs_output WHERE run = ? AND slot = ? AND stream = ? AND block >= ? "
      "AND block <= ? ORDER BY block",
      {detail::key(run), slot, static_cast<int>(stream), first,
       (offset + size - 1) / kOutputBlockBytes},
      [&](const store::Row& row) { bytes += row.blob(0); }));
  const auto skip = static_cast<std::size_t>(offset - first * kOutputBlockBytes);
  if (bytes.size() < skip + size) return core::fail(core::Code::kCorrupt, "this output is gone");
  return bytes.substr(skip, size);
}

}  // namespace

core::Status RunStore::keep_output(store::Connection& connection, const OutputBatch& output) {
  for (const OutputBlock& block : output.blocks)
    MUSTER_TRY(connection.enqueue(
        "INSERT INTO jobs_output(run, slot, stream, block, data) VALUES(?, ?, ?, ?, ?) ON "
        "CONFLICT(run, slot, stream, block) DO UPDATE SET data = excluded.data",
        {detail::key(block.run), block.slot, static_cast<int>(block.stream), block.block,
         store::Blob{block.data}}));
  return {};
}

core::Result<std::string> RunStore::output(store::Connection& connection, const OutputFiles& files,
                                           core::RunId run, const core::EndpointId& endpoint,
                                           wire::Stream stream, std::uint64_t offset,
                                           std::size_t bytes_max) {
  MUSTER_ASSIGN(const auto found, find_target(connection, run, endpoint));
  const auto& [slot, target] = found;
  const bool is_out = stream == wire::STREAM_STDOUT;
  if (!target.is_stored_apart) {
    const std::string& whole = is_out ? target.out : target.err;
    return offset >= whole.size() ? std::string() : whole.substr(offset, bytes_max);
  }
  const std::uint64_t total = is_out ? target.out_bytes : target.err_bytes;
  if (offset >= total) return std::string();
  const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes_max, total - offset));
  auto kept = files.read(run, slot, stream, offset, bytes);
  if (kept || kept.error().code != core::Code::kNotFound) return kept;
  return output_rows(connection, run, slot, stream, offset, bytes);
}

core::Result<std::optional<RunStore::Repeated>> RunStore::find_idempotent(
    store::Connection& connection, std::string_view created_by, std::string_view key) {
  return connection.first(
      "SELECT run, digest FROM jobs_idempotency WHERE created_by = ? AND name = ?",
      {created_by, key},
      [](const store::Row& row) { return Repeated{detail::run_of(row.integer(0)), row.bytes(1)}; });
}

}  // namespace muster::jobs
