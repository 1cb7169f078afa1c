// SPDX-License-Identifier: Apache-2.0
#include "server/agent_programs.h"

#include <sys/utsname.h>

#include <algorithm>

#include "core/bytes.h"
#include "core/log.h"
#include "core/version.h"
#include "runtime/file.h"

// MUSTER_INSTALL_SCRIPT and MUSTER_AGENT_UNIT are the files' paths at build time.
asm(".pushsection .rodata\n"
    ".global muster_install_begin, muster_install_end, muster_unit_begin, muster_unit_end\n"
    "muster_install_begin: .incbin \"" MUSTER_INSTALL_SCRIPT
    "\"\n"
    "muster_install_end:\n"
    "muster_unit_begin: .incbin \"" MUSTER_AGENT_UNIT
    "\"\n"
    "muster_unit_end:\n"
    ".popsection\n");

extern "C" {
extern const char muster_install_begin[], muster_install_end[];
extern const char muster_unit_begin[], muster_unit_end[];
}

namespace muster::server {
namespace {

constexpr std::string_view kPrefix = "muster-agent-";
constexpr std::size_t kHostBytesMax = 260;

std::string text(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

std::string own_type() {
  utsname machine{};
  return uname(&machine) == 0 ? machine.machine : "";
}

bool is_type(std::string_view type) {
  return !type.empty() && type.size() <= 32 && std::ranges::all_of(type, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// The mark stands once; a line end behind what stands there is the template's.
void fill(std::string& script, std::string_view mark, std::string_view what) {
  while (what.ends_with('\n')) what.remove_suffix(1);
  const auto at = script.find(mark);
  if (at != script.npos) script.replace(at, mark.size(), what);
}

}  // namespace

std::string agent_version(std::string_view program) {
  constexpr std::string_view kMark = "muster-agent version: ";  // agent/version.cc
  constexpr std::size_t kVersionBytesMax = 40;
  const auto at = program.find(kMark);
  if (at == program.npos) return {};
  const std::string_view rest = program.substr(at + kMark.size(), kVersionBytesMax + 1);
  const std::string_view version = rest.substr(0, rest.find('\0'));
  const bool fits = !version.empty() && version.size() < rest.size() &&
                    std::ranges::all_of(
                        version,
                        [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                 (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
                        });
  return fits ? std::string(version) : std::string();
}

void AgentPrograms::add(std::string type, const std::filesystem::path& file) {
  if (!is_type(type) || find(type) || programs_.size() == kAgentProgramsMax) return;
  auto bytes = runtime::read_file(file, kAgentProgramBytesMax);
  if (!bytes) {
    core::log(core::Level::kWarn, "server", "this agent is not offered to new machines",
              {{"why", bytes.error().message}});
    return;
  }
  std::string digest = core::to_hex(core::sha256(*bytes));
  std::string version = agent_version(*bytes);
  programs_.push_back({std::move(type), std::move(digest), std::move(version),
                       std::make_shared<const std::string>(std::move(*bytes))});
}

AgentPrograms AgentPrograms::load(const std::filesystem::path& folder,
                                  const std::filesystem::path& own) {
  AgentPrograms found;
  std::error_code failed;
  if (!folder.empty())
    for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
      const std::string name = entry.path().filename();
      if (name.starts_with(kPrefix)) found.add(name.substr(kPrefix.size()), entry.path());
    }
  if (!own.empty()) found.add(own_type(), own);
  std::ranges::sort(found.programs_, {}, &AgentProgram::type);
  return found;
}

const AgentProgram* AgentPrograms::find(std::string_view type) const {
  const auto at = std::ranges::find(programs_, type, &AgentProgram::type);
  return at == programs_.end() ? nullptr : &*at;
}

std::string install_script(const AgentPrograms& programs, std::string_view address,
                           std::string_view ca_pem) {
  std::string agents;
  for (const AgentProgram& program : programs.all())
    agents += program.type + " " + program.digest + "\n";
  std::string script = text(muster_install_begin, muster_install_end);
  fill(script, "@SERVER@", address);
  fill(script, "@VERSION@", core::kVersion);
  fill(script, "@AGENTS@", agents);
  fill(script, "@CA@", ca_pem);
  fill(script, "@UNIT@", text(muster_unit_begin, muster_unit_end));
  return script;
}

std::optional<std::string> address_of_host(std::string_view header) {
  const bool safe =
      !header.empty() && header.size() <= kHostBytesMax && std::ranges::all_of(header, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
      });
  if (!safe || header.starts_with('-')) return std::nullopt;
  const auto colon = header.rfind(':'), bracket = header.rfind(']');
  const bool port = colon != header.npos && (bracket == header.npos || colon > bracket);
  return std::string(header) + (port ? "" : ":443");  // a client leaves out the usual one
}

}  // namespace muster::server
