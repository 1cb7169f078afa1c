// SPDX-License-Identifier: Apache-2.0
//
// Result<T> is how Muster says that something may fail: a value, or an Error
// that a person can act on.
//
// Everything that the world can cause (I/O, peers, input, permission, deadline,
// cancellation) is a Result. Exceptions come only from third-party constructors
// and are caught at the task boundary; assertions are for our own mistakes.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace muster::core {

/// What kind of failure it is; programs decide by it, people read the message.
/// Append only: the names appear in API answers.
enum class Code {
  kInvalid,       ///< The input is wrong; the same call will fail again.
  kNotFound,      ///< What was named does not exist.
  kExists,        ///< It exists already.
  kDenied,        ///< Known who you are; you may not.
  kUnauthorized,  ///< Not known who you are.
  kConflict,      ///< The state does not allow it now.
  kLimit,         ///< A named limit was reached.
  kTimeout,       ///< A deadline passed.
  kCancelled,     ///< Somebody asked to stop.
  kUnavailable,   ///< Try again later: peer gone, database busy, disk full.
  kCorrupt,       ///< Stored or received bytes are damaged.
  kIo,            ///< The operating system said no.
  kInternal,      ///< Our mistake.
};

/// The stable, lower-case name of a code, as API answers show it ("not_found").
std::string_view name(Code code);

/// Inverse of name(); kInternal for a word that this version does not know.
Code code_from_name(std::string_view name);

/// A failure: its kind, and a sentence that says what was being done, what
/// happened, and where possible what to do next. No trailing full stop.
struct [[nodiscard]] Error {
  Code code = Code::kInternal;
  std::string message;

  /// The same failure seen from one level up: "<doing>: <message>".
  Error while_doing(std::string_view doing) &&;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

/// `return fail(Code::kNotFound, "...");` from any function that returns a Result.
inline std::unexpected<Error> fail(Code code, std::string message) {
  return std::unexpected<Error>(Error{code, std::move(message)});
}
inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}

/// An IO failure with the text of `errno_value`. ENOSPC and EDQUOT become
/// kUnavailable with the advice to free space; EACCES, EPERM and EROFS kDenied.
std::unexpected<Error> fail_errno(int errno_value, std::string_view doing);

}  // namespace muster::core

/// Returns the error of `expression` from the current function, or goes on.
#define MUSTER_TRY(expression)                                \
  do {                                                        \
    if (auto muster_try_ = (expression); !muster_try_)        \
      return std::unexpected(std::move(muster_try_.error())); \
  } while (false)

#define MUSTER_CONCAT_(a, b) a##b
#define MUSTER_CONCAT(a, b) MUSTER_CONCAT_(a, b)
/// `MUSTER_ASSIGN(auto file, open(path));`: the value, or return the error.
#define MUSTER_ASSIGN(declaration, expression) \
  MUSTER_ASSIGN_(MUSTER_CONCAT(muster_result_, __LINE__), declaration, expression)
#define MUSTER_ASSIGN_(result, declaration, expression)           \
  auto result = (expression);                                     \
  if (!result) return std::unexpected(std::move(result.error())); \
  declaration = std::move(*result)

/// The same two inside a coroutine that returns Task<Result<T>>.
#define MUSTER_CO_TRY(expression)                                \
  do {                                                           \
    if (auto muster_try_ = (expression); !muster_try_)           \
      co_return std::unexpected(std::move(muster_try_.error())); \
  } while (false)
#define MUSTER_CO_ASSIGN(declaration, expression) \
  MUSTER_CO_ASSIGN_(MUSTER_CONCAT(muster_result_, __LINE__), declaration, expression)
#define MUSTER_CO_ASSIGN_(result, declaration, expression)           \
  auto result = (expression);                                        \
  if (!result) co_return std::unexpected(std::move(result.error())); \
  declaration = std::move(*result)
