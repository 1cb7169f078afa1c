// SPDX-License-Identifier: Apache-2.0
//
// Certificate requests (PKCS #10): the agent makes one, the server reads one.
//
// A request carries a public key and proves that its sender holds the private one.
// Nothing else in it counts: the server decides what the certificate says.
#pragma once

#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/result.h"
#include "identity/key.h"

namespace muster::identity {

inline constexpr std::size_t kRequestBytesMax = 8 * 1024;

/// A request for this key in PEM.
std::string make_request(const PrivateKey& key);

struct CertificateRequest {
  std::string public_key_der;
  core::EndpointId endpoint;  ///< The id that this key would have.
};

/// Reads foreign bytes. kInvalid for anything but one well-formed request with a
/// P-256 key and a good signature by it; kLimit beyond kRequestBytesMax.
core::Result<CertificateRequest> parse_request(std::string_view pem);

}  // namespace muster::identity
