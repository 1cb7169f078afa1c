// SPDX-License-Identifier: Apache-2.0
#include "identity/detail/openssl.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <time.h>

namespace muster::identity::detail {
namespace {

constexpr std::size_t kUsualDerBytes = 91;  // named curve, uncompressed point

}  // namespace

BioPtr reading(std::string_view bytes) {
  // OpenSSL refuses a null pointer even where there is nothing to read.
  const char* data = bytes.empty() ? "" : bytes.data();
  BioPtr bio(BIO_new_mem_buf(data, static_cast<int>(bytes.size())));
  MUSTER_ASSERT(bio != nullptr);
  return bio;
}

std::string written(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

int no_password(char*, int, int, void*) {
  return -1;
}

std::string last_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "malformed" : reason;
}

std::string public_der(EVP_PKEY* key) {
  unsigned char* bytes = nullptr;
  const int size = i2d_PUBKEY(key, &bytes);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

bool is_p256(EVP_PKEY* key) {
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return false;
  char group[32] = {};
  std::size_t size = 0;
  if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, &size) !=
      1) {
    return false;
  }
  return std::string_view(group, size) == "prime256v1" && public_der(key).size() == kUsualDerBytes;
}

std::string p256_public_der(X509* certificate) {
  // SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING of an uncompressed point.
  static constexpr std::string_view kUsualStart(
      "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
      "\x03\x42\x00\x04",
      27);
  if (X509_get0_pubkey(certificate) == nullptr) return {};  // a point that is not on the curve
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der.size() == kUsualDerBytes && der.starts_with(kUsualStart) ? der : std::string();
}

KeyPtr public_from_der(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* end = at + der.size();
  KeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (key == nullptr || at != end || !is_p256(key.get())) {
    ERR_clear_error();
    return nullptr;
  }
  return key;
}

core::WallTime wall_time(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return core::wall_from_unix_ms(static_cast<std::int64_t>(::timegm(&parts)) * 1000);
}

}  // namespace muster::identity::detail
