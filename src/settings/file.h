// SPDX-License-Identifier: Apache-2.0
//
// A configuration file held against what its program knows, and a default file made from it.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "settings/setting.h"
#include "settings/text.h"

namespace muster::settings {

/// A value that a file gives, as the option of the same name takes it.
struct Value {
  std::string key;
  std::size_t line = 0;
  std::vector<std::string> values;  ///< one; of a list each
};

struct Checked {
  std::vector<Value> values;      ///< those without a mistake
  std::vector<Mistake> mistakes;  ///< by line
};

/// Syntax, keys, types, choices and what the settings check. Looks at folders and files that are
/// named.
Checked check(std::string_view text, std::span<const Setting> settings);

/// "/etc/muster/server.toml:3: …", a line each.
std::string told(std::string_view file, std::span<const Mistake> mistakes);

/// A file in which every setting is explained and commented out, but for `set`: key and value as
/// on the command line. kInvalid for a key that is none, or a value that cannot stand there.
core::Result<std::string> default_file(std::string_view heading, std::span<const Setting> settings,
                                       const std::map<std::string, std::string>& set = {});

/// `text` in lines of at most `columns`, each behind `indent`; words are never cut.
std::string folded(std::string_view text, std::size_t columns, std::string_view indent);

}  // namespace muster::settings
