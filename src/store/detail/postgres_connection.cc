// SPDX-License-Identifier: Apache-2.0
#include "store/detail/postgres_connection.h"

#include <poll.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "store/detail/postgres_sql.h"
#include "store/detail/postgres_values.h"

namespace muster::store::detail {
namespace {

using core::Code;

constexpr int kOldestServer = 120'000;  // version 12

bool good(const PGresult* result) {
  const auto status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

}  // namespace

core::Status PostgresConnection::connect(const std::string& url, const std::string& application) {
  disconnect();
  // Before the address: what it may say otherwise; after it: what it may not.
  const char* const names[] = {"connect_timeout",
                               "keepalives_idle",
                               "keepalives_interval",
                               "keepalives_count",
                               "tcp_user_timeout",
                               "target_session_attrs",
                               "dbname",
                               "application_name",
                               "client_encoding",
                               nullptr};
  const std::string seconds = std::to_string(kConnectSeconds);
  const char* const values[] = {seconds.c_str(), "10",         "5",         "3",
                                "20000",         "read-write", url.c_str(), application.c_str(),
                                "UTF8",          nullptr};
  std::unique_ptr<PGconn, Finish> made(PQconnectdbParams(names, values, 1));
  if (!made) return core::fail(Code::kUnavailable, "out of memory for a database connection");
  if (PQstatus(made.get()) != CONNECTION_OK) {
    const bool answers = PQpingParams(names, values, 1) == PQPING_OK;
    return core::fail(answers ? Code::kDenied : Code::kUnavailable,
                      "the database cannot be used: " + one_line(PQerrorMessage(made.get())));
  }
  shown_ = std::string("PostgreSQL at ") + PQhost(made.get()) + ":" + PQport(made.get());
  PQsetNoticeProcessor(made.get(), [](void*, const char*) {}, nullptr);
  if (PQserverVersion(made.get()) < kOldestServer)
    return core::fail(Code::kConflict, shown_ + " is older than version 12");
  const char* encoding = PQparameterStatus(made.get(), "server_encoding");
  if (encoding == nullptr || std::string_view(encoding) != "UTF8")
    return core::fail(Code::kConflict,
                      "the database is not one of UTF-8 text; make another: createdb -T template0 "
                      "-E UTF8 NAME");
  if (PQsetnonblocking(made.get(), 1) != 0 || PQenterPipelineMode(made.get()) != 1)
    return core::fail(Code::kInternal, one_line(PQerrorMessage(made.get())));
  connection_ = std::move(made);
  return {};
}

void PostgresConnection::disconnect() {
  connection_.reset();
  statements_.clear();
  expected_.clear();
  unsettled_bytes_ = 0;
  last_.reset();
  failed_.reset();
}

bool PostgresConnection::lost() {
  // A server that stopped has closed the connection: seen here, before anything is asked.
  for (int i = 0; connection_ && i < 3; ++i) {
    pollfd readable{PQsocket(connection_.get()), POLLIN, 0};
    if (::poll(&readable, 1, 0) <= 0) break;
    if (PQconsumeInput(connection_.get()) == 0) disconnect();
  }
  return !connection_ || PQstatus(connection_.get()) == CONNECTION_BAD;
}

PGTransactionStatusType PostgresConnection::transaction() const {
  return connection_ ? PQtransactionStatus(connection_.get()) : PQTRANS_UNKNOWN;
}

std::unexpected<core::Error> PostgresConnection::lose(std::string_view why) {
  auto error =
      core::fail(Code::kUnavailable, "the connection to " + shown_ + " was lost (" + one_line(why) +
                                         "); nothing of this was done, try again");
  disconnect();
  return error;
}

std::unexpected<core::Error> PostgresConnection::remember(core::Error error) {
  if (transaction() == PQTRANS_INERROR) failed_ = error;
  return std::unexpected(std::move(error));
}

core::Status PostgresConnection::wait(short events, core::MonoTime deadline) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(deadline - core::mono_now()).count();
  pollfd ready{PQsocket(connection_.get()), events, 0};
  const int found = left <= 0 ? 0 : ::poll(&ready, 1, static_cast<int>(left));
  if (found == 0) return lose("it did not answer in time");
  if (found < 0 && errno != EINTR) return lose(std::strerror(errno));
  if ((ready.revents & ~POLLOUT) != 0 && PQconsumeInput(connection_.get()) == 0)
    return lose(PQerrorMessage(connection_.get()));
  return {};
}

core::Status PostgresConnection::flush(core::MonoTime deadline) {
  for (;;) {
    const int left = PQflush(connection_.get());
    if (left == 0) return {};
    if (left < 0) return lose(PQerrorMessage(connection_.get()));
    MUSTER_TRY(wait(POLLIN | POLLOUT, deadline));
  }
}

core::Result<PostgresResult> PostgresConnection::answer(core::MonoTime deadline) {
  while (PQisBusy(connection_.get()) == 1) MUSTER_TRY(wait(POLLIN, deadline));
  return PostgresResult(PQgetResult(connection_.get()));
}

core::Status PostgresConnection::prepare(std::string_view sql, std::string& name) {
  if (const auto found = statements_.find(sql); found != statements_.end()) {
    name = found->second;
    return {};
  }
  if (statements_.size() >= kStatementsMax) {
    MUSTER_TRY(control("DEALLOCATE ALL"));
    statements_.clear();
  }
  name = "s" + std::to_string(++prepared_);
  const std::string text = to_postgres(sql);
  if (PQsendPrepare(connection_.get(), name.c_str(), text.c_str(), 0, nullptr) != 1)
    return lose(PQerrorMessage(connection_.get()));
  statements_.emplace(std::string(sql), name);
  expected_.push_back({std::string(sql), true});
  return {};
}

core::Status PostgresConnection::send(std::string_view sql, Params params) {
  if (!connection_) return core::fail(Code::kUnavailable, "the database is away; try again later");
  if (failed_)
    return core::fail(failed_->code, failed_->message + " (what came after it was not tried)");
  std::string name;
  MUSTER_TRY(prepare(sql, name));
  const PostgresParams bound(params);
  if (PQsendQueryPrepared(connection_.get(), name.c_str(), bound.count(), bound.values(),
                          bound.lengths(), bound.formats(), 1) != 1)
    return lose(PQerrorMessage(connection_.get()));
  expected_.push_back({std::string(sql), false});
  unsettled_bytes_ += bound.bytes();
  return {};
}

core::Status PostgresConnection::control(const char* sql) {
  if (!connection_) return core::fail(Code::kUnavailable, "the database is away; try again later");
  if (PQsendQueryParams(connection_.get(), sql, 0, nullptr, nullptr, nullptr, nullptr, 1) != 1)
    return lose(PQerrorMessage(connection_.get()));
  expected_.push_back({sql, false});
  return {};
}

core::Status PostgresConnection::settle() {
  if (!connection_) return core::fail(Code::kUnavailable, "the database is away; try again later");
  if (expected_.empty()) return {};
  if (PQpipelineSync(connection_.get()) != 1) return lose(PQerrorMessage(connection_.get()));
  unsettled_bytes_ = 0;
  return settle_results();
}

core::Status PostgresConnection::settle_results() {
  const auto deadline = core::mono_now() + kAnswerMax;
  MUSTER_TRY(flush(deadline));
  std::optional<core::Error> first;
  while (!expected_.empty()) {
    MUSTER_ASSIGN(last_, answer(deadline));
    const Expected asked = std::move(expected_.front());
    expected_.pop_front();
    if (!good(last_.get())) {
      if (!first) first = postgres_error(last_.get(), asked.sql);
      if (asked.prepares) statements_.erase(asked.sql);
    }
    if (PQstatus(connection_.get()) == CONNECTION_BAD)
      return lose(PQerrorMessage(connection_.get()));
    while (true) {  // up to the null that ends this statement's answers
      MUSTER_ASSIGN(const auto more, answer(deadline));
      if (!more) break;
    }
  }
  MUSTER_ASSIGN(const auto synced, answer(deadline));
  if (PQresultStatus(synced.get()) != PGRES_PIPELINE_SYNC)
    return lose(PQerrorMessage(connection_.get()));
  if (!first) return {};
  return remember(std::move(*first));
}

core::Result<std::int64_t> PostgresConnection::execute_span(std::string_view sql, Params params) {
  MUSTER_TRY(send(sql, params));
  MUSTER_TRY(settle());
  const std::string_view count = PQcmdTuples(last_.get());
  std::int64_t rows = 0;
  std::from_chars(count.data(), count.data() + count.size(), rows);
  return rows;
}

core::Status PostgresConnection::enqueue_span(std::string_view sql, Params params) {
  MUSTER_TRY(send(sql, params));
  if (expected_.size() < kUnsettledMax && unsettled_bytes_ < kUnsettledBytesMax) return {};
  return settle();
}

core::Status PostgresConnection::visit(std::string_view sql, Params params,
                                       const std::function<bool(const Row&)>& row) {
  MUSTER_TRY(send(sql, params));
  MUSTER_TRY(settle());
  const PostgresResult result = std::move(last_);  // `row` may ask for more
  const int rows = PQntuples(result.get());
  for (int i = 0; i < rows; ++i)
    if (!row(PostgresRow(result.get(), i))) break;
  return {};
}

core::Status PostgresConnection::script(std::string_view sql) {
  MUSTER_TRY(settle());
  if (failed_) return std::unexpected(*failed_);
  // Several statements in one message are not for pipelines.
  const std::string text = to_postgres(sql);
  if (PQexitPipelineMode(connection_.get()) != 1 ||
      PQsendQuery(connection_.get(), text.c_str()) != 1)
    return lose(PQerrorMessage(connection_.get()));
  const auto deadline = core::mono_now() + kScriptMax;
  MUSTER_TRY(flush(deadline));
  std::optional<core::Error> first;
  for (;;) {
    MUSTER_ASSIGN(const auto result, answer(deadline));
    if (!result) break;
    if (!good(result.get()) && !first) first = postgres_error(result.get(), sql);
  }
  if (PQstatus(connection_.get()) == CONNECTION_BAD || PQenterPipelineMode(connection_.get()) != 1)
    return lose(PQerrorMessage(connection_.get()));
  if (first) return remember(std::move(*first));
  return {};
}

}  // namespace muster::store::detail
