// SPDX-License-Identifier: Apache-2.0
//
// From a type's text to what checks values: one function a family of types.
#include <algorithm>
#include <array>

#include "core/bytes.h"
#include "methods/detail/type_node.h"
#include "methods/detail/type_syntax.h"

namespace muster::methods::detail {
namespace {

using Kind = TypeNode::Kind;
using Syntax = TypeSyntax::Kind;
using Made = std::expected<TypeNode, TypeError>;

TypeNode node(Kind kind) {
  TypeNode made;
  made.kind = kind;
  return made;
}

class Compiler {
 public:
  explicit Compiler(CompiledType& out) : out_(out) {}

  Made compile(const TypeSyntax& from, std::size_t depth);

 private:
  using Rule = Made (Compiler::*)(const TypeSyntax&, std::size_t);
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

const std::array<Compiler::Name, 35> Compiler::kNames = {{
    {"Any", &Compiler::anything},
    {"Array", &Compiler::list},
    {"Binary", &Compiler::written_as_text},
    {"Boolean", &Compiler::boolean},
    {"Collection", &Compiler::collection},
    {"Data", &Compiler::anything},
    {"Enum", &Compiler::words},
    {"Error", &Compiler::plain},
    {"Float", &Compiler::real},
    {"Hash", &Compiler::map},
    {"Init", &Compiler::anything},
    {"Integer", &Compiler::integer},
    {"Iterable", &Compiler::collection},
    {"NotUndef", &Compiler::not_undef},
    {"Numeric", &Compiler::plain},
    {"Optional", &Compiler::optional},
    {"Pattern", &Compiler::pattern},
    {"Regexp", &Compiler::written_as_text},
    {"RichData", &Compiler::anything},
    {"Scalar", &Compiler::plain},
    {"ScalarData", &Compiler::plain},
    {"SemVer", &Compiler::written_as_text},
    {"SemVerRange", &Compiler::written_as_text},
    {"Sensitive", &Compiler::sensitive},
    {"String", &Compiler::text},
    {"Struct", &Compiler::structure},
    {"Target", &Compiler::written_as_text},
    {"TargetSpec", &Compiler::target},
    {"Timespan", &Compiler::written_as_text},
    {"Timestamp", &Compiler::written_as_text},
    {"Tuple", &Compiler::tuple},
    {"URI", &Compiler::written_as_text},
    {"Undef", &Compiler::plain},
    {"Unit", &Compiler::anything},
    {"Variant", &Compiler::variant},
}};

Made Compiler::compile(const TypeSyntax& from, std::size_t depth) {
  if (++nodes_ > kTypeNodesMax || depth > kTypeDepthMax) {
    return fail(from, "the type is too large or too deep");
  }
  if (from.kind != Syntax::kType) return fail(from, "expected a type here, such as String[1]");
  const auto* known = std::ranges::find(kNames, std::string_view(from.text), &Name::name);
  if (known != kNames.end()) return (this->*known->rule)(from, depth);
  if (const TypeAlias* found = find_alias(from.text)) return alias(from, *found, depth);
  if (from.text.find("::") == std::string::npos) {
    return fail(from, "'" + core::printable(from.text, 100) + "' is not a type of task parameters");
  }
  out_.warnings.push_back("the type " + core::printable(from.text, 100) +
                          " is not known here, so values of it are not checked");
  TypeNode made = node(Kind::kAny);
  made.unchecked = true;
  made.called = core::printable(from.text, 100);
  return made;
}

Made Compiler::alias(const TypeSyntax& from, const TypeAlias& alias, std::size_t depth) {
  if (from.bracketed) return fail(from, std::string(alias.name) + " takes no arguments");
  const auto syntax = parse_type_syntax(alias.type);
  if (!syntax) return fail(from, std::string(alias.name) + ": " + syntax.error().message);
  const std::size_t outer = std::exchange(column_of_alias_, from.column);
  Made made = compile(*syntax, depth + 1);
  column_of_alias_ = outer;
  if (made && !alias.called.empty()) made->called = alias.called;
  return made;
}

Made Compiler::plain(const TypeSyntax& from, std::size_t) {
  if (from.text == "Undef") return node(Kind::kUndef);
  if (from.text == "Numeric") return node(Kind::kNumber);
  if (from.text == "Error") return node(Kind::kMap);
  return node(Kind::kScalar);
}

Made Compiler::anything(const TypeSyntax&, std::size_t) {
  return node(Kind::kAny);
}

Made Compiler::written_as_text(const TypeSyntax&, std::size_t) {
  return node(Kind::kText);
}

Made Compiler::target(const TypeSyntax&, std::size_t) {
  TypeNode made = node(Kind::kVariant);
  made.called = "a target's name, or a list of them";
  made.items = {node(Kind::kText), node(Kind::kList)};
  return made;
}

// [least] or [least, most] of a size.
std::expected<void, TypeError> Compiler::sizes(std::span<const TypeSyntax> from, TypeNode& to) {
  if (from.size() > 2) return type_error(from[2].column, "expected at most two sizes");
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i].kind == Syntax::kDefault) continue;
    if (from[i].kind != Syntax::kInteger || from[i].integer < 0) {
      return type_error(from[i].column, "expected a size: a whole number that is not negative");
    }
    (i == 0 ? to.size_least : to.size_most) = static_cast<std::uint64_t>(from[i].integer);
  }
  if (to.size_least > to.size_most) {
    return type_error(from[0].column, "the least size is more than the largest");
  }
  return {};
}

Made Compiler::text(const TypeSyntax& from, std::size_t) {
  TypeNode made = node(Kind::kText);
  if (from.items.size() == 1 && from.items[0].kind == Syntax::kText) {  // String['only this']
    made.kind = Kind::kEnum;
    made.words = {from.items[0].text};
    return made;
  }
  if (auto sized = sizes(from.items, made); !sized) return std::unexpected(sized.error());
  return made;
}

Made Compiler::integer(const TypeSyntax& from, std::size_t) {
  TypeNode made = node(Kind::kInteger);
  if (from.items.size() > 2) return fail(from, "Integer takes at most two numbers");
  for (std::size_t i = 0; i < from.items.size(); ++i) {
    if (from.items[i].kind == Syntax::kDefault) continue;
    if (from.items[i].kind != Syntax::kInteger)
      return fail(from.items[i], "expected a whole number");
    (i == 0 ? made.least : made.most) = from.items[i].integer;
  }
  if (made.least > made.most) return fail(from, "the least number is more than the largest");
  return made;
}

Made Compiler::real(const TypeSyntax& from, std::size_t) {
  TypeNode made = node(Kind::kFloat);
  if (from.items.size() > 2) return fail(from, "Float takes at most two numbers");
  for (std::size_t i = 0; i < from.items.size(); ++i) {
    const TypeSyntax& item = from.items[i];
    if (item.kind == Syntax::kDefault) continue;
    if (item.kind != Syntax::kInteger && item.kind != Syntax::kFloat) {
      return fail(item, "expected a number");
    }
    (i == 0 ? made.real_least : made.real_most) =
        item.kind == Syntax::kFloat ? item.real : static_cast<double>(item.integer);
  }
  if (made.real_least > made.real_most) {
    return fail(from, "the least number is more than the largest");
  }
  return made;
}

Made Compiler::boolean(const TypeSyntax& from, std::size_t) {
  TypeNode made = node(Kind::kBoolean);
  if (from.items.size() > 1) return fail(from, "Boolean takes true or false");
  if (from.items.size() == 1) {
    const Syntax kind = from.items[0].kind;
    if (kind != Syntax::kTrue && kind != Syntax::kFalse) {
      return fail(from.items[0], "expected true or false");
    }
    made.only = kind == Syntax::kTrue;
  }
  return made;
}

Made Compiler::words(const TypeSyntax& from, std::size_t) {
  TypeNode made = node(Kind::kEnum);
  for (const TypeSyntax& item : from.items) {
    if (&item == &from.items.back() && !made.words.empty() &&
        (item.kind == Syntax::kTrue || item.kind == Syntax::kFalse)) {
      made.fold_case = item.kind == Syntax::kTrue;  // Enum[a, b, true]: in any case
      break;
    }
    // Bare words may look like types (Enum[Debug]), numbers or constants.
    switch (item.kind) {
      case Syntax::kText:
        made.words.push_back(item.text);
        break;
      case Syntax::kType:
        if (item.bracketed) return fail(item, "expected a word");
        made.words.push_back(item.text);
        break;
      case Syntax::kDefault:
        made.words.emplace_back("default");
        break;
      case Syntax::kUndef:
        made.words.emplace_back("undef");
        break;
      case Syntax::kTrue:
        made.words.emplace_back("true");
        break;
      case Syntax::kFalse:
        made.words.emplace_back("false");
        break;
      default:
        return fail(item, "expected a word");
    }
  }
  if (made.words.empty()) made.kind = Kind::kText;  // plain Enum: any text
  return made;
}

Made Compiler::pattern(const TypeSyntax& from, std::size_t depth) {
  TypeNode made = node(Kind::kPattern);
  made.unchecked = from.items.empty();
  for (const TypeSyntax& item : from.items) {
    if (item.kind == Syntax::kType && item.text == "Regexp" && item.items.size() == 1) {
      Made inner = pattern(item, depth + 1);
      if (!inner) return inner;
      made.unchecked = made.unchecked || inner->unchecked;
      std::ranges::move(inner->patterns, std::back_inserter(made.patterns));
      std::ranges::move(inner->words, std::back_inserter(made.words));
      continue;
    }
    if (item.kind != Syntax::kRegexp && item.kind != Syntax::kText) {
      return fail(item, "expected a regular expression, such as /^[a-z]+$/");
    }
    made.words.push_back(item.text);
    auto compiled = compile_pattern(item.text);
    if (compiled) {
      made.patterns.push_back(*std::move(compiled));
    } else if (compiled.error().unsupported) {
      made.unchecked = true;
      out_.warnings.push_back("the expression /" + core::printable(item.text, 200) +
                              "/ cannot be checked here: " + compiled.error().message);
    } else {
      return fail(item, "this is no regular expression: " + compiled.error().message);
    }
  }
  return made;
}

Made Compiler::list(const TypeSyntax& from, std::size_t depth) {
  TypeNode made = node(Kind::kList);
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

Made Compiler::tuple(const TypeSyntax& from, std::size_t depth) {
  TypeNode made = node(Kind::kTuple);
  std::span<const TypeSyntax> rest = from.items;
  while (!rest.empty() && rest[0].kind == Syntax::kType) {
    Made inner = compile(rest[0], depth + 1);
    if (!inner) return inner;
    made.items.push_back(*std::move(inner));
    rest = rest.subspan(1);
  }
  if (made.items.empty()) return node(Kind::kList);
  made.size_least = made.size_most = made.items.size();
  if (!rest.empty()) {
    made.size_most = TypeNode::kNoLimit;
    if (auto sized = sizes(rest, made); !sized) return std::unexpected(sized.error());
  }
  return made;
}

Made Compiler::map(const TypeSyntax& from, std::size_t depth) {
  TypeNode made = node(Kind::kMap);
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

Made Compiler::collection(const TypeSyntax& from, std::size_t) {
  TypeNode made = node(Kind::kCollection);
  if (!from.items.empty() && from.items[0].kind == Syntax::kType) return made;  // Iterable[T]
  if (auto sized = sizes(from.items, made); !sized) return std::unexpected(sized.error());
  return made;
}

// 'name', Optional['name'] or NotUndef['name'].
std::expected<TypeNode::Field, TypeError> Compiler::field(const TypeSyntax& key,
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

Made Compiler::structure(const TypeSyntax& from, std::size_t depth) {
  TypeNode made = node(Kind::kStruct);
  if (!from.bracketed) return node(Kind::kMap);
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

Made Compiler::variant(const TypeSyntax& from, std::size_t depth) {
  if (from.items.empty()) return node(Kind::kAny);
  TypeNode made = node(Kind::kVariant);
  for (const TypeSyntax& item : from.items) {
    Made inner = compile(item, depth + 1);
    if (!inner) return inner;
    made.items.push_back(*std::move(inner));
  }
  return made;
}

// Optional[T] and NotUndef[T] also take a text, which is T = Enum of it.
Made Compiler::optional(const TypeSyntax& from, std::size_t depth) {
  if (from.items.empty()) return node(Kind::kAny);
  if (from.items.size() > 1) return fail(from, "Optional takes one type");
  Made inner =
      from.items[0].kind == Syntax::kText ? words(from, depth) : compile(from.items[0], depth + 1);
  if (!inner) return inner;
  TypeNode made = node(Kind::kVariant);
  made.items.push_back(*std::move(inner));
  made.items.push_back(node(Kind::kUndef));
  return made;
}

Made Compiler::not_undef(const TypeSyntax& from, std::size_t depth) {
  TypeNode made = node(Kind::kNotUndef);
  if (from.items.empty()) return made;
  if (from.items.size() > 1) return fail(from, "NotUndef takes one type");
  Made inner =
      from.items[0].kind == Syntax::kText ? words(from, depth) : compile(from.items[0], depth + 1);
  if (!inner) return inner;
  made.items.push_back(*std::move(inner));
  return made;
}

Made Compiler::sensitive(const TypeSyntax& from, std::size_t depth) {
  out_.sensitive = true;
  if (from.items.empty()) return node(Kind::kAny);
  if (from.items.size() > 1) return fail(from, "Sensitive takes one type");
  return compile(from.items[0], depth + 1);
}

}  // namespace

std::expected<CompiledType, TypeError> compile_type(std::string_view text) {
  const auto syntax = parse_type_syntax(text);
  if (!syntax) return std::unexpected(syntax.error());
  CompiledType out;
  auto root = Compiler(out).compile(*syntax, 0);
  if (!root) return std::unexpected(root.error());
  out.root = *std::move(root);
  return out;
}

}  // namespace muster::methods::detail
