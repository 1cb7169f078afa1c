// SPDX-License-Identifier: Apache-2.0
#include "identity/request.h"

#include "identity/detail/openssl.h"

namespace muster::identity {

using core::Code;

std::string make_request(const PrivateKey& key) {
  const detail::RequestPtr request(X509_REQ_new());
  MUSTER_ASSERT(request != nullptr);
  MUSTER_ASSERT(X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1);
  MUSTER_ASSERT(X509_REQ_set_pubkey(request.get(), key.native()) == 1);
  MUSTER_ASSERT(X509_REQ_sign(request.get(), key.native(), EVP_sha256()) > 0);
  const detail::BioPtr bio(BIO_new(BIO_s_mem()));
  MUSTER_ASSERT(PEM_write_bio_X509_REQ(bio.get(), request.get()) == 1);
  return detail::written(bio.get());
}

core::Result<CertificateRequest> parse_request(std::string_view pem) {
  if (pem.size() > kRequestBytesMax) {
    return core::fail(Code::kLimit, "the certificate request is larger than " +
                                        std::to_string(kRequestBytesMax) + " bytes");
  }
  const auto bio = detail::reading(pem);
  const detail::RequestPtr request(
      PEM_read_bio_X509_REQ(bio.get(), nullptr, detail::no_password, nullptr));
  if (request == nullptr) {
    return core::fail(Code::kInvalid, "not a certificate request in PEM: " + detail::last_error());
  }
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (!detail::is_p256(key)) {
    detail::last_error();
    return core::fail(Code::kInvalid, "the certificate request has a key that is not P-256");
  }
  if (X509_REQ_get_signature_nid(request.get()) != NID_ecdsa_with_SHA256 ||
      X509_REQ_verify(request.get(), key) != 1) {
    detail::last_error();
    return core::fail(Code::kInvalid,
                      "the certificate request is not signed with its own key (ECDSA, SHA-256)");
  }
  CertificateRequest parsed;
  parsed.public_key_der = detail::public_der(key);
  parsed.endpoint = core::EndpointId::of_public_key(parsed.public_key_der);
  return parsed;
}

}  // namespace muster::identity
