// SPDX-License-Identifier: Apache-2.0
//
// Host is one machine's interface with two resources behind it: calls with the management sign
// reach the management resource, everything else the machine's own application.
//
// Where it is given no certificate it makes an authority of its own at the first start, and from
// it a certificate at each: clients pin the authority by fingerprint, or get it as a file.
//
// Lives on one loop. start(), then `co_await stop()` before it is destroyed.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "identity/authority.h"
#include "manage/access.h"
#include "manage/audit.h"
#include "manage/files.h"
#include "manage/neighbours.h"
#include "manage/proxy.h"
#include "manage/resource.h"
#include "net/http_server.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"
#include "runtime/worker_pool.h"

namespace muster::manage {

inline constexpr std::uint64_t kLargestFile = 16ULL * 1024 * 1024 * 1024;

struct HostConfig {
  std::filesystem::path
      state;  ///< Holds authority.key ca.pem tokens.json neighbours.json audit.log
  std::string address = "0.0.0.0";
  std::uint16_t port = 8443;
  std::string name;                                  ///< under which it answers
  std::vector<std::string> dns_names, ip_addresses;  ///< of its own certificate
  std::string application;                           ///< empty: there is none
  std::vector<Root> roots;
  std::uint64_t largest_file = kLargestFile;
  std::vector<Rule> rules;
  std::string client_ca_pem;                      ///< certificates of clients come from it, too
  std::optional<net::TlsIdentity> identity = {};  ///< instead of one of its own authority
};

std::filesystem::path tokens_file(const std::filesystem::path& state);
std::filesystem::path neighbours_file(const std::filesystem::path& state);

class Host {
 public:
  Host(runtime::Loop& loop, HostConfig config);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// Opens the state and begins to serve. Blocking; errors say what to do.
  core::Status start();
  runtime::Task<void> stop(core::Duration grace);

  std::uint16_t port() const { return http_->port(); }
  /// Of its own authority: what clients pin. 32 raw bytes.
  std::string fingerprint() const { return authority_->certificate().fingerprint(); }
  std::filesystem::path ca_file() const { return config_.state / "ca.pem"; }

 private:
  core::Status open_authority();
  core::Result<net::TlsIdentity> identity() const;
  core::Status serve();
  runtime::Task<core::Result<Caller>> authenticate(net::Request& request);
  Answer status(Asked asked);
  runtime::Task<void> keep_certified();

  runtime::Loop& loop_;
  const HostConfig config_;
  const core::WallTime started_at_;
  std::optional<identity::Authority> authority_;
  std::string id_;
  runtime::WorkerPool workers_{3};
  Tokens tokens_;
  AuditFile audit_;
  Files files_;
  std::unique_ptr<Proxy> proxy_;
  std::unique_ptr<Resource> resource_;
  Neighbours* neighbours_ = nullptr;  // the resource's
  std::shared_ptr<net::TlsServerContext> tls_;
  std::unique_ptr<net::HttpServer> http_;
  runtime::TaskGroup tasks_;
};

}  // namespace muster::manage
