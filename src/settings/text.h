// SPDX-License-Identifier: Apache-2.0
//
// The text of a configuration file: a subset of TOML (see README.md). Pure; what it reads is
// hostile until it is read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace muster::settings {

inline constexpr std::size_t kTextBytesMax = 256 * 1024;
inline constexpr std::size_t kEntriesMax = 1'000;
/// Of one list.
inline constexpr std::size_t kListMax = 256;
/// More than so many are not told; the last says so.
inline constexpr std::size_t kMistakesMax = 50;

struct Mistake {
  std::size_t line = 0;  ///< from 1
  std::string message;
};

/// One "key = value".
struct Entry {
  enum class Form : std::uint8_t { kText, kNumber, kTruth, kList };
  std::string key;
  std::size_t line = 0;
  Form form = Form::kText;
  std::vector<std::string> values;  ///< a list's texts; else one: "text", "42", "true"
};

struct Text {
  std::vector<Entry> entries;  ///< those without a mistake, in order, each key once
  std::vector<Mistake> mistakes;
};

/// Never fails as a whole: what cannot be read is a mistake, and reading goes on behind it.
Text parse(std::string_view text);

/// `value` as a text in a file: "C:\\x".
std::string written_text(std::string_view value);

}  // namespace muster::settings
