// SPDX-License-Identifier: Apache-2.0
#include "settings/text.h"

#include <algorithm>
#include <map>

#include "core/bytes.h"

namespace muster::settings {
namespace {

constexpr std::size_t kShownBytesMax = 60;

bool is_key(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

std::string shown(std::string_view text) {
  return "'" + core::printable(text, kShownBytesMax) + "'";
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Text read() {
    while (!rest_.empty() && found_.mistakes.size() < kMistakesMax) {
      statement();
      skip_line();
    }
    if (found_.mistakes.size() == kMistakesMax)
      found_.mistakes.push_back({line_, "more mistakes than are told; reading ends here"});
    return std::move(found_);
  }

 private:
  char next() const { return rest_.empty() ? '\n' : rest_.front(); }
  bool at_end() const { return next() == '\n' || next() == '#' || rest_.starts_with("\r\n"); }
  void blanks() {
    while (!rest_.empty() && (next() == ' ' || next() == '\t')) rest_.remove_prefix(1);
  }
  void skip_line() {
    rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
    if (rest_.empty()) return;
    rest_.remove_prefix(1);
    ++line_;
  }
  /// Always false, so that what failed can end with it.
  bool wrong(std::string message) {
    found_.mistakes.push_back({line_, std::move(message)});
    return false;
  }
  /// What stands here, as far as people would call it a word.
  std::string word() const {
    return shown(rest_.substr(0, std::min(rest_.find_first_of(" \t\r\n#,]"), rest_.size())));
  }

  void statement() {
    blanks();
    if (at_end()) return;
    if (next() == '[') return void(wrong("there are no sections here; write key = value"));
    Entry entry;
    entry.line = line_;
    while (!rest_.empty() && is_key(next())) {
      entry.key += next();
      rest_.remove_prefix(1);
    }
    blanks();
    if (entry.key.empty() || next() != '=') {
      const std::string what = entry.key.empty() ? word() : shown(entry.key);
      return void(wrong("expected key = value at " + what));
    }
    rest_.remove_prefix(1);
    blanks();
    if (!value(entry)) return;
    blanks();
    if (!at_end()) return void(wrong("behind the value stands " + word()));
    keep(std::move(entry));
  }

  void keep(Entry entry) {
    const auto [known, added] = lines_.emplace(entry.key, entry.line);
    if (!added) {
      found_.mistakes.push_back({entry.line, shown(entry.key) + " stands in line " +
                                                 std::to_string(known->second) + " already"});
    } else if (found_.entries.size() == kEntriesMax) {
      wrong("more than " + std::to_string(kEntriesMax) + " settings");
      rest_ = {};
    } else {
      found_.entries.push_back(std::move(entry));
    }
  }

  bool value(Entry& entry) {
    if (at_end()) return wrong(shown(entry.key) + " has no value");
    if (next() == '"' || next() == '\'') {
      entry.form = Entry::Form::kText;
      return text(entry.values.emplace_back());
    }
    if (next() == '[') {
      entry.form = Entry::Form::kList;
      return list(entry.values);
    }
    const std::size_t end = std::min(rest_.find_first_of(" \t\r\n#"), rest_.size());
    const std::string_view bare = rest_.substr(0, end);
    if (bare == "true" || bare == "false") {
      entry.form = Entry::Form::kTruth;
    } else if (is_number(bare)) {
      entry.form = Entry::Form::kNumber;
    } else {
      return wrong("a text stands in quotes: " + entry.key + " = \"" +
                   core::printable(bare, kShownBytesMax) + "\"");
    }
    std::string& taken = entry.values.emplace_back(bare);
    std::erase(taken, '_');
    rest_.remove_prefix(end);
    return true;
  }

  /// 0, 42, 1_000: as TOML has it, without sign, fraction and leading zeros.
  static bool is_number(std::string_view word) {
    if (word.empty() || word.size() > 24 || (word.front() == '0' && word.size() > 1)) return false;
    for (std::size_t i = 0; i < word.size(); ++i) {
      const bool between = i > 0 && i + 1 < word.size() && word[i - 1] != '_';
      if (!(word[i] >= '0' && word[i] <= '9') && !(word[i] == '_' && between)) return false;
    }
    return true;
  }

  bool text(std::string& out) {
    const char quote = next();
    if (rest_.starts_with(std::string(3, quote))) return wrong("a text is one line in quotes");
    rest_.remove_prefix(1);
    while (next() != '\n' && next() != quote) {
      const char c = next();
      rest_.remove_prefix(1);
      if (c == '\\' && quote == '"') {
        if (!escape(out)) return false;
      } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) {
        return wrong("there is a control character in the text");
      } else {
        out += c;
      }
    }
    if (rest_.empty() || next() != quote) return wrong("the text does not end in this line");
    rest_.remove_prefix(1);
    return core::is_utf8(out) || wrong("the text is not UTF-8");
  }

  bool escape(std::string& out) {
    constexpr std::string_view kFrom = "\\\"tn", kTo = "\\\"\t\n";
    const auto at = kFrom.find(next());
    if (rest_.empty() || at == kFrom.npos)
      return wrong("behind \\ stands \\, \", t or n; a text in ' needs none of it");
    out += kTo[at];
    rest_.remove_prefix(1);
    return true;
  }

  /// Blanks, line ends and comments, which may stand anywhere in a list.
  void list_blanks() {
    for (;;) {
      blanks();
      if (rest_.empty() || !at_end()) return;
      skip_line();
    }
  }

  bool list(std::vector<std::string>& values) {
    rest_.remove_prefix(1);
    for (;;) {
      list_blanks();
      if (rest_.empty()) return wrong("the list has no end: ] is missing");
      if (next() == ']') break;
      if (next() != '"' && next() != '\'')
        return wrong("a list holds texts in quotes, not " + word());
      if (values.size() == kListMax)
        return wrong("more than " + std::to_string(kListMax) + " entries in a list");
      if (!text(values.emplace_back())) return false;
      list_blanks();
      if (next() == ',')
        rest_.remove_prefix(1);
      else if (rest_.empty() || next() != ']')
        return wrong("expected , or ] in the list at " + word());
    }
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view rest_;
  std::size_t line_ = 1;
  Text found_;
  std::map<std::string, std::size_t> lines_;  ///< of the keys so far
};

}  // namespace

Text parse(std::string_view text) {
  if (text.size() > kTextBytesMax)
    return {{}, {{1, "the file has more than " + std::to_string(kTextBytesMax) + " bytes"}}};
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return Parser(text).read();
}

std::string written_text(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    if (c == '\n' || c == '\t')
      text += c == '\n' ? "\\n" : "\\t";
    else
      text += c;
  }
  return text + "\"";
}

}  // namespace muster::settings
