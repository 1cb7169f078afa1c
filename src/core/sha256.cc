// SPDX-License-Identifier: Apache-2.0
#include "core/sha256.h"

#include <openssl/evp.h>

#include "core/assert.h"

namespace muster::core {
namespace {

void begin(EVP_MD_CTX* context) {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);  // once
  MUSTER_ASSERT(EVP_DigestInit_ex2(context, algorithm, nullptr) == 1);
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  MUSTER_ASSERT(context_ != nullptr);
  begin(context_.get());
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  MUSTER_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

ContentId Sha256::finish() {
  unsigned char digest[ContentId::kBytes];
  MUSTER_ASSERT(EVP_DigestFinal_ex(context_.get(), digest, nullptr) == 1);
  begin(context_.get());
  return *ContentId::from_bytes({reinterpret_cast<const char*>(digest), sizeof digest});
}

}  // namespace muster::core
