// SPDX-License-Identifier: Apache-2.0
#include "access/region.h"

#include <algorithm>

#include "core/log.h"
#include "runtime/file.h"

namespace muster::access {
namespace {

using core::Code;
using identity::Authority;
using identity::Certificate;
using identity::PrivateKey;

constexpr std::size_t kFileBytesMax = 64 * 1024;

core::Result<Credential> issue(const Authority& authority, const identity::LeafSpec& spec,
                               core::WallTime now) {
  auto key = PrivateKey::generate();
  MUSTER_ASSIGN(auto certificate, authority.issue(key.public_key_der(), spec, now));
  return Credential{std::move(key), std::move(certificate)};
}

core::Result<Certificate> load_certificate(const std::filesystem::path& path) {
  MUSTER_ASSIGN(const auto pem, runtime::read_file(path, kFileBytesMax));
  auto parsed = Certificate::from_pem(pem);
  if (!parsed) return core::fail(std::move(parsed.error()).while_doing("reading " + path.string()));
  return parsed;
}

// The credential on disk, if it is still good for this name, these names and this time.
core::Result<Credential> saved(const std::filesystem::path& folder, const Certificate& ca,
                               identity::Role role, std::string_view name,
                               const std::vector<std::string>& names, core::WallTime now) {
  const std::string file(identity::name(role));
  MUSTER_ASSIGN(auto key, PrivateKey::load(folder / (file + ".key")));
  MUSTER_ASSIGN(auto certificate, load_certificate(folder / (file + ".pem")));
  MUSTER_TRY(identity::verify_chain(certificate, ca, now));
  MUSTER_ASSIGN(const auto peer, identity::peer_identity(certificate));
  const bool fits =
      peer.role == role && peer.name == name && peer.public_key_der == key.public_key_der() &&
      std::ranges::all_of(
          names, [&](const std::string& one) { return identity::names_host(certificate, one); });
  if (!fits) return core::fail(Code::kConflict, "the certificate has other names");
  if (now >= peer.not_after - (peer.not_after - peer.not_before) / 3) {
    return core::fail(Code::kConflict, "the certificate is due for renewal");
  }
  return Credential{std::move(key), std::move(certificate)};
}

// The credential of this process, in the files that its role names.
core::Result<Credential> saved_or_made(const Authority& authority,
                                       const std::filesystem::path& folder,
                                       const identity::LeafSpec& spec, core::WallTime now) {
  auto names = spec.dns_names;
  names.insert(names.end(), spec.ip_addresses.begin(), spec.ip_addresses.end());
  if (auto found = saved(folder, authority.certificate(), spec.role, spec.name, names, now))
    return found;
  MUSTER_ASSIGN(auto made, issue(authority, spec, now));
  const std::string file(identity::name(spec.role));
  auto kept = made.key.save(folder / (file + ".key"));
  if (kept) kept = runtime::write_file(folder / (file + ".pem"), made.certificate.pem(), 0644);
  if (!kept && spec.role != identity::Role::kServer)
    return std::unexpected(std::move(kept.error()));
  // A machine that got an address while its disk is full still serves; the next start makes
  // another.
  if (!kept) {
    core::log(core::Level::kWarn, "access", "the server's new certificate is not kept",
              {{"reason", kept.error().message}});
  }
  return made;
}

}  // namespace

RegionAuthority::RegionAuthority(Authority authority, std::filesystem::path folder, bool made_now)
    : authority_(std::move(authority)), folder_(std::move(folder)), made_now_(made_now) {}

core::Result<RegionAuthority> RegionAuthority::open(const std::filesystem::path& folder,
                                                    core::WallTime now) {
  const auto key_file = folder / "ca.key";
  const auto certificate_file = folder / "ca.pem";
  MUSTER_TRY(runtime::make_private_folder(folder));
  std::error_code ignored;
  const bool has_key = std::filesystem::exists(key_file, ignored);
  const bool has_certificate = std::filesystem::exists(certificate_file, ignored);
  if (!has_key && !has_certificate) {
    auto made = Authority::create(now, kAuthorityValidity);
    // The certificate first: a crash in between leaves no key that was ever used, and the
    // next start says which file is missing.
    MUSTER_TRY(runtime::write_file(certificate_file, made.certificate().pem(), 0644));
    MUSTER_TRY(made.key().save(key_file));
    return RegionAuthority(std::move(made), folder, true);
  }
  if (!has_key || !has_certificate) {
    return core::fail(Code::kConflict,
                      "the region's authority is incomplete: " + folder.string() + " has no " +
                          (has_key ? "ca.pem" : "ca.key") +
                          "; restore it from a backup (or, if this region never had a host, "
                          "remove the other file too)");
  }
  MUSTER_ASSIGN(auto key, PrivateKey::load(key_file));
  MUSTER_ASSIGN(auto certificate, load_certificate(certificate_file));
  auto authority = Authority::from(std::move(key), std::move(certificate));
  if (!authority) {
    return core::fail(std::move(authority.error())
                          .while_doing("loading ca.key and ca.pem in " + folder.string()));
  }
  const auto until = authority->certificate().not_after();
  if (now >= until) {
    return core::fail(Code::kUnauthorized, "the region's authority expired at " +
                                               core::to_rfc3339(until) +
                                               "; if that is not so, set this machine's clock");
  }
  return RegionAuthority(std::move(*authority), folder, false);
}

core::Result<Credential> RegionAuthority::server_credential(
    std::string_view name, const std::vector<std::string>& dns_names,
    const std::vector<std::string>& ip_addresses, core::WallTime now) const {
  return saved_or_made(
      authority_, folder_,
      {identity::Role::kServer, std::string(name), dns_names, ip_addresses, kServerValidity}, now);
}

core::Result<Credential> RegionAuthority::signer_credential(core::WallTime now) const {
  return saved_or_made(authority_, folder_,
                       {identity::Role::kSigner, "orders", {}, {}, kSignerValidity}, now);
}

core::Result<Credential> RegionAuthority::gateway_credential(
    std::string_view name, const std::vector<std::string>& dns_names,
    const std::vector<std::string>& ip_addresses, core::WallTime now) const {
  return issue(
      authority_,
      {identity::Role::kGateway, std::string(name), dns_names, ip_addresses, kGatewayValidity},
      now);
}

}  // namespace muster::access
