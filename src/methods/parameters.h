// SPDX-License-Identifier: Apache-2.0
//
// The parameters of one method, with their types compiled: what arguments may be, what
// the command line's words mean, what help says. Server and command line only.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "methods/metadata.h"
#include "methods/parameter_types.h"

namespace muster::methods {

/// Bytes of the arguments of one run as JSON.
inline constexpr std::size_t kArgumentsBytesMax = 256 * 1024;

struct TypedParameter {
  std::string name;
  ParameterType type = ParameterType::any();
  std::string description;
  bool sensitive = false;  ///< by metadata or by Sensitive[…]
  bool required = false;   ///< neither a default nor a type that admits null
  std::optional<json::value> default_value;
};

/// Reads the text of a file named on the command line (`name=@path`).
using FileReader = std::function<core::Result<std::string>(const std::string& path)>;

class Parameters {
 public:
  /// Types that are wrong go to `errors`, what cannot be checked and defaults that are not
  /// of their type to `warnings`; a parameter with an error is of type Any here.
  /// `text` is what `metadata` was read from.
  static Parameters compile(std::string_view file, std::string_view text, const Metadata& metadata,
                            std::vector<Problem>& errors, std::vector<Problem>& warnings);

  /// The arguments as the method gets them: defaults filled in, nulls left out. kInvalid
  /// with every mistake in one message; values of sensitive parameters are never in it.
  core::Result<json::object> check(const json::object& arguments) const;

  /// `name=text`, `name:=JSON`, `name=@file`, `name:=@file`; `name=@@text` for a text that
  /// begins with @. Each name once. Checks the types of what was given, not yet that all
  /// is there (check() does).
  core::Result<json::object> from_words(std::span<const std::string> words,
                                        const FileReader& read) const;

  /// `arguments` with the values of sensitive parameters replaced by "[hidden]": for logs,
  /// records and screens.
  json::object redacted(const json::object& arguments) const;

  const std::vector<TypedParameter>& list() const { return list_; }
  const TypedParameter* find(std::string_view name) const;
  /// True where the metadata names no parameters at all: any name will do.
  bool open() const { return open_; }

 private:
  std::vector<TypedParameter> list_;
  bool open_ = false;
};

}  // namespace muster::methods
