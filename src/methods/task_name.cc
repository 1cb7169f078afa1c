// SPDX-License-Identifier: Apache-2.0
#include "methods/task_name.h"

#include <algorithm>

#include "core/bytes.h"

namespace muster::methods {
namespace {

using core::Code;
using core::fail;

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

std::string quoted(std::string_view text) {
  return "'" + core::printable(text, 200) + "'";
}

core::Status check_part(std::string_view path, std::string_view part) {
  if (part.empty() || part == "." || part == "..") {
    return fail(Code::kInvalid, "the path " + quoted(path) + " has a part '" + std::string(part) +
                                    "'; it must be relative and plain");
  }
  if (part.size() > kPathPartBytesMax) {
    return fail(Code::kLimit, "the path " + quoted(path) + " has a part of more than " +
                                  std::to_string(kPathPartBytesMax) + " bytes");
  }
  return {};
}

// The run of digits, or of other characters, at the beginning of `text`.
std::string_view run_of(std::string_view text) {
  if (text.empty()) return text;
  const bool digits = is_digit(text.front());
  const auto end = std::ranges::find_if(text, [&](char c) { return is_digit(c) != digits; });
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

std::strong_ordering compare_numbers(std::string_view a, std::string_view b) {
  const auto without_zeros = [](std::string_view text) {
    return text.substr(std::min(text.find_first_not_of('0'), text.size()));
  };
  const std::string_view x = without_zeros(a);
  const std::string_view y = without_zeros(b);
  if (x.size() != y.size()) return x.size() <=> y.size();
  return x.compare(y) <=> 0;
}

// Where one version ends and the other goes on with `rest`: -1 where it is the older.
std::strong_ordering longer(std::string_view rest) {
  return rest.starts_with('-') ? std::strong_ordering::less : std::strong_ordering::greater;
}

}  // namespace

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNamePartBytesMax && is_lower(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

core::Result<TaskName> TaskName::parse(std::string_view text) {
  TaskName name;
  const auto colons = text.find("::");
  name.module = text.substr(0, colons);
  name.task = colons == std::string_view::npos ? kInitTask : text.substr(colons + 2);
  if (is_name(name.module) && is_name(name.task)) return name;
  return fail(Code::kInvalid, quoted(text) +
                                  " is not the name of a method: expected module::task or module, "
                                  "each of a-z, 0-9 and _, beginning with a letter, at most " +
                                  std::to_string(kNamePartBytesMax) + " bytes");
}

std::string TaskName::canonical() const {
  return module + "::" + task;
}
std::string TaskName::shown() const {
  return task == kInitTask ? module : canonical();
}
std::string TaskName::tasks_folder() const {
  return module + "/tasks";
}

core::Status check_package_path(std::string_view path) {
  if (path.size() > kPathBytesMax) {
    return fail(Code::kLimit, "the path " + quoted(path) + " has more than " +
                                  std::to_string(kPathBytesMax) + " bytes");
  }
  if (!core::is_utf8(path) || std::ranges::any_of(path, [](unsigned char c) {
        return c < 0x20 || c == 0x7f || c == '\\';
      })) {
    return fail(Code::kInvalid, "the path " + quoted(path) +
                                    " has a backslash, a control character or malformed UTF-8");
  }
  std::size_t parts = 0;
  for (std::string_view rest = path;; ++parts) {
    const auto slash = rest.find('/');
    MUSTER_TRY(check_part(path, rest.substr(0, slash)));
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  if (parts < 2 || !is_name(path.substr(0, path.find('/')))) {
    return fail(Code::kInvalid,
                "the path " + quoted(path) + " is not of the form module/folder/file");
  }
  return {};
}

core::Status check_version(std::string_view text) {
  const auto fits = [](char c) {
    return is_lower(c) || is_upper(c) || is_digit(c) || c == '.' || c == '+' || c == '_' ||
           c == '-';
  };
  if (!text.empty() && text.size() <= kVersionBytesMax && std::ranges::all_of(text, fits) &&
      (is_lower(text.front()) || is_upper(text.front()) || is_digit(text.front()))) {
    return {};
  }
  return fail(Code::kInvalid, quoted(text) +
                                  " is not a version: expected letters, digits and .+_-, "
                                  "beginning with a letter or digit, at most " +
                                  std::to_string(kVersionBytesMax) + " bytes");
}

std::strong_ordering compare_versions(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    const std::string_view x = run_of(a);
    const std::string_view y = run_of(b);
    const bool numbers = is_digit(x.front()) && is_digit(y.front());
    // "1.2-rc1" is older than "1.2.3" and than "1.2": what begins with - ends the version.
    if (x.starts_with('-') != y.starts_with('-')) {
      return x.starts_with('-') ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    const auto order = numbers ? compare_numbers(x, y) : x.compare(y) <=> 0;
    if (order != 0) return order;
    a.remove_prefix(x.size());
    b.remove_prefix(y.size());
  }
  if (a.empty() && b.empty()) return std::strong_ordering::equal;
  return a.empty() ? 0 <=> longer(b) : longer(a);
}

}  // namespace muster::methods
