// SPDX-License-Identifier: Apache-2.0
#include "manage/operation.h"

#include <algorithm>
#include <array>

#include "core/bytes.h"

namespace muster::manage {
namespace {

using core::Code;
using core::fail;

constexpr std::array kAllPermissions = {Permission::kView, Permission::kRead, Permission::kWrite,
                                        Permission::kForward};

constexpr Argument kPath{"path", true,
                         "FOLDER/name/of/file, FOLDER being one that the host offers"};

constexpr std::array kInfo = {
    kPath,
    Argument{"digest", false, "1: compute the file's SHA-256, too"},
    Argument{"size", false, "with sha256: how much of that upload is there already"},
    Argument{"sha256", false, "of the upload asked about: 64 hexadecimal digits"},
};
constexpr std::array kList = {
    Argument{"path", false, "FOLDER or a folder in it; without it the folders that are offered"}};
constexpr std::array kGet = {kPath};
constexpr std::array kPut = {
    kPath,
    Argument{"size", true, "bytes of the whole file"},
    Argument{"sha256", true, "of the whole file: 64 hexadecimal digits"},
    Argument{"offset", false, "where the body begins in the file (default: 0)"},
    Argument{"mode", false, "such as 0644 (default: as the file it replaces, else 0644)"},
    Argument{"owner", false, "user or user:group (default: as the file it replaces)"},
};

constexpr std::array kOperations = {
    Operation{"operations", Permission::kView, false, true, "what this host offers", {}},
    Operation{"status", Permission::kView, false, true, "what it is and how it does", {}},
    Operation{"file.list", Permission::kRead, false, true, "what a folder holds", kList},
    Operation{"file.info", Permission::kRead, false, true, "size, mode, time, digest", kInfo},
    Operation{"file.get", Permission::kRead, false, false, "a file, or a part by Range", kGet},
    Operation{"file.put", Permission::kWrite, true, false,
              "replaces a file by the body, once all of it is there", kPut},
};

}  // namespace

std::string_view name(Permission permission) {
  switch (permission) {
    case Permission::kView:
      return "view";
    case Permission::kRead:
      return "read";
    case Permission::kWrite:
      return "write";
    case Permission::kForward:
      return "forward";
  }
  return "unknown";
}

core::Result<Permission> parse_permission(std::string_view word) {
  for (const Permission each : kAllPermissions)
    if (word == name(each)) return each;
  return fail(Code::kInvalid, "'" + core::printable(word, 64) +
                                  "' is no permission; there are view, read, write and forward");
}

core::Result<Permissions> parse_permissions(std::string_view list) {
  Permissions made;
  for (;;) {
    const auto comma = list.find(',');
    MUSTER_ASSIGN(const Permission one, parse_permission(list.substr(0, comma)));
    made.insert(one);
    if (comma == std::string_view::npos) return made;
    list.remove_prefix(comma + 1);
  }
}

std::string text(const Permissions& permissions) {
  std::string joined;
  for (const Permission each : permissions)
    joined += (joined.empty() ? "" : ",") + std::string(name(each));
  return joined;
}

std::span<const Operation> operations() {
  return kOperations;
}

core::Result<const Operation*> find_operation(std::string_view name) {
  const auto found = std::ranges::find(kOperations, name, &Operation::name);
  if (found != kOperations.end()) return &*found;
  return fail(Code::kNotFound, "there is no operation '" + core::printable(name, 64) +
                                   "'; POST /operations lists those that there are");
}

core::Status check_arguments(const Operation& operation, const Call& call) {
  for (const auto& [given, value] : call.arguments)
    if (std::ranges::find(operation.arguments, given, &Argument::name) == operation.arguments.end())
      return fail(Code::kInvalid, std::string(operation.name) + " has no argument '" +
                                      core::printable(given, 64) + "'");
  for (const Argument& each : operation.arguments)
    if (each.required && call.argument(each.name).empty())
      return fail(Code::kInvalid, std::string(operation.name) + " needs the argument '" +
                                      std::string(each.name) + "': " + std::string(each.help));
  return {};
}

}  // namespace muster::manage
