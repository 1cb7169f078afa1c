// SPDX-License-Identifier: Apache-2.0
#include "net/detail/websocket_key.h"

#include <openssl/sha.h>

#include "core/bytes.h"

namespace muster::net::detail {

std::string websocket_accept(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];  // the RFC's choice; nothing rests on it
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return core::to_base64({reinterpret_cast<const char*>(digest), sizeof digest});
}

}  // namespace muster::net::detail
