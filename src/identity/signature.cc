// SPDX-License-Identifier: Apache-2.0
#include "identity/signature.h"

#include "identity/detail/openssl.h"

namespace muster::identity {
namespace {

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

bool PublicKey::verifies(std::string_view text, std::string_view signature) const {
  const ContextPtr context(EVP_MD_CTX_new());
  MUSTER_ASSERT(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) ==
                1);
  const bool good = EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                     bytes_of(text), text.size()) == 1;
  if (!good) (void)detail::last_error();
  return good;
}

}  // namespace muster::identity
