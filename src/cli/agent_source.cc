// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_source.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "cli/json_access.h"
#include "cli/text.h"
#include "core/bytes.h"
#include "server/agent_programs.h"

namespace muster::cli {
namespace {

using core::Code;
using core::fail;

/// As much of the digest of all programs as tells builds of one version apart.
constexpr std::size_t kBuildCharacters = 12;
/// While it waits for other work on the host to end.
constexpr std::string_view kTimeout = "1h";
constexpr std::string_view kFolder = "muster_agent/tasks/";
constexpr std::string_view kExplain = "explain.sh";

/// Where none of the programs may be used, this says so.
constexpr std::string_view kExplanation =
    "#!/bin/sh\n"
    "cat <<'END'\n"
    "{\"_error\": {\"kind\": \"muster/cannot-update\", \"msg\": \"this agent cannot update itself: "
    "it "
    "is older than that, it was told not to (no-self-update), or there is no program for its type "
    "of machine; its package or install.sh updates it\", \"details\": {}}}\n"
    "END\n"
    "exit 1\n";

std::string metadata_of(const Offer& offer, const std::string& version) {
  using boost::json::array;
  using boost::json::object;
  array implementations;
  for (const OfferedAgent& agent : offer.agents)
    implementations.push_back(object{{"name", "update_" + agent.type},
                                     {"requirements", array{"linux", agent.type, kUpdateFeature}}});
  implementations.push_back(object{{"name", kExplain}, {"requirements", array{"shell"}}});
  const object downgrade{
      {"type", "Boolean"}, {"default", false}, {"description", "replace a newer version, too"}};
  const object within{{"type", "Integer[1, 3600]"},
                      {"default", 120},
                      {"description", "seconds in which the new agent has to log in"}};
  return boost::json::serialize(object{
      {"description", "The agent " + offer.version + ", for agents that update themselves"},
      {"private", true},
      {"input_method", "stdin"},
      {"parameters", object{{"downgrade", downgrade}, {"login_within_s", within}}},
      {"implementations", std::move(implementations)},
      {"extensions",
       object{{"muster",
               object{{"version", version}, {"idempotent", true}, {"timeout", kTimeout}}}}}});
}

/// Those of the newest version; agents that do not tell theirs are none.
Offer newest(std::vector<OfferedAgent> all) {
  Offer offer;
  for (const OfferedAgent& each : all)
    if (!each.version.empty() &&
        (offer.version.empty() || methods::compare_versions(each.version, offer.version) > 0))
      offer.version = each.version;
  std::erase_if(all, [&](const OfferedAgent& each) {
    return each.version.empty() || each.version != offer.version;
  });
  offer.agents = std::move(all);
  return offer;
}

}  // namespace

std::string Offer::method_version() const {
  std::string all;
  for (const OfferedAgent& agent : agents) all += agent.type + " " + agent.digest + "\n";
  return version + "+" + core::to_hex(core::sha256(all)).substr(0, kBuildCharacters);
}

core::Result<Offer> offer_of(const Json& agents) {
  std::vector<OfferedAgent> all;
  for (const Json& each : elements(agents, "agents"))
    all.push_back({text(each, "type"), text(each, "version"), text(each, "digest")});
  Offer offer = newest(std::move(all));
  if (!offer.agents.empty()) return offer;
  return fail(Code::kNotFound,
              "the server offers no agent that hosts could be updated to: put muster-agent-TYPE "
              "into its folder for agents (muster server --agents) and start it again, or say "
              "--from FOLDER");
}

core::Result<Offer> offer_of(const std::filesystem::path& folder) {
  std::vector<OfferedAgent> all;
  const auto programs = server::AgentPrograms::load(folder, {});
  for (const auto& each : programs.all())
    all.push_back({each.type, each.version, each.digest, each.bytes});
  Offer offer = newest(std::move(all));
  if (!offer.agents.empty()) return offer;
  return fail(Code::kNotFound, "there is no agent in " + folder.string() +
                                   ": they are called muster-agent-x86_64, as uname -m has it");
}

core::Result<AgentPackage> package_of(const Offer& offer, std::vector<std::string> programs) {
  AgentPackage made;
  methods::Package package;
  MUSTER_ASSIGN(package.name, methods::TaskName::parse(kUpdateMethod));
  package.version = offer.method_version();
  package.metadata_text = metadata_of(offer, package.version);
  const auto add = [&](std::string_view name, std::string bytes) {
    package.files.push_back(
        {std::string(kFolder) + std::string(name), true, bytes.size(), core::sha256(bytes)});
    made.objects.push_back(std::move(bytes));
  };
  for (std::size_t i = 0; i < offer.agents.size(); ++i) {
    const OfferedAgent& agent = offer.agents[i];
    if (core::to_hex(core::sha256(programs.at(i))) != agent.digest)
      return fail(Code::kCorrupt, "what the server sent is not the agent for " +
                                      in_line(agent.type) + " that it offers; try again");
    add("update_" + agent.type, std::move(programs[i]));
  }
  add(kExplain, std::string(kExplanation));
  std::ranges::sort(package.files, {}, &methods::PackageFile::path);
  made.manifest = methods::manifest_of(package);
  // What the server would refuse is better refused here.
  MUSTER_TRY(methods::read_manifest(made.manifest));
  return made;
}

}  // namespace muster::cli
