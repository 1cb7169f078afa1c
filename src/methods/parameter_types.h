// SPDX-License-Identifier: Apache-2.0
//
// ParameterType: a Puppet data type as task metadata writes it (`Optional[String[1]]`),
// compiled once, then asked whether a JSON value is of it.
//
// Where JSON cannot tell what Puppet can (1 and 1.0, a text and a time), the doubt is
// decided for the user. Regular expressions run in RE2, in time linear in the text:
// they come from whoever wrote the module and meet values from whoever may run it. The
// few that RE2 cannot express (look-around, back references) are not checked here, which
// is a warning; the method sees the value all the same.
//
// Immutable after parse(), cheap to copy; any thread may ask. Server and command line
// only: the agent gets values that were checked.
#pragma once

#include <boost/json/value.hpp>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace muster::methods {

namespace json = boost::json;

/// Bytes of a type's text, its nesting (aliases spelt out) and its nodes.
inline constexpr std::size_t kTypeBytesMax = 16 * 1024;
inline constexpr std::size_t kTypeDepthMax = 32;
inline constexpr std::size_t kTypeNodesMax = 2048;
/// Bytes of one regular expression, and of RE2's program for it.
inline constexpr std::size_t kPatternBytesMax = 4 * 1024;
inline constexpr std::size_t kPatternMemoryBytesMax = 1 << 20;

/// Why a text is not a type. `message` begins with "column N: ".
struct TypeError {
  std::size_t column = 0;  ///< from 1, in bytes
  std::string message;
};

/// Why a value is not of a type.
struct TypeMismatch {
  std::string path;      ///< inside the value: "[2].port"; empty: the value itself
  std::string expected;  ///< in plain words: "a whole number from 1 to 65535"
  std::string found;     ///< "the text 'x'"; never more than a few words of it

  /// "[2].port: expected a whole number from 1 to 65535, got the text 'x'"
  std::string text() const;
};

namespace detail {
struct TypeNode;
}

class ParameterType {
 public:
  static std::expected<ParameterType, TypeError> parse(std::string_view text);
  /// Any: what a parameter without a type is of.
  static ParameterType any();

  std::expected<void, TypeMismatch> check(const json::value& value) const;
  /// True where null, and so no value at all, will do.
  bool accepts_null() const;
  /// Sensitive[T], here or inside.
  bool is_sensitive() const { return sensitive_; }
  /// In plain words, as help shows it: "a list of texts, at least 1".
  std::string describe() const;
  /// As it was written.
  const std::string& text() const { return text_; }
  /// What cannot be checked and why: unknown type aliases, patterns beyond RE2.
  const std::vector<std::string>& warnings() const { return *warnings_; }
  /// What completion may offer: the words of Enum, true and false.
  std::vector<std::string> choices() const;

  /// A value from command line text (`name=text`): the JSON value where the text is JSON
  /// other than a string and of this type, else the text itself, else for a list its
  /// parts between commas. The first fitting one; the mismatch of the text where none is.
  std::expected<json::value, TypeMismatch> from_text(std::string_view text) const;

 private:
  ParameterType() = default;
  std::string text_;
  bool sensitive_ = false;
  std::shared_ptr<const detail::TypeNode> root_;
  std::shared_ptr<const std::vector<std::string>> warnings_;
};

}  // namespace muster::methods
