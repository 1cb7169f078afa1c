// SPDX-License-Identifier: Apache-2.0
//
// A compiled type: what check and describe walk over.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "methods/detail/type_pattern.h"
#include "methods/parameter_types.h"

namespace muster::methods::detail {

struct TypeNode {
  enum class Kind : std::uint8_t {
    kAny,
    kUndef,
    kNotUndef,  ///< anything but null: of items[0] where there is one
    kText,      ///< sizes in characters
    kEnum,      ///< `words`
    kPattern,   ///< any of `patterns`; of none where `unchecked`
    kInteger,   ///< least, most
    kFloat,     ///< real_least, real_most
    kNumber,
    kBoolean,     ///< `only` where it must be that
    kList,        ///< items[0] each, where there is one
    kTuple,       ///< `items`, the last one again and again up to size_most
    kMap,         ///< items[0] each key, items[1] each value, where there are
    kStruct,      ///< `fields`
    kCollection,  ///< a list or a map
    kScalar,      ///< text, number, true or false
    kVariant,     ///< any of `items`
  };
  static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

  struct Field {
    std::string name;
    bool required = true;
    std::size_t item = 0;
  };

  Kind kind = Kind::kAny;
  std::uint64_t size_least = 0;
  std::uint64_t size_most = kNoLimit;
  std::int64_t least = std::numeric_limits<std::int64_t>::min();
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  double real_least = -std::numeric_limits<double>::infinity();
  double real_most = std::numeric_limits<double>::infinity();
  std::optional<bool> only;
  bool fold_case = false;  ///< of `words`
  bool unchecked = false;
  std::string called;  ///< of an alias: what to say instead of what it is made of
  std::vector<TypeNode> items;
  std::vector<std::string> words;
  std::vector<PatternPtr> patterns;
  std::vector<Field> fields;
};

struct CompiledType {
  TypeNode root;
  bool sensitive = false;
  std::vector<std::string> warnings;
};

std::expected<CompiledType, TypeError> compile_type(std::string_view text);

/// Nothing where `value` is of the type. `path` is of `value`, and restored.
std::optional<TypeMismatch> check_value(const TypeNode& type, const json::value& value,
                                        std::string& path);

/// "a whole number from 1 to 5"
std::string describe_type(const TypeNode& type);

/// An alias that comes with no module of ours: what it stands for and is called.
struct TypeAlias {
  std::string_view name;
  std::string_view type;
  std::string_view called;  ///< empty: as its type is described
};
const TypeAlias* find_alias(std::string_view name);

}  // namespace muster::methods::detail
