// SPDX-License-Identifier: Apache-2.0
//
// What makes a machine a member of a region, an endpoint's agent or a gateway: its key,
// its certificate, and the region's authority; and the folder that keeps them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/result.h"
#include "identity/certificate.h"
#include "identity/key.h"
#include "net/tls_context.h"

namespace muster::member {

struct Credential {
  identity::PrivateKey key;
  identity::Certificate certificate;
  identity::Certificate authority;
};

/// Key and certificate, for either end of a TLS connection.
net::TlsIdentity tls_identity(const Credential& credential);

/// What the server sent on renewal: for this key, by this authority. kUnauthorized.
core::Result<identity::Certificate> check_renewed(const Credential& credential,
                                                  std::string_view pem);

/// Who may be spoken to (net::PeerCheck): a server only, or a gateway as well. The chain
/// was verified already.
core::Status check_server(std::string_view leaf_der);
core::Status check_gateway(std::string_view leaf_der);

/// Files NAME.key NAME.pem ca.pem, mode 0600, and NAME.lock, which the running program
/// holds and which contains its process id.
class CredentialFolder {
 public:
  /// `name`: "agent" or "gateway".
  CredentialFolder(std::filesystem::path path, std::string name)
      : path_(std::move(path)), name_(std::move(name)) {}

  const std::filesystem::path& path() const { return path_; }

  /// Makes the folder; kConflict where another process holds it. The lock lasts as long
  /// as this process.
  core::Status lock() const;
  /// The process id of the program that holds the folder; 0: none.
  int holder() const;

  bool enrolled() const;
  /// kCorrupt, kNotFound and kDenied name the file.
  core::Result<Credential> load() const;
  /// The certificate goes last: its presence means enrolled.
  core::Status save(const Credential& credential) const;
  core::Status save_certificate(const identity::Certificate& certificate) const;

 private:
  std::filesystem::path file(std::string_view ending) const;

  std::filesystem::path path_;
  std::string name_;
};

}  // namespace muster::member
