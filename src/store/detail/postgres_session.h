// SPDX-License-Identifier: Apache-2.0
//
// PostgresBackend: one schema of one PostgreSQL database, and the sessions of one server on it.
//
// The writer holds an advisory lock for as long as its connection lives, and a row of
// `muster_writer` that is its own: `epoch` says whose turn it is, `landed` the last group that
// was committed. Whoever has the lock knows that the session that had it before is over, with
// its transaction decided; then `landed` tells how. A higher epoch than ours means that another
// server has started meanwhile: we are fenced, for good.
//
// A server that leads by a lease ends the session of the leader before it, waits for its lock,
// and begins no transaction once there is a higher term.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "store/detail/postgres_connection.h"

namespace muster::store::detail {

inline constexpr std::string_view kSchema = "muster";

/// A name of one process among all that use a database: "muster RANDOM HOST".
std::string new_instance();
/// kDenied says what the database's owner has to do. On any connection to it.
core::Status make_schema(Connection& connection, const std::string& schema);

/// What all sessions of one server know.
struct PostgresPlace {
  std::string url;
  std::string schema;
  std::string instance;    ///< This process's own name among all.
  std::int64_t epoch = 0;  ///< Set by the writer before there are readers.
  /// Of the lease under which this server writes (store/servers.h); 0: without one.
  std::int64_t term = 0;
};

class PostgresSession final : public PostgresConnection {
 public:
  PostgresSession(PostgresPlace& place, bool writes) : place_(place), writes_(writes) {}

  /// The first connection; a writer takes the lock, makes the schema and its tables, and
  /// begins its epoch.
  core::Status open(std::span<const MigrationSet> migrations);

  core::Result<std::int64_t> execute_span(std::string_view sql, Params params) override;
  core::Status enqueue_span(std::string_view sql, Params params) override;
  core::Status script(std::string_view sql) override;
  core::Status begin(std::size_t pieces) override;
  core::Status begin_piece() override;
  core::Status end_piece(bool keep) override;
  core::Status commit() override;
  void roll_back() override;
  bool in_transaction() const override;
  bool lost() override;
  core::Status restore() override;
  core::Result<bool> committed() override;

 protected:
  core::Status visit(std::string_view sql, Params params,
                     const std::function<bool(const Row&)>& row) override;

 private:
  core::Status connect_and_set_up();
  std::string application() const;
  core::Status end_others();
  core::Status begin_epoch();
  core::Status check_epoch();
  static core::Status fenced();
  core::Status take_lock(core::Duration patience);
  core::Result<bool> try_lock();
  std::string holder();
  core::Status touch();

  PostgresPlace& place_;
  const bool writes_;
  bool fenced_ = false;
  std::int64_t group_ = 0;  ///< The last that was begun.
  bool savepoints_ = false;
  bool touched_ = true;  ///< The piece under way has asked for something.
};

class PostgresBackend final : public Backend {
 public:
  /// `temporary`: in a schema of its own, which is dropped at the end.
  PostgresBackend(std::string url, core::Duration start_wait, bool temporary, std::int64_t term = 0,
                  std::string schema = std::string(kSchema));
  ~PostgresBackend() override;
  core::Result<std::unique_ptr<Session>> open_writer(
      std::span<const MigrationSet> migrations) override;
  core::Result<std::unique_ptr<Session>> open_reader() override;

 private:
  PostgresPlace place_;
  const core::Duration start_wait_;
  const bool temporary_;
};

}  // namespace muster::store::detail
