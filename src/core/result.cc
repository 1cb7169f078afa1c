// SPDX-License-Identifier: Apache-2.0
#include "core/result.h"

#include <array>
#include <cerrno>
#include <cstring>

namespace muster::core {
namespace {

struct CodeName {
  Code code;
  std::string_view name;
};

constexpr std::array kCodeNames = {
    CodeName{Code::kInvalid, "invalid"},
    CodeName{Code::kNotFound, "not_found"},
    CodeName{Code::kExists, "exists"},
    CodeName{Code::kDenied, "denied"},
    CodeName{Code::kUnauthorized, "unauthorized"},
    CodeName{Code::kConflict, "conflict"},
    CodeName{Code::kLimit, "limit"},
    CodeName{Code::kTimeout, "timeout"},
    CodeName{Code::kCancelled, "cancelled"},
    CodeName{Code::kUnavailable, "unavailable"},
    CodeName{Code::kCorrupt, "corrupt"},
    CodeName{Code::kIo, "io"},
    CodeName{Code::kInternal, "internal"},
};

}  // namespace

std::string_view name(Code code) {
  for (const auto& entry : kCodeNames)
    if (entry.code == code) return entry.name;
  return "internal";
}

Code code_from_name(std::string_view name) {
  for (const auto& entry : kCodeNames)
    if (entry.name == name) return entry.code;
  return Code::kInternal;
}

Error Error::while_doing(std::string_view doing) && {
  message.insert(0, std::string(doing) + ": ");
  return std::move(*this);
}

std::unexpected<Error> fail_errno(int errno_value, std::string_view doing) {
  std::string message = std::string(doing) + ": " + std::strerror(errno_value);
  switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
      return fail(Code::kUnavailable, message + "; free some space and try again");
    case EACCES:
    case EPERM:
    case EROFS:
      return fail(Code::kDenied, message);
    case ENOENT:
      return fail(Code::kNotFound, message);
    case EEXIST:
      return fail(Code::kExists, message);
    case ETIMEDOUT:
      return fail(Code::kTimeout, message);
    default:
      return fail(Code::kIo, message);
  }
}

}  // namespace muster::core
