// SPDX-License-Identifier: Apache-2.0
#include "member/credential.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/log.h"
#include "runtime/file.h"

namespace muster::member {
namespace {

using core::Code;
using core::fail;

constexpr std::size_t kFileBytesMax = 64 * 1024;

core::Result<identity::Certificate> load_certificate(const std::filesystem::path& path) {
  MUSTER_ASSIGN(const std::string pem, runtime::read_file(path, kFileBytesMax));
  auto certificate = identity::Certificate::from_pem(pem);
  if (!certificate) return fail(std::move(certificate.error()).while_doing(path.string()));
  return certificate;
}

core::Result<identity::Role> role_of(std::string_view leaf_der) {
  MUSTER_ASSIGN(const auto leaf, identity::Certificate::from_der(leaf_der));
  MUSTER_ASSIGN(const auto peer, identity::peer_identity(leaf));
  return peer.role;
}

std::unexpected<core::Error> wrong_role(identity::Role role, std::string_view wanted) {
  return fail(Code::kUnauthorized, "the other side shows a certificate of a region's " +
                                       std::string(identity::name(role)) + ", not of " +
                                       std::string(wanted));
}

}  // namespace

net::TlsIdentity tls_identity(const Credential& credential) {
  return {credential.certificate.pem() + credential.authority.pem(), credential.key.pem()};
}

core::Result<identity::Certificate> check_renewed(const Credential& credential,
                                                  std::string_view pem) {
  MUSTER_ASSIGN(auto renewed, identity::Certificate::from_pem(pem));
  MUSTER_TRY(identity::verify_chain(renewed, credential.authority, core::wall_now()));
  if (!identity::holds_key(renewed, credential.key.public_key_der()))
    return fail(Code::kUnauthorized, "the new certificate is for another key");
  return renewed;
}

core::Status check_server(std::string_view leaf_der) {
  MUSTER_ASSIGN(const auto role, role_of(leaf_der));
  if (role == identity::Role::kServer) return {};
  return wrong_role(role, "its server");
}

core::Status check_gateway(std::string_view leaf_der) {
  MUSTER_ASSIGN(const auto role, role_of(leaf_der));
  if (role == identity::Role::kServer || role == identity::Role::kGateway) return {};
  return wrong_role(role, "a gateway or server");
}

std::filesystem::path CredentialFolder::file(std::string_view ending) const {
  return path_ / (name_ + std::string(ending));
}

core::Status CredentialFolder::lock() const {
  MUSTER_TRY(runtime::make_private_folder(path_));
  const std::string path = file(".lock").string();
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return core::fail_errno(errno, "opening " + path);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return fail(Code::kConflict, "another " + name_ + " (process " + std::to_string(holder()) +
                                     ") uses " + path_.string());
  }
  // Stays open, and locked, until this process ends.
  // Who holds it is for a message only: a full disk keeps nobody from starting.
  const std::string pid = std::to_string(getpid()) + "\n";
  const bool told = ftruncate(fd, 0) == 0 && write(fd, pid.data(), pid.size()) > 0;
  if (!told)
    core::log(core::Level::kWarn, name_, "starting although its folder cannot be written",
              {{"file", path}, {"why", std::strerror(errno)}});
  return {};
}

int CredentialFolder::holder() const {
  const int fd = open(file(".lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const bool held = flock(fd, LOCK_SH | LOCK_NB) != 0;
  close(fd);
  if (!held) return 0;
  const auto text = runtime::read_file(file(".lock"), 64);
  return text ? std::atoi(text->c_str()) : 0;
}

bool CredentialFolder::enrolled() const {
  std::error_code ignored;
  return std::filesystem::exists(file(".pem"), ignored);
}

core::Result<Credential> CredentialFolder::load() const {
  MUSTER_ASSIGN(identity::PrivateKey key, identity::PrivateKey::load(file(".key")));
  MUSTER_ASSIGN(identity::Certificate certificate, load_certificate(file(".pem")));
  MUSTER_ASSIGN(identity::Certificate authority, load_certificate(path_ / "ca.pem"));
  if (!identity::holds_key(certificate, key.public_key_der()))
    return fail(Code::kCorrupt, name_ + ".pem is not the certificate of " + name_ + ".key in " +
                                    path_.string() + ": remove the folder and enrol again");
  return Credential{std::move(key), std::move(certificate), std::move(authority)};
}

core::Status CredentialFolder::save(const Credential& credential) const {
  MUSTER_TRY(runtime::make_private_folder(path_));
  MUSTER_TRY(credential.key.save(file(".key")));
  MUSTER_TRY(runtime::write_file(path_ / "ca.pem", credential.authority.pem()));
  return save_certificate(credential.certificate);
}

core::Status CredentialFolder::save_certificate(const identity::Certificate& certificate) const {
  return runtime::write_file(file(".pem"), certificate.pem());
}

}  // namespace muster::member
