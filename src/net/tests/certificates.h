// SPDX-License-Identifier: Apache-2.0
//
// Certificates made on the spot: a CA, and leaves that are good or wrong in one way.
#pragma once

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <string>

#include "core/assert.h"
#include "core/bytes.h"
#include "net/detail/openssl.h"
#include "net/tls_context.h"

namespace muster::net::testing {

inline std::string text_of(BIO* bio) {
  char* bytes;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

struct Issued {
  detail::CertificateOwner certificate;
  detail::KeyOwner key;

  std::string pem() const {
    const detail::BioOwner bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate.get());
    return text_of(bio.get());
  }
  std::string key_pem() const {
    const detail::BioOwner bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(bio.get());
  }
  std::string fingerprint() const { return core::sha256(detail::to_der(certificate.get())); }
};

struct Validity {
  long from_s = -3600;
  long until_s = 3600;
};

inline void extend(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  MUSTER_ASSERT(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// Signed by `issuer`, or by itself where there is none (then it is a CA).
inline Issued issue(const Issued* issuer, const char* name, Validity validity = {}) {
  static long serial = 1;
  Issued made;
  made.key.reset(EVP_EC_gen("P-256"));
  made.certificate.reset(X509_new());
  X509* x = made.certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
  X509_gmtime_adj(X509_getm_notBefore(x), validity.from_s);
  X509_gmtime_adj(X509_getm_notAfter(x), validity.until_s);
  X509_set_pubkey(x, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509* parent = issuer == nullptr ? x : issuer->certificate.get();
  X509_set_issuer_name(x, X509_get_subject_name(parent));
  extend(x, parent, NID_subject_key_identifier, "hash");
  if (issuer == nullptr) {
    extend(x, parent, NID_basic_constraints, "critical,CA:TRUE");
    extend(x, parent, NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    extend(x, parent, NID_basic_constraints, "critical,CA:FALSE");
    extend(x, parent, NID_ext_key_usage, "serverAuth,clientAuth");
    extend(x, parent, NID_subject_alt_name,
           ("URI:muster://region/endpoint/" + std::string(name)).c_str());
  }
  EVP_PKEY* signer = issuer == nullptr ? made.key.get() : issuer->key.get();
  MUSTER_ASSERT(X509_sign(x, signer, EVP_sha256()) > 0);
  return made;
}

/// A region: its CA, a server and an endpoint of it.
struct Region {
  Issued ca = issue(nullptr, "region");
  Issued server = issue(&ca, "server");
  Issued endpoint = issue(&ca, "endpoint");

  TlsIdentity server_identity() const { return {server.pem() + ca.pem(), server.key_pem()}; }
  TlsIdentity identity_of(const Issued& leaf) const { return {leaf.pem(), leaf.key_pem()}; }

  std::shared_ptr<TlsServerContext> server_context() const {
    return *TlsServerContext::make(server_identity(), ca.pem());
  }
  std::shared_ptr<const TlsClientContext> api_context() const {
    TlsClientOptions options;
    options.ca_pem = ca.pem();
    return *TlsClientContext::make(std::move(options));
  }
  std::shared_ptr<const TlsClientContext> link_context() const {
    TlsClientOptions options;
    options.ca_pem = ca.pem();
    options.identity = identity_of(endpoint);
    options.alpn = kAlpnLink;
    return *TlsClientContext::make(std::move(options));
  }
};

}  // namespace muster::net::testing
