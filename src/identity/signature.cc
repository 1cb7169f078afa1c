// SPDX-License-Identifier: Apache-2.0
#include "identity/signature.h"

#include "core/bytes.h"
#include "identity/detail/openssl.h"

namespace muster::identity {
namespace {

constexpr std::size_t kPublicKeyBytesMax = 4096;

using ContextPtr = std::unique_ptr<EVP_MD_CTX, detail::Freed<EVP_MD_CTX_free>>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string sign(const PrivateKey& key, std::string_view text) {
  const ContextPtr context(EVP_MD_CTX_new());
  MUSTER_ASSERT(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.native()) ==
                1);
  std::size_t size = 0;
  MUSTER_ASSERT(EVP_DigestSign(context.get(), nullptr, &size, bytes_of(text), text.size()) == 1);
  std::string signature(size, '\0');
  MUSTER_ASSERT(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                               &size, bytes_of(text), text.size()) == 1);
  signature.resize(size);
  return signature;
}

PublicKey PublicKey::of(const Certificate& certificate) {
  std::shared_ptr<EVP_PKEY> key(X509_get_pubkey(certificate.native()), EVP_PKEY_free);
  MUSTER_ASSERT(key != nullptr);
  return PublicKey(std::move(key));
}

PublicKey PublicKey::of(const PrivateKey& key) {
  auto made = from_der(key.public_key_der());
  MUSTER_ASSERT(made.has_value());
  return *std::move(made);
}

core::Result<PublicKey> PublicKey::from_der(std::string_view der) {
  if (der.size() > kPublicKeyBytesMax) {
    return core::fail(core::Code::kLimit, "the public key is too large");
  }
  detail::KeyPtr key = detail::public_from_der(der);
  if (key == nullptr) return core::fail(core::Code::kInvalid, "not a public P-256 key");
  return PublicKey(std::shared_ptr<EVP_PKEY>(key.release(), EVP_PKEY_free));
}

core::Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  if (pem.size() > kPublicKeyBytesMax) {
    return core::fail(core::Code::kLimit, "the public key is too large");
  }
  const auto bio = detail::reading(pem);
  const detail::KeyPtr key(PEM_read_bio_PUBKEY(bio.get(), nullptr, detail::no_password, nullptr));
  if (key == nullptr) {
    return core::fail(core::Code::kInvalid, "not a public key in PEM: " + detail::last_error());
  }
  return from_der(detail::public_der(key.get()));
}

std::string PublicKey::der() const {
  return detail::public_der(key_.get());
}

std::string PublicKey::pem() const {
  const detail::BioPtr bio(BIO_new(BIO_s_mem()));
  MUSTER_ASSERT(PEM_write_bio_PUBKEY(bio.get(), key_.get()) == 1);
  return detail::written(bio.get());
}

std::string PublicKey::id() const {
  return core::sha256(der());
}

bool PublicKey::verifies(std::string_view text, std::string_view signature) const {
  if (signature.empty() || signature.size() > kSignatureBytesMax) return false;
  const ContextPtr context(EVP_MD_CTX_new());
  MUSTER_ASSERT(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) ==
                1);
  const bool good = EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                     bytes_of(text), text.size()) == 1;
  if (!good) (void)detail::last_error();
  return good;
}

}  // namespace muster::identity
