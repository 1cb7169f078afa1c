// SPDX-License-Identifier: Apache-2.0
#include "identity/authority.h"

#include <arpa/inet.h>
#include <openssl/bn.h>

#include <algorithm>

#include "core/bytes.h"
#include "core/ids.h"
#include "identity/detail/openssl.h"

namespace muster::identity {
namespace {

using core::Code;

void set_serial(X509* certificate) {
  std::string bytes = core::random_bytes(16);
  bytes[0] = static_cast<char>((bytes[0] & 0x3f) | 0x40);  // positive, always 16 bytes
  const std::unique_ptr<BIGNUM, detail::Freed<BN_free>> number(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), 16, nullptr));
  MUSTER_ASSERT(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr);
}

void set_times(X509* certificate, core::WallTime not_before, core::WallTime not_after) {
  const auto seconds = [](core::WallTime time) {
    return static_cast<time_t>(core::unix_ms(time) / 1000);
  };
  MUSTER_ASSERT(ASN1_TIME_set(X509_getm_notBefore(certificate), seconds(not_before)) != nullptr);
  MUSTER_ASSERT(ASN1_TIME_set(X509_getm_notAfter(certificate), seconds(not_after)) != nullptr);
}

X509_NAME* set_common_name(X509_NAME* subject, const std::string& text) {
  MUSTER_ASSERT(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                           reinterpret_cast<const unsigned char*>(text.data()),
                                           static_cast<int>(text.size()), -1, 0) == 1);
  return subject;
}

// `value` is one of our own constants, never foreign text.
void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  MUSTER_ASSERT(extension != nullptr);
  MUSTER_ASSERT(X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

void push_text(GENERAL_NAMES* names, int type, const std::string& text) {
  GENERAL_NAME* entry = GENERAL_NAME_new();
  ASN1_IA5STRING* value = ASN1_IA5STRING_new();
  MUSTER_ASSERT(ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) == 1);
  GENERAL_NAME_set0_value(entry, type, value);
  MUSTER_ASSERT(sk_GENERAL_NAME_push(names, entry) > 0);
}

core::Status push_address(GENERAL_NAMES* names, const std::string& text) {
  unsigned char bytes[16];
  int size = 0;
  if (::inet_pton(AF_INET, text.c_str(), bytes) == 1) {
    size = 4;
  } else if (::inet_pton(AF_INET6, text.c_str(), bytes) == 1) {
    size = 16;
  } else {
    return core::fail(Code::kInvalid, "not an IP address: " + core::printable(text, 64));
  }
  GENERAL_NAME* entry = GENERAL_NAME_new();
  ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
  MUSTER_ASSERT(ASN1_OCTET_STRING_set(value, bytes, size) == 1);
  GENERAL_NAME_set0_value(entry, GEN_IPADD, value);
  MUSTER_ASSERT(sk_GENERAL_NAME_push(names, entry) > 0);
  return {};
}

bool is_dns_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

core::Status add_names(X509* certificate, const std::string& region, const LeafSpec& spec) {
  if (spec.dns_names.size() + spec.ip_addresses.size() > Authority::kNamesMax) {
    return core::fail(Code::kLimit, "a certificate has at most " +
                                        std::to_string(Authority::kNamesMax) + " names");
  }
  const detail::NamesPtr names(GENERAL_NAMES_new());
  push_text(names.get(), GEN_URI,
            "muster://" + region + "/" + std::string(name(spec.role)) + "/" + spec.name);
  for (const auto& dns : spec.dns_names) {
    if (!is_dns_name(dns)) {
      return core::fail(Code::kInvalid, "not a DNS name: " + core::printable(dns, 64));
    }
    push_text(names.get(), GEN_DNS, dns);
  }
  for (const auto& address : spec.ip_addresses) MUSTER_TRY(push_address(names.get(), address));
  MUSTER_ASSERT(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1);
  return {};
}

core::Status check_spec(const LeafSpec& spec, std::string_view public_key_der) {
  if (spec.role == Role::kEndpoint) {
    if (core::EndpointId::of_public_key(public_key_der).str() != spec.name) {
      return core::fail(Code::kInvalid, "an endpoint's name must be the hash of its key");
    }
  } else if (!is_valid_name(spec.name)) {
    return core::fail(Code::kInvalid, "not a name for a " + std::string(name(spec.role)) + ": " +
                                          core::printable(spec.name, 64) +
                                          " (a-z, 0-9, dots and dashes, at most 63)");
  }
  return {};
}

}  // namespace

bool is_valid_name(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > 63 || !plain(name.front()) || !plain(name.back())) return false;
  return std::ranges::all_of(name, [&](char c) { return plain(c) || c == '-' || c == '.'; });
}

std::string region_of(const Certificate& authority) {
  return core::EndpointId::of_public_key(authority.public_key_der()).str();
}

Authority::Authority(PrivateKey key, Certificate certificate)
    : key_(std::move(key)),
      certificate_(std::move(certificate)),
      region_(region_of(certificate_)) {}

Authority Authority::create(core::WallTime now, core::Duration validity) {
  auto key = PrivateKey::generate();
  const detail::X509Ptr made(X509_new());
  X509* certificate = made.get();
  MUSTER_ASSERT(X509_set_version(certificate, X509_VERSION_3) == 1);
  set_serial(certificate);
  set_times(certificate, now - std::chrono::duration_cast<std::chrono::milliseconds>(kBackdated),
            now + std::chrono::duration_cast<std::chrono::milliseconds>(validity));
  auto* subject = set_common_name(X509_get_subject_name(certificate),
                                  "Muster region " + key.endpoint_id().str());
  MUSTER_ASSERT(X509_set_issuer_name(certificate, subject) == 1);
  MUSTER_ASSERT(X509_set_pubkey(certificate, key.native()) == 1);
  add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
  add_extension(certificate, certificate, NID_authority_key_identifier, "keyid:always");
  MUSTER_ASSERT(X509_sign(certificate, key.native(), EVP_sha256()) > 0);
  return Authority(std::move(key), Certificate::of(certificate));
}

core::Result<Authority> Authority::from(PrivateKey key, Certificate certificate) {
  if (!holds_key(certificate, key.public_key_der())) {
    return core::fail(Code::kConflict, "the authority's certificate does not belong to its key");
  }
  if (X509_check_ca(certificate.native()) != 1) {
    return core::fail(Code::kConflict, "the certificate is not an authority's");
  }
  return Authority(std::move(key), std::move(certificate));
}

core::Result<Certificate> Authority::issue(std::string_view public_key_der, const LeafSpec& spec,
                                           core::WallTime now) const {
  using std::chrono::milliseconds;
  const auto key = detail::public_from_der(public_key_der);
  if (key == nullptr) return core::fail(Code::kInvalid, "not a P-256 public key");
  MUSTER_TRY(check_spec(spec, public_key_der));
  const detail::X509Ptr made(X509_new());
  X509* leaf = made.get();
  X509* issuer = certificate_.native();
  MUSTER_ASSERT(X509_set_version(leaf, X509_VERSION_3) == 1);
  set_serial(leaf);
  set_times(leaf, now - std::chrono::duration_cast<milliseconds>(kBackdated),
            std::min(now + std::chrono::duration_cast<milliseconds>(spec.validity),
                     certificate_.not_after()));
  set_common_name(X509_get_subject_name(leaf), spec.name);
  MUSTER_ASSERT(X509_set_issuer_name(leaf, X509_get_subject_name(issuer)) == 1);
  MUSTER_ASSERT(X509_set_pubkey(leaf, key.get()) == 1);
  add_extension(leaf, issuer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(leaf, issuer, NID_key_usage, "critical,digitalSignature");
  add_extension(leaf, issuer, NID_ext_key_usage,
                spec.role == Role::kEndpoint ? "clientAuth"
                : spec.role == Role::kSigner ? "codeSigning"
                                             : "serverAuth,clientAuth");
  add_extension(leaf, issuer, NID_subject_key_identifier, "hash");
  add_extension(leaf, issuer, NID_authority_key_identifier, "keyid:always");
  MUSTER_TRY(add_names(leaf, region_, spec));
  MUSTER_ASSERT(X509_sign(leaf, key_.native(), EVP_sha256()) > 0);
  return Certificate::of(leaf);
}

}  // namespace muster::identity
