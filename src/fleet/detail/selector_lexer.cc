// SPDX-License-Identifier: Apache-2.0
#include "fleet/detail/selector_lexer.h"

#include "core/bytes.h"
#include "fleet/detail/selector_program.h"

namespace muster::fleet::detail {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool ends_word(char c) {
  return is_space(c) || std::string_view("()=!<>~,\"'").find(c) != std::string_view::npos;
}

/// Reads a word from `at` on; brackets keep their commas.
std::expected<std::string, SelectorError> word_at(std::string_view text, std::size_t& at) {
  const std::size_t start = at;
  std::size_t bracket = 0;
  bool inside = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (inside ? is_space(c) : ends_word(c)) break;
    if (c == '[' && !inside) {
      inside = true;
      bracket = at;
    }
    if (c == ']') inside = false;
  }
  if (inside) return fail_at(bracket + 1, "this '[' is not closed; write db[01-12]");
  return std::string(text.substr(start, at - start));
}

std::expected<std::string, SelectorError> quoted_at(std::string_view text, std::size_t& at) {
  const std::size_t start = at;
  const char quote = text[at++];
  std::string meant;
  for (; at < text.size() && text[at] != quote; ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    meant += text[at];
  }
  if (at == text.size()) return fail_at(start + 1, "this quote is not closed");
  ++at;
  return meant;
}

Token::Kind punctuation(char c) {
  return c == '(' ? Token::Kind::kOpen : c == ')' ? Token::Kind::kClose : Token::Kind::kComma;
}

}  // namespace

bool Token::is(std::string_view keyword) const {
  return kind == Kind::kWord && equal_words(text, keyword);
}

std::string Token::shown() const {
  return kind == Kind::kEnd ? "the end" : "'" + core::printable(text, 40) + "'";
}

std::unexpected<SelectorError> fail_at(std::size_t column, std::string message) {
  return std::unexpected(
      SelectorError{column, "column " + std::to_string(column) + ": " + std::move(message)});
}

std::expected<std::vector<Token>, SelectorError> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const std::size_t column = at + 1;
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (is_space(c)) {
      ++at;
    } else if (c == '(' || c == ')' || c == ',') {
      tokens.push_back({punctuation(c), std::string(1, c), column});
      ++at;
    } else if (c == '"' || c == '\'') {
      auto meant = quoted_at(text, at);
      if (!meant) return std::unexpected(std::move(meant.error()));
      tokens.push_back({Token::Kind::kQuoted, std::move(*meant), column});
    } else if (c == '!' && next != '=') {
      return fail_at(column, "a lone '!'; write 'not' before a condition or '!=' inside it");
    } else if (ends_word(c)) {
      const bool two = next == '=' && c != '~';
      tokens.push_back({Token::Kind::kOperator, std::string(text.substr(at, two ? 2 : 1)), column});
      at += two ? 2 : 1;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return fail_at(column, "a control character");
    } else {
      auto word = word_at(text, at);
      if (!word) return std::unexpected(std::move(word.error()));
      tokens.push_back({Token::Kind::kWord, std::move(*word), column});
    }
  }
  tokens.push_back({Token::Kind::kEnd, {}, text.size() + 1});
  return tokens;
}

}  // namespace muster::fleet::detail
