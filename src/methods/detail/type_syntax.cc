// SPDX-License-Identifier: Apache-2.0
#include "methods/detail/type_syntax.h"

#include <charconv>
#include <cmath>

#include "core/bytes.h"

namespace muster::methods::detail {
namespace {

using Kind = TypeSyntax::Kind;
using Parsed = std::expected<TypeSyntax, TypeError>;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || is_upper(c) || is_digit(c) || c == '_';
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Parsed whole() {
    auto parsed = item(0);
    if (!parsed) return parsed;
    if (peek() != '\0' || at_ < text_.size()) {
      return fail("unexpected '" + core::printable(text_.substr(at_, 1)) + "' behind the type");
    }
    if (parsed->kind != Kind::kType) return type_error(1, "expected a type, such as String[1]");
    return parsed;
  }

 private:
  std::unexpected<TypeError> fail(std::string_view message) const {
    return type_error(at_ + 1, message);
  }
  char peek() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(std::string_view token) {
    peek();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  Parsed item(std::size_t depth) {
    const char first = peek();
    if (depth > kTypeDepthMax) {
      return fail("nested deeper than " + std::to_string(kTypeDepthMax) + " levels");
    }
    if (++nodes_ > kTypeNodesMax) {
      return fail("more than " + std::to_string(kTypeNodesMax) + " parts");
    }
    TypeSyntax made;
    made.column = at_ + 1;
    if (first == '\'' || first == '"') return quoted(std::move(made), first);
    if (first == '/') return regexp(std::move(made));
    if (first == '{') return pairs(std::move(made), depth);
    if (is_digit(first) || first == '-') return number(std::move(made));
    if (is_upper(first)) return type(std::move(made), depth);
    if (is_word(first)) return word(std::move(made));
    if (at_ >= text_.size()) return fail("the type ends too early");
    return fail("unexpected '" + core::printable(text_.substr(at_, 1)) + "'");
  }

  Parsed quoted(TypeSyntax made, char quote) {
    made.kind = Kind::kText;
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      // In single quotes a backslash escapes itself and the quote only.
      if (text_[at_] == '\\' && at_ + 1 < text_.size() &&
          (quote == '"' || text_[at_ + 1] == quote || text_[at_ + 1] == '\\')) {
        ++at_;
        const char c = text_[at_];
        made.text += quote == '\'' ? c : c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
      } else {
        made.text += text_[at_];
      }
    }
    if (at_ >= text_.size()) return type_error(made.column, "this text has no closing quote");
    ++at_;
    return made;
  }

  Parsed regexp(TypeSyntax made) {
    made.kind = Kind::kRegexp;
    for (++at_; at_ < text_.size() && text_[at_] != '/'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        ++at_;
        if (text_[at_] != '/') made.text += '\\';
      }
      made.text += text_[at_];
    }
    if (at_ >= text_.size()) return type_error(made.column, "this expression has no closing '/'");
    ++at_;
    return made;
  }

  Parsed number(TypeSyntax made) {
    const char* const begin = text_.data() + at_;
    const char* const end = text_.data() + text_.size();
    const auto [integer_end, integer_wrong] = std::from_chars(begin, end, made.integer);
    const auto [real_end, real_wrong] = std::from_chars(begin, end, made.real);
    if (real_wrong != std::errc() || !std::isfinite(made.real)) return fail("this is no number");
    made.kind = real_end != integer_end ? Kind::kFloat : Kind::kInteger;
    if (made.kind == Kind::kInteger && integer_wrong != std::errc()) {
      return fail("this number is too large");
    }
    at_ = static_cast<std::size_t>(real_end - text_.data());
    if (at_ < text_.size() && is_word(text_[at_])) return fail("this is no number");
    return made;
  }

  Parsed word(TypeSyntax made) {
    made.kind = Kind::kText;
    while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '-')) {
      made.text += text_[at_++];
    }
    if (made.text == "default") made.kind = Kind::kDefault;
    if (made.text == "undef") made.kind = Kind::kUndef;
    if (made.text == "true") made.kind = Kind::kTrue;
    if (made.text == "false") made.kind = Kind::kFalse;
    return made;
  }

  Parsed type(TypeSyntax made, std::size_t depth) {
    while (at_ < text_.size()) {
      if (is_word(text_[at_])) {
        made.text += text_[at_++];
      } else if (text_.substr(at_).starts_with("::") && at_ + 2 < text_.size() &&
                 is_upper(text_[at_ + 2])) {
        made.text += "::";
        at_ += 2;
      } else {
        break;
      }
    }
    if (!take("[")) return made;
    made.bracketed = true;
    while (!take("]")) {
      auto argument = item(depth + 1);
      if (!argument) return argument;
      made.items.push_back(*std::move(argument));
      if (!take(",") && peek() != ']') return fail("expected ',' or ']'");
    }
    if (made.items.empty()) return type_error(made.column, "'[]' is empty: leave it out");
    return made;
  }

  Parsed pairs(TypeSyntax made, std::size_t depth) {
    made.kind = Kind::kPairs;
    ++at_;
    while (!take("}")) {
      auto key = item(depth + 1);
      if (!key) return key;
      if (!take("=>")) return fail("expected '=>'");
      auto value = item(depth + 1);
      if (!value) return value;
      made.items.push_back(*std::move(key));
      made.items.push_back(*std::move(value));
      if (!take(",") && peek() != '}') return fail("expected ',' or '}'");
    }
    return made;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace

std::unexpected<TypeError> type_error(std::size_t column, std::string_view message) {
  return std::unexpected(
      TypeError{column, "column " + std::to_string(column) + ": " + std::string(message)});
}

std::expected<TypeSyntax, TypeError> parse_type_syntax(std::string_view text) {
  if (text.size() > kTypeBytesMax) {
    return type_error(1, "the type has more than " + std::to_string(kTypeBytesMax) + " bytes");
  }
  return Parser(text).whole();
}

}  // namespace muster::methods::detail
