// SPDX-License-Identifier: Apache-2.0
//
// Ownership and small conversions around OpenSSL; included by this module's .cc only.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/assert.h"
#include "core/clock.h"

namespace muster::identity::detail {

template <auto Free>
struct Freed {
  void operator()(auto* object) const { Free(object); }
};
inline void free_names(GENERAL_NAMES* names) {
  GENERAL_NAMES_free(names);
}

using BioPtr = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, Freed<X509_REQ_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freed<free_names>>;

/// A BIO that reads `bytes`, which must outlive it.
BioPtr reading(std::string_view bytes);
/// Everything that was written to a memory BIO.
std::string written(BIO* bio);

/// Never asks on the terminal: encrypted PEM simply fails.
int no_password(char*, int, int, void*);

/// The reason of OpenSSL's last error; empties its queue.
std::string last_error();

/// True for a P-256 key whose DER is the usual one (named curve, uncompressed point),
/// so that one key has one id.
bool is_p256(EVP_PKEY* key);
/// DER of the SubjectPublicKeyInfo.
std::string public_der(EVP_PKEY* key);
/// The same of a certificate's key, where is_p256() holds for it; else empty. Compares
/// bytes instead of asking OpenSSL's encoders, which cost a tenth of a login.
std::string p256_public_der(X509* certificate);
/// Null where the bytes are not a P-256 key.
KeyPtr public_from_der(std::string_view der);

core::WallTime wall_time(const ASN1_TIME* time);

}  // namespace muster::identity::detail
