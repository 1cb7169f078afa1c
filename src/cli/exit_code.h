// SPDX-License-Identifier: Apache-2.0
//
// What `muster` answers to the shell. Scripts rely on these: append only.
#pragma once

#include "core/result.h"

namespace muster::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,        ///< Some target did not succeed, or the server refused the request.
  kExitUsage = 2,         ///< The command line or the selector is wrong.
  kExitNoMatch = 3,       ///< No host matches, or what was named does not exist.
  kExitDenied = 4,        ///< Not logged in, or not permitted.
  kExitUnreachable = 5,   ///< The server did not answer.
  kExitInterrupted = 130  ///< Ctrl-C.
};

/// The exit code for a failure that ends a command.
constexpr ExitCode exit_code_of(core::Code code) {
  switch (code) {
    case core::Code::kInvalid:
      return kExitUsage;
    case core::Code::kNotFound:
      return kExitNoMatch;
    case core::Code::kDenied:
    case core::Code::kUnauthorized:
      return kExitDenied;
    case core::Code::kTimeout:
    case core::Code::kUnavailable:
      return kExitUnreachable;
    case core::Code::kCancelled:
      return kExitInterrupted;
    default:
      return kExitFailed;
  }
}

}  // namespace muster::cli
