// SPDX-License-Identifier: Apache-2.0
//
// From a type's text to what checks values: one function a family of types. What holds
// other values is in type_compile_containers.cc, the rest in type_compile.cc.
#pragma once

#include <array>
#include <span>

#include "methods/detail/type_node.h"
#include "methods/detail/type_syntax.h"

namespace muster::methods::detail {

using Made = std::expected<TypeNode, TypeError>;

inline TypeNode node_of(TypeNode::Kind kind) {
  TypeNode made;
  made.kind = kind;
  return made;
}

class TypeCompiler {
 public:
  explicit TypeCompiler(CompiledType& out) : out_(out) {}

  Made compile(const TypeSyntax& from, std::size_t depth);

 private:
  using Rule = Made (TypeCompiler::*)(const TypeSyntax&, std::size_t);
  struct Name {
    std::string_view name;
    Rule rule;
  };
  static const std::array<Name, 35> kNames;

  Made plain(const TypeSyntax& from, std::size_t depth);
  Made text(const TypeSyntax& from, std::size_t depth);
  Made integer(const TypeSyntax& from, std::size_t depth);
  Made real(const TypeSyntax& from, std::size_t depth);
  Made boolean(const TypeSyntax& from, std::size_t depth);
  Made words(const TypeSyntax& from, std::size_t depth);
  Made pattern(const TypeSyntax& from, std::size_t depth);
  Made list(const TypeSyntax& from, std::size_t depth);
  Made tuple(const TypeSyntax& from, std::size_t depth);
  Made map(const TypeSyntax& from, std::size_t depth);
  Made collection(const TypeSyntax& from, std::size_t depth);
  Made structure(const TypeSyntax& from, std::size_t depth);
  Made variant(const TypeSyntax& from, std::size_t depth);
  Made optional(const TypeSyntax& from, std::size_t depth);
  Made not_undef(const TypeSyntax& from, std::size_t depth);
  Made sensitive(const TypeSyntax& from, std::size_t depth);
  Made anything(const TypeSyntax& from, std::size_t depth);
  Made written_as_text(const TypeSyntax& from, std::size_t depth);
  Made target(const TypeSyntax& from, std::size_t depth);
  Made alias(const TypeSyntax& from, const TypeAlias& alias, std::size_t depth);

  std::expected<void, TypeError> sizes(std::span<const TypeSyntax> from, TypeNode& to);
  std::expected<TypeNode::Field, TypeError> field(const TypeSyntax& key, bool optional_value);
  Made fail(const TypeSyntax& at, std::string_view message) const {
    return type_error(column_of_alias_ ? column_of_alias_ : at.column, message);
  }

  CompiledType& out_;
  std::size_t nodes_ = 0;
  std::size_t column_of_alias_ = 0;
};

}  // namespace muster::methods::detail
