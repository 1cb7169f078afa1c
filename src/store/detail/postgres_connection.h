// SPDX-License-Identifier: Apache-2.0
//
// PostgresConnection: Connection over libpq, in pipeline mode, with its statements prepared.
//
// What is only enqueued travels with the next statement whose answer somebody waits for: the
// price of a piece of work is its journeys to the server, not its rows. Answers are read
// whole, so that a query may run within another.
//
// A statement that fails spoils the transaction up to its savepoint: everything fails until
// `clear_failure`. A connection that breaks, or on which no answer comes in time, is lost.
#pragma once

#include <libpq-fe.h>

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/clock.h"
#include "store/detail/postgres_values.h"
#include "store/detail/session.h"

namespace muster::store::detail {

class PostgresConnection : public Session {
 public:
  static constexpr std::size_t kStatementsMax = 512;
  /// Statements and bytes that may travel before their answers are read.
  static constexpr std::size_t kUnsettledMax = 1024;
  static constexpr std::size_t kUnsettledBytesMax = 1024 * 1024;
  /// How long one answer may take; a script's, which may rebuild tables, longer.
  static constexpr core::Duration kAnswerMax = std::chrono::seconds(60);
  static constexpr core::Duration kScriptMax = std::chrono::hours(1);
  static constexpr int kConnectSeconds = 5;

  ~PostgresConnection() override = default;
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  core::Result<std::int64_t> execute_span(std::string_view sql, Params params) override;
  core::Status enqueue_span(std::string_view sql, Params params) override;
  core::Status script(std::string_view sql) override;
  bool lost() override;

 protected:
  PostgresConnection() = default;
  core::Status visit(std::string_view sql, Params params,
                     const std::function<bool(const Row&)>& row) override;

  /// Replaces whatever connection there was. kUnavailable, or kDenied where the server
  /// answers but does not want this user.
  core::Status connect(const std::string& url, const std::string& application);
  void disconnect();
  /// Puts a statement without parameters before what comes, without preparing it.
  core::Status control(const char* sql);
  /// Sends what waits and reads all answers; the first error among them.
  core::Status settle();
  bool has_unsettled() const { return !expected_.empty(); }
  /// What spoilt the transaction.
  const std::optional<core::Error>& failure() const { return failed_; }
  void clear_failure() { failed_.reset(); }
  /// What the statement that was settled last says that it did: "COMMIT".
  std::string_view last_tag() const { return PQcmdStatus(last_.get()); }
  PGTransactionStatusType transaction() const;

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  /// An answer that is on its way.
  struct Expected {
    std::string sql;
    bool prepares = false;
  };
  core::Status send(std::string_view sql, Params params);
  core::Status prepare(std::string_view sql, std::string& name);
  core::Status flush(core::MonoTime deadline);
  core::Status wait(short events, core::MonoTime deadline);
  core::Result<PostgresResult> answer(core::MonoTime deadline);
  core::Status settle_results();
  std::unexpected<core::Error> lose(std::string_view why);
  std::unexpected<core::Error> remember(core::Error error);

  std::unique_ptr<PGconn, Finish> connection_;
  std::string shown_;  ///< "PostgreSQL at host:port", for people
  std::unordered_map<std::string, std::string, Hash, std::equal_to<>> statements_;
  std::uint64_t prepared_ = 0;
  std::deque<Expected> expected_;
  std::size_t unsettled_bytes_ = 0;
  PostgresResult last_;  ///< of what was settled last
  std::optional<core::Error> failed_;
};

}  // namespace muster::store::detail
