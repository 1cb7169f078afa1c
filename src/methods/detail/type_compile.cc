// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/bytes.h"
#include "methods/detail/type_compiler.h"

namespace muster::methods::detail {

using Kind = TypeNode::Kind;
using Syntax = TypeSyntax::Kind;

const std::array<TypeCompiler::Name, 35> TypeCompiler::kNames = {{
    {"Any", &TypeCompiler::anything},
    {"Array", &TypeCompiler::list},
    {"Binary", &TypeCompiler::written_as_text},
    {"Boolean", &TypeCompiler::boolean},
    {"Collection", &TypeCompiler::collection},
    {"Data", &TypeCompiler::anything},
    {"Enum", &TypeCompiler::words},
    {"Error", &TypeCompiler::plain},
    {"Float", &TypeCompiler::real},
    {"Hash", &TypeCompiler::map},
    {"Init", &TypeCompiler::anything},
    {"Integer", &TypeCompiler::integer},
    {"Iterable", &TypeCompiler::collection},
    {"NotUndef", &TypeCompiler::not_undef},
    {"Numeric", &TypeCompiler::plain},
    {"Optional", &TypeCompiler::optional},
    {"Pattern", &TypeCompiler::pattern},
    {"Regexp", &TypeCompiler::written_as_text},
    {"RichData", &TypeCompiler::anything},
    {"Scalar", &TypeCompiler::plain},
    {"ScalarData", &TypeCompiler::plain},
    {"SemVer", &TypeCompiler::written_as_text},
    {"SemVerRange", &TypeCompiler::written_as_text},
    {"Sensitive", &TypeCompiler::sensitive},
    {"String", &TypeCompiler::text},
    {"Struct", &TypeCompiler::structure},
    {"Target", &TypeCompiler::written_as_text},
    {"TargetSpec", &TypeCompiler::target},
    {"Timespan", &TypeCompiler::written_as_text},
    {"Timestamp", &TypeCompiler::written_as_text},
    {"Tuple", &TypeCompiler::tuple},
    {"URI", &TypeCompiler::written_as_text},
    {"Undef", &TypeCompiler::plain},
    {"Unit", &TypeCompiler::anything},
    {"Variant", &TypeCompiler::variant},
}};

Made TypeCompiler::compile(const TypeSyntax& from, std::size_t depth) {
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
  TypeNode made = node_of(Kind::kAny);
  made.unchecked = true;
  made.called = core::printable(from.text, 100);
  return made;
}

Made TypeCompiler::alias(const TypeSyntax& from, const TypeAlias& alias, std::size_t depth) {
  if (from.bracketed) return fail(from, std::string(alias.name) + " takes no arguments");
  const auto syntax = parse_type_syntax(alias.type);
  if (!syntax) return fail(from, std::string(alias.name) + ": " + syntax.error().message);
  const std::size_t outer = std::exchange(column_of_alias_, from.column);
  Made made = compile(*syntax, depth + 1);
  column_of_alias_ = outer;
  if (made && !alias.called.empty()) made->called = alias.called;
  return made;
}

Made TypeCompiler::plain(const TypeSyntax& from, std::size_t) {
  if (from.text == "Undef") return node_of(Kind::kUndef);
  if (from.text == "Numeric") return node_of(Kind::kNumber);
  if (from.text == "Error") return node_of(Kind::kMap);
  return node_of(Kind::kScalar);
}

Made TypeCompiler::anything(const TypeSyntax&, std::size_t) {
  return node_of(Kind::kAny);
}

Made TypeCompiler::written_as_text(const TypeSyntax&, std::size_t) {
  return node_of(Kind::kText);
}

Made TypeCompiler::target(const TypeSyntax&, std::size_t) {
  TypeNode made = node_of(Kind::kVariant);
  made.called = "a target's name, or a list of them";
  made.items = {node_of(Kind::kText), node_of(Kind::kList)};
  return made;
}

// [least] or [least, most] of a size.
std::expected<void, TypeError> TypeCompiler::sizes(std::span<const TypeSyntax> from, TypeNode& to) {
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

Made TypeCompiler::text(const TypeSyntax& from, std::size_t) {
  TypeNode made = node_of(Kind::kText);
  if (from.items.size() == 1 && from.items[0].kind == Syntax::kText) {  // String['only this']
    made.kind = Kind::kEnum;
    made.words = {from.items[0].text};
    return made;
  }
  if (auto sized = sizes(from.items, made); !sized) return std::unexpected(sized.error());
  return made;
}

Made TypeCompiler::integer(const TypeSyntax& from, std::size_t) {
  TypeNode made = node_of(Kind::kInteger);
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

Made TypeCompiler::real(const TypeSyntax& from, std::size_t) {
  TypeNode made = node_of(Kind::kFloat);
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

Made TypeCompiler::boolean(const TypeSyntax& from, std::size_t) {
  TypeNode made = node_of(Kind::kBoolean);
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

Made TypeCompiler::words(const TypeSyntax& from, std::size_t) {
  TypeNode made = node_of(Kind::kEnum);
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

Made TypeCompiler::pattern(const TypeSyntax& from, std::size_t depth) {
  TypeNode made = node_of(Kind::kPattern);
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

Made TypeCompiler::variant(const TypeSyntax& from, std::size_t depth) {
  if (from.items.empty()) return node_of(Kind::kAny);
  TypeNode made = node_of(Kind::kVariant);
  for (const TypeSyntax& item : from.items) {
    Made inner = compile(item, depth + 1);
    if (!inner) return inner;
    made.items.push_back(*std::move(inner));
  }
  return made;
}

// Optional[T] and NotUndef[T] also take a text, which is T = Enum of it.
Made TypeCompiler::optional(const TypeSyntax& from, std::size_t depth) {
  if (from.items.empty()) return node_of(Kind::kAny);
  if (from.items.size() > 1) return fail(from, "Optional takes one type");
  Made inner =
      from.items[0].kind == Syntax::kText ? words(from, depth) : compile(from.items[0], depth + 1);
  if (!inner) return inner;
  TypeNode made = node_of(Kind::kVariant);
  made.items.push_back(*std::move(inner));
  made.items.push_back(node_of(Kind::kUndef));
  return made;
}

Made TypeCompiler::not_undef(const TypeSyntax& from, std::size_t depth) {
  TypeNode made = node_of(Kind::kNotUndef);
  if (from.items.empty()) return made;
  if (from.items.size() > 1) return fail(from, "NotUndef takes one type");
  Made inner =
      from.items[0].kind == Syntax::kText ? words(from, depth) : compile(from.items[0], depth + 1);
  if (!inner) return inner;
  made.items.push_back(*std::move(inner));
  return made;
}

Made TypeCompiler::sensitive(const TypeSyntax& from, std::size_t depth) {
  out_.sensitive = true;
  if (from.items.empty()) return node_of(Kind::kAny);
  if (from.items.size() > 1) return fail(from, "Sensitive takes one type");
  return compile(from.items[0], depth + 1);
}

std::expected<CompiledType, TypeError> compile_type(std::string_view text) {
  const auto syntax = parse_type_syntax(text);
  if (!syntax) return std::unexpected(syntax.error());
  CompiledType out;
  auto root = TypeCompiler(out).compile(*syntax, 0);
  if (!root) return std::unexpected(root.error());
  out.root = *std::move(root);
  return out;
}

}  // namespace muster::methods::detail
