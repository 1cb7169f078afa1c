// SPDX-License-Identifier: Apache-2.0
#include "access/region_secret.h"

#include <sodium.h>
#include <sys/stat.h>

#include "core/assert.h"
#include "core/bytes.h"
#include "core/clock.h"
#include "runtime/file.h"

namespace muster::access {
namespace {

using core::Code;

constexpr std::string_view kPrefix = "mrs1.";
constexpr std::size_t kFileBytesMax = 4096;
constexpr std::size_t kNameBytesMax = 64;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

}  // namespace

RegionSecret RegionSecret::generate() {
  return RegionSecret(core::random_bytes(crypto_secretbox_KEYBYTES));
}

core::Result<RegionSecret> RegionSecret::parse(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  const auto wrong = [] {
    return core::fail(Code::kInvalid,
                      "this is no region's secret: one looks like mrs1.abcd… and is what 'muster "
                      "server secret' prints on a server of the region");
  };
  if (!text.starts_with(kPrefix)) return wrong();
  auto key = core::from_base32(text.substr(kPrefix.size()));
  if (!key || key->size() != crypto_secretbox_KEYBYTES) return wrong();
  return RegionSecret(std::move(*key));
}

core::Result<RegionSecret> RegionSecret::load(const std::filesystem::path& file) {
  struct stat about{};
  if (::stat(file.c_str(), &about) == 0 && (about.st_mode & 077U) != 0)
    return core::fail(Code::kDenied,
                      "others can read the region's secret: chmod 600 " + file.string());
  MUSTER_ASSIGN(const auto text, runtime::read_file(file, kFileBytesMax));
  auto parsed = parse(text);
  if (!parsed) return core::fail(std::move(parsed.error()).while_doing("reading " + file.string()));
  return parsed;
}

core::Status RegionSecret::save(const std::filesystem::path& file) const {
  return runtime::write_file(file, text() + "\n");
}

std::string RegionSecret::text() const {
  return std::string(kPrefix) + core::to_base32(key_);
}

// The name goes before the bytes, with its length: 64 bytes at most.
std::string RegionSecret::seal(std::string_view name, std::string_view bytes) const {
  MUSTER_ASSERT(name.size() <= kNameBytesMax);
  MUSTER_ASSERT(::sodium_init() >= 0);
  std::string plain(1, static_cast<char>(name.size()));
  plain.append(name).append(bytes);
  std::string sealed = core::random_bytes(crypto_secretbox_NONCEBYTES);
  sealed.resize(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.size());
  crypto_secretbox_easy(bytes_of(sealed) + crypto_secretbox_NONCEBYTES,
                        bytes_of(std::string_view(plain)), plain.size(),
                        bytes_of(std::string_view(sealed)), bytes_of(std::string_view(key_)));
  ::sodium_memzero(plain.data(), plain.size());
  return sealed;
}

core::Result<std::string> RegionSecret::unseal(std::string_view name,
                                               std::string_view sealed) const {
  const auto refused = [] {
    return core::fail(Code::kUnauthorized, "it was sealed with another secret, or is damaged");
  };
  constexpr std::size_t kOver = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
  if (sealed.size() < kOver + 1 + name.size()) return refused();
  MUSTER_ASSERT(::sodium_init() >= 0);
  std::string plain(sealed.size() - kOver, '\0');
  if (crypto_secretbox_open_easy(bytes_of(plain), bytes_of(sealed) + crypto_secretbox_NONCEBYTES,
                                 sealed.size() - crypto_secretbox_NONCEBYTES, bytes_of(sealed),
                                 bytes_of(std::string_view(key_))) != 0)
    return refused();
  if (static_cast<unsigned char>(plain[0]) != name.size() ||
      std::string_view(plain).substr(1, name.size()) != name)
    return refused();
  return plain.substr(1 + name.size());
}

}  // namespace muster::access
