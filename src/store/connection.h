// SPDX-License-Identifier: Apache-2.0
//
// Connection: SQL as the modules see it, whatever database is beneath.
//
// Statements are written in the subset that SQLite and PostgreSQL share, with `?`
// for parameters and RETURNING for generated keys; dialects end here (README.md).
// Statements are prepared once a connection and found again by their text: pass
// literals, never text with values pasted in.
//
// A statement that fails spoils its piece of work, as PostgreSQL has it: what comes after
// it fails too, and the work is undone. Say what went wrong and return.
//
// Threads: a connection belongs to one thread. It is handed to the functions given
// to Database::write and Database::read and must not be kept.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/result.h"

namespace muster::store {

/// Raw bytes as a parameter; a plain string binds as text, in which bytes that are not UTF-8, and
/// NUL, become U+FFFD: PostgreSQL takes no other text, and both keep the same.
struct Blob {
  std::string_view bytes;
};

/// One parameter: a view, valid as long as what it was made from.
class Param {
 public:
  enum class Kind : std::uint8_t { kNull, kInteger, kReal, kText, kBlob };

  Param(std::nullptr_t) {}
  Param(std::nullopt_t) {}
  template <std::integral T>
  Param(T value) : kind_(Kind::kInteger), integer_(static_cast<std::int64_t>(value)) {}
  Param(double value) : kind_(Kind::kReal), real_(value) {}
  Param(std::string_view text) : kind_(Kind::kText), bytes_(text) {}
  Param(const std::string& text) : Param(std::string_view(text)) {}
  Param(const char* text) : Param(std::string_view(text)) {}
  Param(Blob blob) : kind_(Kind::kBlob), bytes_(blob.bytes) {}
  template <typename T>
  Param(const std::optional<T>& value) : Param(value ? Param(*value) : Param(nullptr)) {}

  Kind kind() const { return kind_; }
  std::int64_t integer() const { return integer_; }
  double real() const { return real_; }
  std::string_view bytes() const { return bytes_; }

 private:
  Kind kind_ = Kind::kNull;
  std::int64_t integer_ = 0;
  double real_ = 0;
  std::string_view bytes_;
};

/// The current row of a query. Columns count from 0. Views die with the row.
/// NULL reads as 0, 0.0 or "".
class Row {
 public:
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t integer(int column) const = 0;
  virtual double real(int column) const = 0;
  virtual std::string_view text(int column) const = 0;
  virtual std::string_view blob(int column) const = 0;

  std::string string(int column) const { return std::string(text(column)); }
  std::string bytes(int column) const { return std::string(blob(column)); }
  std::optional<std::int64_t> maybe_integer(int column) const {
    return is_null(column) ? std::nullopt : std::optional(integer(column));
  }

 protected:
  ~Row() = default;
};

class Connection {
 public:
  using Params = std::span<const Param>;

  virtual ~Connection() = default;

  /// Runs one statement; how many rows it inserted, changed or deleted.
  /// A broken UNIQUE or PRIMARY KEY is kExists, another constraint kConflict.
  core::Result<std::int64_t> execute(std::string_view sql,
                                     std::initializer_list<Param> params = {}) {
    return execute_span(sql, Params(params.begin(), params.size()));
  }

  /// The same where nobody needs the count: many of these cost one journey to a database that
  /// is reached over a network. An error is told by this statement, by a later one or as the
  /// outcome of the work, so leave it out where an error has a meaning of its own.
  core::Status enqueue(std::string_view sql, std::initializer_list<Param> params = {}) {
    return enqueue_span(sql, Params(params.begin(), params.size()));
  }

  /// Calls `row` for each row. It may return nothing, a bool (false: enough) or a
  /// core::Status (an error ends the query and is returned).
  template <typename F>
  core::Status query(std::string_view sql, std::initializer_list<Param> params, F&& row) {
    return query_span(sql, Params(params.begin(), params.size()), std::forward<F>(row));
  }

  /// `make(row)` of the first row, or nothing where there is none.
  template <typename F>
  auto first(std::string_view sql, std::initializer_list<Param> params, F&& make)
      -> core::Result<std::optional<std::invoke_result_t<F&, const Row&>>> {
    std::optional<std::invoke_result_t<F&, const Row&>> found;
    MUSTER_TRY(query(sql, params, [&](const Row& row) {
      found.emplace(make(row));
      return false;
    }));
    return found;
  }

  /// The integer in the first column of the only row; `otherwise` where there is none.
  core::Result<std::int64_t> integer(std::string_view sql, std::initializer_list<Param> params = {},
                                     std::int64_t otherwise = 0) {
    MUSTER_ASSIGN(auto found, first(sql, params, [](const Row& row) { return row.integer(0); }));
    return found.value_or(otherwise);
  }

  /// The same for parameter lists whose length is known at run time only.
  virtual core::Result<std::int64_t> execute_span(std::string_view sql, Params params) = 0;
  virtual core::Status enqueue_span(std::string_view sql, Params params) = 0;
  template <typename F>
  core::Status query_span(std::string_view sql, Params params, F&& row) {
    using Returned = std::invoke_result_t<F&, const Row&>;
    core::Status failed;
    MUSTER_TRY(visit(sql, params, [&](const Row& current) -> bool {
      if constexpr (std::is_void_v<Returned>) {
        row(current);
        return true;
      } else if constexpr (std::is_same_v<Returned, bool>) {
        return row(current);
      } else {
        failed = row(current);
        return failed.has_value();
      }
    }));
    return failed;
  }

  /// Several statements without parameters, as migrations have them.
  virtual core::Status script(std::string_view sql) = 0;

 protected:
  /// Calls `row` until it returns false or there are no more.
  virtual core::Status visit(std::string_view sql, Params params,
                             const std::function<bool(const Row&)>& row) = 0;
};

}  // namespace muster::store
