// SPDX-License-Identifier: Apache-2.0
#include "methods/detail/json_text.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/parser.hpp>
#include <optional>
#include <set>

namespace muster::methods::detail {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

// Walks text that is known to be JSON.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  std::size_t at() const { return at_; }
  char peek() {
    at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size());
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  std::string string() {
    peek();
    const std::size_t from = at_++;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_ + 1, text_.size());
    const std::string_view quoted = text_.substr(from, at_ - from);
    if (quoted.find('\\') == std::string_view::npos) {
      return std::string(quoted.substr(1, quoted.size() - 2));
    }
    std::error_code failed;
    const json::value value = json::parse(quoted, failed);
    return failed || !value.is_string() ? std::string(quoted) : std::string(value.get_string());
  }
  // Behind a number or a word.
  void scalar() { at_ = std::min(text_.find_first_of(" \t\r\n,]}", at_), text_.size()); }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// Goes through one value; `visit(walk, name, index)` is told of every element and goes
// through it.
template <typename Visit>
void elements(Walk& walk, Visit&& visit) {
  const char first = walk.peek();
  if (first == '"') {
    walk.string();
  } else if (first == '{' && walk.take('{')) {
    while (walk.peek() == '"') {
      const std::size_t name_at = walk.at();
      const std::string name = walk.string();
      walk.take(':');
      walk.peek();
      visit(name, name_at);
      if (!walk.take(',')) break;
    }
    walk.take('}');
  } else if (first == '[' && walk.take('[')) {
    for (std::size_t i = 0; walk.peek() != ']' && walk.peek() != '\0'; ++i) {
      visit(std::to_string(i), walk.at());
      if (!walk.take(',')) break;
    }
    walk.take(']');
  } else {
    walk.scalar();
  }
}

void skip(Walk& walk) {
  elements(walk, [&](const std::string&, std::size_t) { skip(walk); });
}

// The offset of the second of two members of one name. As deep as the parser allowed.
std::optional<std::size_t> doubled(Walk& walk) {
  std::optional<std::size_t> found;
  std::set<std::string> names;
  elements(walk, [&](const std::string& name, std::size_t at) {
    const bool fresh = names.insert(name).second;
    if (!fresh && !found) found = at;
    const auto inside = doubled(walk);
    if (!found) found = inside;
  });
  return found;
}

// True where the path's end was found; `found` is the nearest place until then.
bool locate(Walk& walk, std::span<const std::string> path, Part part, std::size_t& found) {
  if (path.empty()) return true;
  bool done = false;
  elements(walk, [&](const std::string& name, std::size_t at) {
    if (done || name != path.front()) {
      skip(walk);
      return;
    }
    found = part == Part::kName && path.size() == 1 ? at : walk.at();
    if (path.size() == 1)
      skip(walk);
    else
      locate(walk, path.subspan(1), part, found);
    done = true;
  });
  return done;
}

}  // namespace

Place place_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const std::size_t line_feed = before.rfind('\n');
  return {static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1,
          line_feed == std::string_view::npos ? before.size() + 1 : before.size() - line_feed};
}

std::expected<json::value, JsonMistake> parse_located(std::string_view text,
                                                      std::size_t depth_max) {
  json::parse_options options;
  options.max_depth = depth_max;
  json::parser parser({}, options);
  std::error_code failed;
  const std::size_t read = parser.write_some(text.data(), text.size(), failed);
  if (failed) {
    return std::unexpected(
        JsonMistake{place_at(text, read), "not valid JSON: " + failed.message()});
  }
  if (const auto rest = text.find_first_not_of(kSpace, read); rest != std::string_view::npos) {
    return std::unexpected(
        JsonMistake{place_at(text, rest), "not valid JSON: more follows behind the value"});
  }
  Walk walk(text);
  if (const auto twice = doubled(walk)) {
    return std::unexpected(JsonMistake{place_at(text, *twice), "this member stands here twice"});
  }
  return parser.release();
}

Place place_of(std::string_view text, std::span<const std::string> path, Part part) {
  Walk walk(text);
  walk.peek();
  std::size_t found = walk.at();
  locate(walk, path, part, found);
  return place_at(text, found);
}

}  // namespace muster::methods::detail
