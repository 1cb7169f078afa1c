// SPDX-License-Identifier: Apache-2.0
#include "identity/certificate.h"

#include <arpa/inet.h>

#include "core/bytes.h"
#include "identity/detail/openssl.h"

namespace muster::identity {

using core::Code;

core::Result<Certificate> Certificate::from_pem(std::string_view pem) {
  if (pem.size() > kCertificateBytesMax) {
    return core::fail(Code::kLimit, "the certificate is too large");
  }
  const auto bio = detail::reading(pem);
  std::shared_ptr<X509> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, detail::no_password, nullptr), X509_free);
  if (certificate == nullptr) {
    return core::fail(Code::kInvalid, "not a certificate in PEM: " + detail::last_error());
  }
  return Certificate(std::move(certificate));
}

core::Result<Certificate> Certificate::from_der(std::string_view der) {
  if (der.size() > kCertificateBytesMax) {
    return core::fail(Code::kLimit, "the certificate is too large");
  }
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* end = at + der.size();
  std::shared_ptr<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())),
                                    X509_free);
  if (certificate == nullptr || at != end) {
    return core::fail(Code::kInvalid, "not a certificate in DER: " + detail::last_error());
  }
  return Certificate(std::move(certificate));
}

Certificate Certificate::of(x509_st* native) {
  X509_up_ref(native);
  return Certificate(std::shared_ptr<X509>(native, X509_free));
}

std::string Certificate::pem() const {
  const detail::BioPtr bio(BIO_new(BIO_s_mem()));
  MUSTER_ASSERT(PEM_write_bio_X509(bio.get(), certificate_.get()) == 1);
  return detail::written(bio.get());
}

std::string Certificate::der() const {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate_.get(), &bytes);
  MUSTER_ASSERT(size > 0);
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

std::string Certificate::fingerprint() const {
  return core::sha256(der());
}

std::string Certificate::public_key_der() const {
  EVP_PKEY* key = X509_get0_pubkey(certificate_.get());
  return key == nullptr ? std::string() : detail::public_der(key);
}

std::string Certificate::serial() const {
  const ASN1_INTEGER* number = X509_get0_serialNumber(certificate_.get());
  const std::string_view bytes(reinterpret_cast<const char*>(ASN1_STRING_get0_data(number)),
                               static_cast<std::size_t>(ASN1_STRING_length(number)));
  std::string hex = core::to_hex(bytes);
  const auto first = hex.find_first_not_of('0');
  return first == std::string::npos ? "0" : hex.substr(first);
}

core::WallTime Certificate::not_before() const {
  return detail::wall_time(X509_get0_notBefore(certificate_.get()));
}
core::WallTime Certificate::not_after() const {
  return detail::wall_time(X509_get0_notAfter(certificate_.get()));
}

bool names_host(const Certificate& certificate, const std::string& host) {
  X509* native = certificate.native();
  return X509_check_ip_asc(native, host.c_str(), 0) == 1 ||
         X509_check_host(native, host.data(), host.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                         nullptr) == 1;
}

HostNames host_names(const Certificate& certificate) {
  HostNames found;
  const detail::NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.native(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* entry = sk_GENERAL_NAME_value(names.get(), i);
    if (entry->type != GEN_DNS && entry->type != GEN_IPADD) continue;
    const ASN1_STRING* text = entry->type == GEN_DNS ? entry->d.dNSName : entry->d.iPAddress;
    const unsigned char* bytes = ASN1_STRING_get0_data(text);
    const int size = ASN1_STRING_length(text);
    if (entry->type == GEN_DNS) {
      found.dns_names.emplace_back(reinterpret_cast<const char*>(bytes),
                                   static_cast<std::size_t>(size));
    } else if (size == 4 || size == 16) {
      char address[INET6_ADDRSTRLEN] = {};
      if (inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, address, sizeof address))
        found.ip_addresses.emplace_back(address);
    }
  }
  return found;
}

bool holds_key(const Certificate& certificate, std::string_view public_key_der) {
  return !public_key_der.empty() && certificate.public_key_der() == public_key_der;
}

}  // namespace muster::identity
