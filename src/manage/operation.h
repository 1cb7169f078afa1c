// SPDX-License-Identifier: Apache-2.0
//
// The operations that there are, as data: what a call may say, and what its caller must be
// allowed. Hosts and servers offer those that they have a handler for.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "manage/call.h"

namespace muster::manage {

enum class Permission : std::uint8_t {
  kView,     ///< See what the host is and how it does.
  kRead,     ///< Read files of the folders that it offers.
  kWrite,    ///< Put files into those of them that may be written.
  kForward,  ///< Make the host call on further hosts.
};

std::string_view name(Permission permission);  ///< "view", "read", "write", "forward"
core::Result<Permission> parse_permission(std::string_view word);

using Permissions = std::set<Permission>;
/// "view,read"
core::Result<Permissions> parse_permissions(std::string_view list);
std::string text(const Permissions& permissions);

struct Argument {
  std::string_view name;
  bool required = false;
  std::string_view help;
};

struct Operation {
  std::string_view name;
  Permission permission;
  bool changes = false;     ///< The audit log has it before it begins, too.
  bool forwardable = true;  ///< Further hosts may be called for it: its answer is small JSON.
  std::string_view summary;
  std::span<const Argument> arguments;
};

std::span<const Operation> operations();
/// kNotFound names what there is.
core::Result<const Operation*> find_operation(std::string_view name);
/// kInvalid: an argument that the operation does not know, or one that it misses.
core::Status check_arguments(const Operation& operation, const Call& call);

}  // namespace muster::manage
