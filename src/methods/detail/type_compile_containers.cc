// SPDX-License-Identifier: Apache-2.0
//
// Lists, maps, structs: types that hold values of other types.
#include <algorithm>

#include "core/bytes.h"
#include "methods/detail/type_compiler.h"

namespace muster::methods::detail {

using Kind = TypeNode::Kind;
using Syntax = TypeSyntax::Kind;

Made TypeCompiler::list(const TypeSyntax& from, std::size_t depth) {
  TypeNode made = node_of(Kind::kList);
  std::span<const TypeSyntax> rest = from.items;
  if (!rest.empty() && rest[0].kind == Syntax::kType) {
    Made inner = compile(rest[0], depth + 1);
    if (!inner) return inner;
    made.items.push_back(*std::move(inner));
    rest = rest.subspan(1);
  }
  if (auto sized = sizes(rest, made); !sized) return std::unexpected(sized.error());
  return made;
}

Made TypeCompiler::tuple(const TypeSyntax& from, std::size_t depth) {
  TypeNode made = node_of(Kind::kTuple);
  std::span<const TypeSyntax> rest = from.items;
  while (!rest.empty() && rest[0].kind == Syntax::kType) {
    Made inner = compile(rest[0], depth + 1);
    if (!inner) return inner;
    made.items.push_back(*std::move(inner));
    rest = rest.subspan(1);
  }
  if (made.items.empty()) return node_of(Kind::kList);
  made.size_least = made.size_most = made.items.size();
  if (!rest.empty()) {
    made.size_most = TypeNode::kNoLimit;
    if (auto sized = sizes(rest, made); !sized) return std::unexpected(sized.error());
  }
  return made;
}

Made TypeCompiler::map(const TypeSyntax& from, std::size_t depth) {
  TypeNode made = node_of(Kind::kMap);
  std::span<const TypeSyntax> rest = from.items;
  if (!rest.empty() && rest[0].kind == Syntax::kType) {
    if (rest.size() < 2 || rest[1].kind != Syntax::kType) {
      return fail(from, "Hash takes two types: of keys and of values");
    }
    for (int i = 0; i < 2; ++i) {
      Made inner = compile(rest[static_cast<std::size_t>(i)], depth + 1);
      if (!inner) return inner;
      made.items.push_back(*std::move(inner));
    }
    rest = rest.subspan(2);
  }
  if (auto sized = sizes(rest, made); !sized) return std::unexpected(sized.error());
  return made;
}

Made TypeCompiler::collection(const TypeSyntax& from, std::size_t) {
  TypeNode made = node_of(Kind::kCollection);
  if (!from.items.empty() && from.items[0].kind == Syntax::kType) return made;  // Iterable[T]
  if (auto sized = sizes(from.items, made); !sized) return std::unexpected(sized.error());
  return made;
}

// 'name', Optional['name'] or NotUndef['name'].
std::expected<TypeNode::Field, TypeError> TypeCompiler::field(const TypeSyntax& key,
                                                              bool optional_value) {
  TypeNode::Field made;
  made.required = !optional_value;
  const TypeSyntax* name = &key;
  if (key.kind == Syntax::kType && (key.text == "Optional" || key.text == "NotUndef") &&
      key.items.size() == 1) {
    made.required = key.text == "NotUndef";
    name = &key.items[0];
  }
  if (name->kind != Syntax::kText || name->text.empty()) {
    return type_error(key.column, "expected a member's name, such as 'port' or Optional['port']");
  }
  made.name = name->text;
  return made;
}

Made TypeCompiler::structure(const TypeSyntax& from, std::size_t depth) {
  TypeNode made = node_of(Kind::kStruct);
  if (!from.bracketed) return node_of(Kind::kMap);
  if (from.items.size() != 1 || from.items[0].kind != Syntax::kPairs) {
    return fail(from, "Struct takes one list of members: Struct[{name => String}]");
  }
  const auto& pairs = from.items[0].items;
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    Made value = compile(pairs[i + 1], depth + 1);
    if (!value) return value;
    std::string nowhere;
    const bool optional_value = !check_value(*value, json::value(nullptr), nowhere);
    auto member = field(pairs[i], optional_value);
    if (!member) return std::unexpected(member.error());
    if (std::ranges::find(made.fields, member->name, &TypeNode::Field::name) != made.fields.end()) {
      return fail(pairs[i], "the member '" + core::printable(member->name, 100) + "' stands twice");
    }
    member->item = made.items.size();
    made.items.push_back(*std::move(value));
    made.fields.push_back(*std::move(member));
  }
  return made;
}

}  // namespace muster::methods::detail
