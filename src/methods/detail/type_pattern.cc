// SPDX-License-Identifier: Apache-2.0
#include "methods/detail/type_pattern.h"

#include <re2/re2.h>

#include <array>
#include <utility>

#include "core/bytes.h"
#include "methods/parameter_types.h"

namespace muster::methods::detail {
namespace {

std::unexpected<PatternProblem> unsupported(std::string_view what) {
  return std::unexpected(PatternProblem{true, std::string(what)});
}

// Ruby's POSIX classes are of Unicode, RE2's of ASCII.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kPosixClasses = {{
    {"[:alpha:]", "\\p{L}\\p{M}"},
    {"[:alnum:]", "\\p{L}\\p{M}\\p{Nd}"},
    {"[:word:]", "\\p{L}\\p{M}\\p{Nd}\\p{Pc}"},
    {"[:upper:]", "\\p{Lu}"},
    {"[:lower:]", "\\p{Ll}"},
    {"[:digit:]", "\\p{Nd}"},
}};

class Translator {
 public:
  explicit Translator(std::string_view ruby) : rest_(ruby) {}

  std::expected<std::string, PatternProblem> run() {
    while (!rest_.empty()) {
      std::expected<void, PatternProblem> step;
      if (rest_.front() == '\\') {
        step = escape();
      } else if (in_class_) {
        step = inside_class();
      } else if (rest_.starts_with("(?")) {
        step = group();
      } else {
        if (rest_.front() == '[')
          begin_class();
        else
          copy(1);
      }
      if (!step) return std::unexpected(step.error());
    }
    return std::move(out_);
  }

 private:
  void copy(std::size_t bytes) {
    out_ += rest_.substr(0, bytes);
    rest_.remove_prefix(std::min(bytes, rest_.size()));
  }
  void replace(std::size_t bytes, std::string_view by) {
    out_ += by;
    rest_.remove_prefix(bytes);
  }

  std::expected<void, PatternProblem> escape() {
    if (rest_.size() < 2) {
      copy(1);
      return {};
    }
    const char c = rest_[1];
    if (c >= '1' && c <= '9' && !in_class_) return unsupported("it refers back to a group");
    switch (c) {
      case 'h':
        replace(2, in_class_ ? "0-9A-Fa-f" : "[0-9A-Fa-f]");
        break;
      case 'H':
        if (in_class_) return unsupported("it has \\H in brackets");
        replace(2, "[^0-9A-Fa-f]");
        break;
      case 'Z':
        replace(2, "(?:\\n?\\z)");
        break;
      case 'R':
        replace(2, "(?:\\r\\n|[\\n\\v\\f\\r])");
        break;
      case 'e':
        replace(2, "\\x1b");
        break;
      default:
        copy(2);
    }
    return {};
  }

  void begin_class() {
    in_class_ = true;
    copy(rest_.starts_with("[^") ? 2 : 1);
    if (rest_.starts_with("]")) replace(1, "\\]");
  }

  std::expected<void, PatternProblem> inside_class() {
    if (rest_.starts_with("&&")) return unsupported("it intersects classes (&&)");
    if (rest_.starts_with("[:")) {
      for (const auto& [ours, theirs] : kPosixClasses) {
        if (!rest_.starts_with(ours)) continue;
        replace(ours.size(), theirs);
        return {};
      }
      const auto end = rest_.find(":]");
      copy(end == std::string_view::npos ? 1 : end + 2);
      return {};
    }
    if (rest_.front() == '[') return unsupported("it has a class inside a class");
    if (rest_.front() == ']') in_class_ = false;
    copy(1);
    return {};
  }

  // Behind "(?".
  std::expected<void, PatternProblem> group() {
    const char c = rest_.size() > 2 ? rest_[2] : '\0';
    if (c == ':' || c == '\0') {
      copy(2);
      return {};
    }
    if (c == '<' && rest_.size() > 3 && rest_[3] != '=' && rest_[3] != '!') {
      replace(2, "(?P");
      return {};
    }
    const auto end = rest_.find_first_not_of("im-", 2);
    if (end == 2 || end == std::string_view::npos || (rest_[end] != ':' && rest_[end] != ')')) {
      return unsupported("it has a group '" + core::printable(rest_.substr(0, 4)) + "'");
    }
    for (const char flag : rest_.substr(0, end)) out_ += flag == 'm' ? 's' : flag;
    rest_.remove_prefix(end);
    return {};
  }

  std::string_view rest_;
  std::string out_;
  bool in_class_ = false;
};

}  // namespace

std::expected<std::string, PatternProblem> translate_pattern(std::string_view ruby) {
  return Translator(ruby).run();
}

std::expected<PatternPtr, PatternProblem> compile_pattern(std::string_view ruby) {
  if (ruby.size() > kPatternBytesMax) return unsupported("it is too long");
  auto translated = translate_pattern(ruby);
  if (!translated) return std::unexpected(translated.error());
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(static_cast<std::int64_t>(kPatternMemoryBytesMax));
  options.set_never_capture(true);
  // In Ruby ^ and $ are always the ends of a line.
  auto pattern = std::make_shared<const re2::RE2>("(?m)" + *translated, options);
  if (pattern->ok()) return pattern;
  PatternProblem problem{true, core::printable(pattern->error(), 200)};
  switch (pattern->error_code()) {
    case re2::RE2::ErrorMissingBracket:
    case re2::RE2::ErrorMissingParen:
    case re2::RE2::ErrorUnexpectedParen:
    case re2::RE2::ErrorTrailingBackslash:
    case re2::RE2::ErrorBadUTF8:
      problem.unsupported = false;
      break;
    default:
      break;
  }
  return std::unexpected(std::move(problem));
}

bool pattern_matches(const re2::RE2& pattern, std::string_view text) {
  return pattern.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(),
                       re2::RE2::UNANCHORED, nullptr, 0);
}

}  // namespace muster::methods::detail
