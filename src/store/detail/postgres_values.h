// SPDX-License-Identifier: Apache-2.0
//
// What travels to PostgreSQL and comes back: parameters, rows, errors.
#pragma once

#include <libpq-fe.h>

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "store/connection.h"

namespace muster::store::detail {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using PostgresResult = std::unique_ptr<PGresult, ClearResult>;

/// What the database said, as one of ours.
core::Error postgres_error(const PGresult* result, std::string_view sql);

/// libpq's messages end in line breaks and have them within.
std::string one_line(std::string_view text);

/// A row of an answer in binary form.
class PostgresRow final : public Row {
 public:
  PostgresRow(const PGresult* result, int row) : result_(result), row_(row) {}
  bool is_null(int column) const override;
  std::int64_t integer(int column) const override;
  double real(int column) const override;
  std::string_view text(int column) const override;
  std::string_view blob(int column) const override { return text(column); }

 private:
  const PGresult* result_;
  int row_;
};

/// Parameters as libpq takes them: numbers as text, which fits whatever type the server finds
/// for them; texts and bytes as they are. Lives as long as what the parameters were made from.
class PostgresParams {
 public:
  explicit PostgresParams(Connection::Params params);
  int count() const { return static_cast<int>(values_.size()); }
  const char* const* values() const { return values_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }
  std::size_t bytes() const { return bytes_; }

 private:
  void add(const Param& param);
  void text(std::string_view given);
  template <typename T>
  void number(T value);
  void put(const char* value, std::size_t length, int format);

  std::deque<std::string> changed_;
  std::vector<std::array<char, 32>> numbers_;  // reserved: their addresses stay
  std::vector<const char*> values_;
  std::vector<int> lengths_, formats_;
  std::size_t bytes_ = 0;
};

}  // namespace muster::store::detail
