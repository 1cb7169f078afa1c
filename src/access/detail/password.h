// SPDX-License-Identifier: Apache-2.0
//
// argon2id as libsodium stores it. Each call takes tens of milliseconds and 64 MB:
// on a worker thread only.
#pragma once

#include <string>

#include "core/result.h"

namespace muster::access::detail {

core::Result<std::string> hash_password(const std::string& password);
bool verify_password(const std::string& stored, const std::string& password);
/// Wipes a string that held a secret.
void wipe(std::string& secret);

}  // namespace muster::access::detail
