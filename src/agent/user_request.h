// SPDX-License-Identifier: Apache-2.0
//
// What a user of this machine asks its agent for, as one line of JSON (ADR 25):
//
//   {"call":"packs.list"}
//   {"call":"packs.get","name":"webapp","version":"1.2.0"}
//
// Any local user may write it, so it is foreign: read strictly, bounded.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::agent {

inline constexpr std::size_t kUserRequestBytesMax = 1024;

struct UserRequest {
  enum class Call { kPackList, kPackGet };
  Call call = Call::kPackList;
  std::string name;     ///< of get: [a-z][a-z0-9_]*
  std::string version;  ///< of get: may be empty
};

/// `line` without its line feed. kInvalid with what is wrong.
core::Result<UserRequest> read_user_request(std::string_view line);

/// NAME or NAME@VERSION, as a person types it.
core::Result<UserRequest> parse_pack_name(std::string_view text);
std::string encode(const UserRequest& request);

}  // namespace muster::agent
