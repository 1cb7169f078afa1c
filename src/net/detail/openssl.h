// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL's objects with owners, and its errors as sentences.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::net::detail {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioOwner = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using KeyOwner = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using CertificateOwner = std::unique_ptr<X509, Freed<X509_free>>;
using SslOwner = std::unique_ptr<SSL, Freed<SSL_free>>;

std::string to_der(X509* certificate);

/// Frees most of what OpenSSL keeps of a certificate that nobody will look at again: its
/// parsed public key and its extensions, 2.7 of 5 KB. The certificate is no longer itself.
void shrink(X509* certificate);

/// Why a handshake, a read or a write failed; empties OpenSSL's error queue. `ssl_code`
/// is what SSL_get_error() said, `errno_value` errno right after the call.
core::Error tls_error(SSL* ssl, int ssl_code, int errno_value);

/// "unable to parse …: <OpenSSL's reason>"; empties the queue.
std::unexpected<core::Error> fail_openssl(core::Code code, std::string message);

}  // namespace muster::net::detail
