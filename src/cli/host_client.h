// SPDX-License-Identifier: Apache-2.0
//
// HostClient calls the management interface of one host from a program without an event loop:
// each call runs one of its own until the answer is there.
//
// Transfers go on where they broke: within one call after a short pause, and from an earlier one,
// since what is half there is named after the whole's SHA-256.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/json_access.h"
#include "core/result.h"
#include "net/http_message.h"
#include "net/tls_context.h"

namespace muster::cli {

/// A host, what is trusted there, and as whom it is called.
struct ManagedHost {
  std::string address;         ///< "https://web1:8443"
  std::string fingerprint;     ///< of its authority, base 32
  std::string ca_pem;          ///< or authorities one of which signed its certificate
  bool region_server = false;  ///< it must be the server of a region
  std::string token;
  std::optional<net::TlsIdentity> identity = {};  ///< to show
};

class HostClient {
 public:
  /// How much is through, of how much.
  using Progress = std::function<void(std::uint64_t done, std::uint64_t all)>;
  static constexpr int kTries = 6;

  explicit HostClient(ManagedHost host);
  ~HostClient();

  /// The answer of a call; an error has the host's own sentence.
  core::Result<Json> call(const std::string& operation, net::Pairs arguments,
                          const std::vector<std::string>& via = {});
  /// Fetches a file and puts it in place of `to`, verified.
  core::Status get(const std::string& path, const std::string& to, const Progress& progress);
  struct Put {
    std::string file;  ///< here
    std::string path;  ///< there
    std::string mode, owner;
  };
  core::Result<Json> put(const Put& what, const Progress& progress);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::cli
