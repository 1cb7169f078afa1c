// SPDX-License-Identifier: Apache-2.0
//
// Setting is one thing that a program can be told: by a long option, by a line of its
// configuration file, by a variable of the environment. Files, default files and pages of the
// manual are made from tables of these, so that they cannot disagree.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace muster::settings {

/// What may stand behind the "=".
enum class Kind : std::uint8_t {
  kText,
  kNumber,  ///< a whole number from 0
  kSize,    ///< bytes: a whole number, or a text as "512M"
  kRate,    ///< bytes a second: as a size, or by times of the day, in one text or a list
  kSwitch,  ///< true or false
  kList,    ///< texts in brackets; a single one may stand alone
  kFolder,  ///< the whole path of a folder that is there or can be made
  kFile,    ///< the whole path of a file that can be read
};

/// "a text in quotes", for messages and pages.
std::string_view name(Kind kind);

struct Setting {
  std::string key;  ///< the long option's name without its dashes
  Kind kind = Kind::kText;
  std::string help;
  std::string sample;                ///< what default files show: the default, else an example
  std::vector<std::string> choices;  ///< where not empty, the only values
  std::string environment;           ///< the variable that goes before the file; may be empty
  /// What else must hold of a value, given as on the command line; may be empty.
  std::function<core::Status(std::string_view value)> check;
};

/// What must hold of any folder or file that a configuration names (kInvalid: what is wrong).
core::Status check_folder(std::string_view path);
core::Status check_readable(std::string_view path);

}  // namespace muster::settings
