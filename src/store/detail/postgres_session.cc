// SPDX-License-Identifier: Apache-2.0
#include "store/detail/postgres_session.h"

#include <unistd.h>

#include <thread>

#include "core/bytes.h"
#include "core/log.h"

namespace muster::store::detail {
namespace {

using core::Code;
using namespace std::chrono_literals;

/// The first half of the advisory lock's key; the second is the schema's name.
constexpr int kLockClass = 0x4d757374;  // "Must"
/// A server that was just killed lets go of its lock when its connection is found closed.
constexpr core::Duration kLockPatience = 5s;
constexpr core::Duration kLockRetry = 100ms;
constexpr core::Duration kStartRetry = 500ms;
constexpr std::int64_t kEpochsKept = 20;

}  // namespace

// Who leads by a lease may end the session of a leader before it; tools are waited for.
std::string PostgresSession::application() const {
  return place_.instance + (!writes_ ? " reader" : place_.term != 0 ? " leader" : " writer");
}

core::Status PostgresSession::connect_and_set_up() {
  MUSTER_TRY(connect(place_.url, application()));
  // Short statements with indices: a plan made while a table was small must not scan it when
  // it is large, and compiling one costs more than running it. The server finds out about a
  // dead client within a minute, so that its lock does not outlive it for hours.
  std::string text = "SET search_path TO \"" + place_.schema +
                     "\"; SET enable_seqscan = off; SET jit = off; SET tcp_keepalives_idle = 10; "
                     "SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;";
  text += writes_ ? "SELECT set_config('synchronous_commit', 'on', false) WHERE "
                    "current_setting('synchronous_commit') = 'off';"
                  : "SET default_transaction_read_only = on;";
  touched_ = true;
  return PostgresConnection::script(text);
}

core::Status PostgresSession::open(std::span<const MigrationSet> migrations) {
  MUSTER_TRY(connect_and_set_up());
  if (!writes_) return {};
  if (place_.term != 0) MUSTER_TRY(end_others());
  MUSTER_TRY(take_lock(kLockPatience));
  MUSTER_TRY(make_schema(*this, place_.schema));
  MUSTER_TRY(migrate(*this, migrations));
  return begin_epoch();
}

// The leader of an earlier term, which may be asleep in the middle of a transaction: that is
// undone, and nothing that it sends later arrives.
core::Status PostgresSession::end_others() {
  return query(
      "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
      "WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database() AND "
      "l.classid = CAST(CAST(? AS bigint) AS oid) AND CAST(l.objid AS bigint) = "
      "(CAST(hashtext(?) AS bigint) & 4294967295) AND a.application_name LIKE 'muster % leader'",
      {kLockClass, place_.schema}, [](const Row&) {});
}

core::Status make_schema(Connection& connection, const std::string& schema) {
  MUSTER_ASSIGN(
      const auto there,
      connection.integer("SELECT count(*) FROM pg_namespace WHERE nspname = ?", {schema}));
  if (there > 0) return {};
  auto made = connection.script("CREATE SCHEMA \"" + schema + "\"");
  if (made || made.error().code != Code::kDenied) return made;
  return core::fail(Code::kDenied, made.error().message +
                                       "; let this user own the database, or make the schema: "
                                       "CREATE SCHEMA " +
                                       schema + " AUTHORIZATION …");
}

core::Status PostgresSession::begin_epoch() {
  MUSTER_TRY(
      script("CREATE TABLE IF NOT EXISTS muster_writer(epoch INTEGER NOT NULL PRIMARY KEY, "
             "landed INTEGER NOT NULL, server TEXT NOT NULL, started_at INTEGER NOT NULL);"));
  MUSTER_ASSIGN(place_.epoch,
                integer("INSERT INTO muster_writer(epoch, landed, server, started_at) "
                        "SELECT coalesce(max(epoch), 0) + 1, 0, ?, ? FROM muster_writer "
                        "RETURNING epoch",
                        {place_.instance, core::unix_ms(core::wall_now())}));
  MUSTER_TRY(execute("DELETE FROM muster_writer WHERE epoch < ?", {place_.epoch - kEpochsKept}));
  return {};
}

core::Status PostgresSession::check_epoch() {
  MUSTER_ASSIGN(const auto newest, integer("SELECT max(epoch) FROM muster_writer"));
  if (newest == place_.epoch) return {};
  fenced_ = true;
  return fenced();
}

core::Status PostgresSession::fenced() {
  return core::fail(Code::kConflict,
                    "another server has taken this database over; this one must not write any "
                    "more");
}

core::Result<bool> PostgresSession::try_lock() {
  MUSTER_ASSIGN(const auto mine,
                integer("SELECT CASE WHEN pg_try_advisory_lock(CAST(? AS integer), hashtext(?)) "
                        "THEN 1 ELSE 0 END",
                        {kLockClass, place_.schema}));
  return mine == 1;
}

core::Status PostgresSession::take_lock(core::Duration patience) {
  const auto deadline = core::mono_now() + patience;
  for (;;) {
    MUSTER_ASSIGN(const bool mine, try_lock());
    if (mine) return {};
    if (core::mono_now() >= deadline) break;
    std::this_thread::sleep_for(kLockRetry);
  }
  return core::fail(Code::kConflict,
                    "the database is in use: another Muster server is running on "
                    "it" +
                        holder() + "; stop it or choose another database");
}

// Who has the lock, for people; nothing where that cannot be seen.
std::string PostgresSession::holder() {
  std::string found;
  [[maybe_unused]] const auto looked = query(
      "SELECT l.pid, coalesce(a.application_name, ''), coalesce(host(a.client_addr), 'this "
      "machine')"
      " FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' "
      "AND l.granted AND l.classid = CAST(CAST(? AS bigint) AS oid) "
      "AND a.datname = current_database()",
      {kLockClass}, [&](const Row& row) {
        found = " (" + core::printable(row.text(1), 100) + ", from " + row.string(2) +
                "; if that machine is gone: SELECT pg_terminate_backend(" +
                std::to_string(row.integer(0)) + "))";
      });
  return found;
}

bool PostgresSession::lost() {
  return fenced_ || PostgresConnection::lost();
}

core::Status PostgresSession::restore() {
  if (fenced_ && !PostgresConnection::lost()) return fenced();
  MUSTER_TRY(connect_and_set_up());
  if (!writes_) return check_epoch();
  // What is left of our own session before: without it the transaction under way is over.
  MUSTER_TRY(
      query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = ? AND pid <> pg_backend_pid()",
            {application()}, [](const Row&) {}));
  auto locked = take_lock(kLockRetry);
  if (auto ours = check_epoch(); !ours) {  // the lock is for others, the connection for committed()
    MUSTER_TRY(query("SELECT pg_advisory_unlock_all()", {}, [](const Row&) {}));
    return ours;
  }
  if (locked) return {};
  disconnect();
  return core::fail(Code::kUnavailable, locked.error().message);
}

core::Result<bool> PostgresSession::committed() {
  MUSTER_ASSIGN(const auto landed,
                integer("SELECT landed FROM muster_writer WHERE epoch = ?", {place_.epoch}, -1));
  return landed == group_;
}

// The savepoint of a piece of work travels with its first statement.
core::Status PostgresSession::touch() {
  if (std::exchange(touched_, true) || !savepoints_) return {};
  return control("SAVEPOINT work");
}

core::Result<std::int64_t> PostgresSession::execute_span(std::string_view sql, Params params) {
  if (sql == "ROLLBACK") {
    roll_back();
    return 0;
  }
  MUSTER_TRY(touch());
  return PostgresConnection::execute_span(sql, params);
}

core::Status PostgresSession::enqueue_span(std::string_view sql, Params params) {
  MUSTER_TRY(touch());
  return PostgresConnection::enqueue_span(sql, params);
}

core::Status PostgresSession::visit(std::string_view sql, Params params,
                                    const std::function<bool(const Row&)>& row) {
  MUSTER_TRY(touch());
  return PostgresConnection::visit(sql, params, row);
}

core::Status PostgresSession::script(std::string_view sql) {
  MUSTER_TRY(touch());
  return PostgresConnection::script(sql);
}

core::Status PostgresSession::begin(std::size_t pieces) {
  touched_ = true;
  savepoints_ = writes_ && pieces > 1;
  if (!writes_) return control("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  MUSTER_TRY(control("BEGIN"));
  ++group_;
  auto ours =
      place_.term == 0
          ? PostgresConnection::execute_span(
                "UPDATE muster_writer SET landed = ? WHERE epoch = ?",
                std::initializer_list<Param>{Param(group_), Param(place_.epoch)})
          : PostgresConnection::execute_span(
                "UPDATE muster_writer SET landed = ? WHERE epoch = ? AND NOT EXISTS (SELECT 1 FROM "
                "muster_lease WHERE term > ?)",
                std::initializer_list<Param>{Param(group_), Param(place_.epoch),
                                             Param(place_.term)});
  if (ours && *ours == 1) return {};
  roll_back();
  if (!ours) return std::unexpected(std::move(ours.error()));
  if (place_.term != 0) {
    fenced_ = true;
    return fenced();
  }
  return core::fail(Code::kConflict,
                    "the database is another one than at the start: its own mark "
                    "is missing; start the server again");
}

core::Status PostgresSession::begin_piece() {
  touched_ = false;
  return {};
}

core::Status PostgresSession::end_piece(bool keep) {
  if (!std::exchange(touched_, true)) return {};
  core::Status outcome = has_unsettled() ? settle() : core::Status();
  if (outcome && failure()) outcome = std::unexpected(*failure());
  if (PostgresConnection::lost()) return outcome;
  if (outcome && keep) return savepoints_ ? control("RELEASE work") : core::Status();
  clear_failure();
  if (!savepoints_) {
    roll_back();
  } else {
    MUSTER_TRY(control("ROLLBACK TO work"));
    MUSTER_TRY(control("RELEASE work"));
  }
  return outcome;
}

core::Status PostgresSession::commit() {
  MUSTER_TRY(control("COMMIT"));
  MUSTER_TRY(settle());
  if (last_tag() == "COMMIT") return {};
  return core::fail(Code::kInternal, "the database rolled a transaction back by itself");
}

void PostgresSession::roll_back() {
  [[maybe_unused]] auto done = settle();
  clear_failure();
  if (!in_transaction()) return;
  if (control("ROLLBACK")) done = settle();
}

bool PostgresSession::in_transaction() const {
  const auto status = transaction();
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

std::string new_instance() {
  char host[256] = {};
  [[maybe_unused]] const int named = ::gethostname(host, sizeof host - 1);
  // PostgreSQL keeps 63 bytes of it.
  return "muster " + core::to_hex(core::random_bytes(6)) + " " + std::string(host).substr(0, 30);
}

PostgresBackend::PostgresBackend(std::string url, core::Duration start_wait, bool temporary,
                                 std::int64_t term, std::string schema)
    : start_wait_(start_wait), temporary_(temporary) {
  place_.url = std::move(url);
  place_.schema =
      temporary ? "muster_test_" + core::to_hex(core::random_bytes(6)) : std::move(schema);
  place_.instance = new_instance();
  place_.term = term;
}

PostgresBackend::~PostgresBackend() {
  if (!temporary_) return;
  PostgresSession last(place_, true);
  if (last.restore() || !last.PostgresConnection::lost()) [[maybe_unused]]
    const auto dropped = last.script("DROP SCHEMA \"" + place_.schema + "\" CASCADE");
}

core::Result<std::unique_ptr<Session>> PostgresBackend::open_writer(
    std::span<const MigrationSet> migrations) {
  const auto deadline = core::mono_now() + start_wait_;
  for (bool told = false;;) {
    auto writer = std::make_unique<PostgresSession>(place_, true);
    auto opened = writer->open(migrations);
    if (opened) return writer;
    const bool away = opened.error().code == Code::kUnavailable;
    if (!away || core::mono_now() >= deadline) return std::unexpected(std::move(opened.error()));
    if (!std::exchange(told, true))
      core::log(core::Level::kWarn, "store", "waiting for the database",
                {{"at_most", core::to_text(start_wait_)}, {"why", opened.error().message}});
    std::this_thread::sleep_for(kStartRetry);
  }
}

core::Result<std::unique_ptr<Session>> PostgresBackend::open_reader() {
  auto reader = std::make_unique<PostgresSession>(place_, false);
  MUSTER_TRY(reader->open({}));
  return reader;
}

}  // namespace muster::store::detail
