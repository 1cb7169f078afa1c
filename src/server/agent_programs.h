// SPDX-License-Identifier: Apache-2.0
//
// The agents that a server offers to machines which have none yet, and the script that installs
// them. Read once; immutable afterwards.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::server {

inline constexpr std::size_t kAgentProgramsMax = 16;
inline constexpr std::size_t kAgentProgramBytesMax = 256 * 1024 * 1024;
/// Downloads at a time; more are asked to come back.
inline constexpr int kDownloadsMax = 32;

struct AgentProgram {
  std::string type;     ///< of machines, as `uname -m` has it
  std::string digest;   ///< SHA-256, hexadecimal
  std::string version;  ///< as the program says it; empty: it does not
  std::shared_ptr<const std::string> bytes;
};

/// The version that an agent's program carries, whatever machine it is for; empty where there
/// is none.
std::string agent_version(std::string_view program);

class AgentPrograms {
 public:
  /// Those of `folder` (muster-agent-TYPE), and `own` for machines of this one's type where the
  /// folder has none. What cannot be read is logged and not offered.
  static AgentPrograms load(const std::filesystem::path& folder, const std::filesystem::path& own);

  /// By type.
  const std::vector<AgentProgram>& all() const { return programs_; }
  const AgentProgram* find(std::string_view type) const;

 private:
  void add(std::string type, const std::filesystem::path& file);

  std::vector<AgentProgram> programs_;
};

/// The script for machines that reach the server at `address` (host:port).
std::string install_script(const AgentPrograms& programs, std::string_view address,
                           std::string_view ca_pem);

/// The address that a Host header names; none where it is nothing that may stand in a script.
std::optional<std::string> address_of_host(std::string_view header);

}  // namespace muster::server
