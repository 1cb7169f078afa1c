// SPDX-License-Identifier: Apache-2.0
#include "identity/key.h"

#include <sys/stat.h>

#include <cerrno>

#include "identity/detail/openssl.h"
#include "runtime/file.h"

namespace muster::identity {
namespace {
constexpr std::size_t kKeyBytesMax = 16 * 1024;
}

PrivateKey PrivateKey::generate() {
  std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  MUSTER_ASSERT(key != nullptr);
  return PrivateKey(std::move(key));
}

core::Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  if (pem.size() > kKeyBytesMax) return core::fail(core::Code::kLimit, "the key is too large");
  const auto bio = detail::reading(pem);
  std::shared_ptr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, detail::no_password, nullptr), EVP_PKEY_free);
  if (key == nullptr) {
    return core::fail(core::Code::kInvalid,
                      "not a private key in unencrypted PEM: " + detail::last_error());
  }
  if (!detail::is_p256(key.get())) {
    return core::fail(core::Code::kInvalid, "not a P-256 key");
  }
  return PrivateKey(std::move(key));
}

core::Result<PrivateKey> PrivateKey::load(const std::filesystem::path& path) {
  MUSTER_ASSIGN(const auto pem, runtime::read_file(path, kKeyBytesMax));
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0)
    return core::fail_errno(errno, "reading " + path.string());
  if ((status.st_mode & 077) != 0) {
    return core::fail(core::Code::kDenied, "the key " + path.string() +
                                               " can be read or changed by other users; if it was "
                                               "not, run: chmod 600 '" +
                                               path.string() + "'");
  }
  auto key = from_pem(pem);
  if (!key) return core::fail(std::move(key.error()).while_doing("reading " + path.string()));
  return key;
}

std::string PrivateKey::pem() const {
  const detail::BioPtr bio(BIO_new(BIO_s_secmem()));
  MUSTER_ASSERT(PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                              nullptr) == 1);
  return detail::written(bio.get());
}

core::Status PrivateKey::save(const std::filesystem::path& path) const {
  return runtime::write_file(path, pem(), 0600);
}

std::string PrivateKey::public_key_der() const {
  return detail::public_der(key_.get());
}

core::EndpointId PrivateKey::endpoint_id() const {
  return core::EndpointId::of_public_key(public_key_der());
}

}  // namespace muster::identity
