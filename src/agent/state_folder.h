// SPDX-License-Identifier: Apache-2.0
//
// What an agent keeps: its key, its certificate, the region's authority, and where it
// logs in. Everything else may vanish at any moment.
//
//   agent.key  agent.pem  ca.pem    mode 0600
//   agent.json                      {"servers": [...], "last_good": "host:port", "region": "..."}
//   status.json                     how the link stands, for `muster-agent status`
//   agent.lock                      held by the running agent; contains its process id
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"
#include "member/credential.h"

namespace muster::agent {

/// An enrolled agent.
struct Enrolment : member::Credential {
  std::vector<std::string> servers;  ///< host:port, in order of preference; not empty
  std::string last_good;             ///< may be empty
  std::string region;

  /// The region's server is at `address` (host:port) from now on. It stands last, behind
  /// the gateways.
  void move_server(const std::string& address);
};

/// How the link stands, as the running agent last wrote it.
struct LinkStatus {
  bool open = false;
  std::string server;
  std::string gateway;
  std::string explanation;
  std::string since;  ///< RFC 3339
};

class StateFolder {
 public:
  /// `root` is the state folder of the whole machine; ours is `root`/agent.
  explicit StateFolder(const std::filesystem::path& root) : files_(root / "agent", "agent") {}
  /// $MUSTER_STATE, else ~/.local/share/muster.
  static std::filesystem::path default_root();

  const std::filesystem::path& path() const { return files_.path(); }

  /// Makes the folder; kConflict where another agent holds it. The lock lasts as long
  /// as this process.
  core::Status lock() const { return files_.lock(); }
  /// The process id of the agent that holds the folder; 0: none.
  int holder() const { return files_.holder(); }

  bool enrolled() const { return files_.enrolled(); }
  /// kNotFound with the advice to enrol; kCorrupt and kDenied name the file.
  core::Result<Enrolment> load() const;
  core::Status save(const Enrolment& enrolment) const;
  core::Status save_certificate(const identity::Certificate& certificate) const {
    return files_.save_certificate(certificate);
  }
  core::Status save_servers(const Enrolment& enrolment) const;

  core::Status save_status(const LinkStatus& status) const;
  core::Result<LinkStatus> load_status() const;

 private:
  member::CredentialFolder files_;
};

}  // namespace muster::agent
