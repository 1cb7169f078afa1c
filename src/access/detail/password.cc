// SPDX-License-Identifier: Apache-2.0
#include "access/detail/password.h"

#include <sodium.h>

#include "core/assert.h"

namespace muster::access::detail {

core::Result<std::string> hash_password(const std::string& password) {
  MUSTER_ASSERT(sodium_init() >= 0);
  char stored[crypto_pwhash_STRBYTES] = {};
  if (crypto_pwhash_str(stored, password.data(), password.size(),
                        crypto_pwhash_OPSLIMIT_INTERACTIVE,
                        crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
    return core::fail(core::Code::kUnavailable, "not enough memory to hash a password (64 MB)");
  }
  return std::string(stored);
}

bool verify_password(const std::string& stored, const std::string& password) {
  MUSTER_ASSERT(sodium_init() >= 0);
  if (stored.size() >= crypto_pwhash_STRBYTES) return false;
  return crypto_pwhash_str_verify(stored.c_str(), password.data(), password.size()) == 0;
}

void wipe(std::string& secret) {
  sodium_memzero(secret.data(), secret.size());
  secret.clear();
}

}  // namespace muster::access::detail
