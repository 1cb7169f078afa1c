// SPDX-License-Identifier: Apache-2.0
#include "methods/features.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/bytes.h"

namespace muster::methods {
namespace {

struct ProgramFeature {
  std::string_view feature;
  std::string_view program;
};

constexpr std::array<ProgramFeature, 15> kPrograms = {{
    {"puppet-agent", "/opt/puppetlabs/puppet/bin/ruby"},
    {"bash", "bash"},
    {"python3", "python3"},
    {"perl", "perl"},
    {"ruby", "ruby"},
    {"pwsh", "pwsh"},
    {"node", "node"},
    {"php", "php"},
    {"systemd", "systemctl"},
    {"apt", "apt-get"},
    {"dnf", "dnf"},
    {"zypper", "zypper"},
    {"pacman", "pacman"},
    {"apk", "apk"},
    {"docker", "docker"},
}};

// Kernels, machine types and what other runners mean by themselves.
constexpr std::array<std::string_view, 23> kOthers = {
    "shell",   "powershell", "linux",   "darwin", "freebsd",     "openbsd", "netbsd",     "windows",
    "x86_64",  "aarch64",    "arm64",   "armv6l", "armv7l",      "i386",    "i686",       "ppc64",
    "ppc64le", "s390x",      "riscv64", "mips64", "loongarch64", "amd64",   "self-update"};

std::vector<std::string> missing_of(const Implementation& implementation,
                                    std::span<const std::string> features) {
  std::vector<std::string> missing;
  for (const std::string& requirement : implementation.requirements) {
    if (std::ranges::find(features, requirement) == features.end()) missing.push_back(requirement);
  }
  return missing;
}

bool is_remote(const Metadata& metadata, const Implementation& implementation) {
  return implementation.remote.value_or(metadata.remote);
}

}  // namespace

std::vector<std::string> announced_features(const Platform& platform, const ProgramProbe& has) {
  std::vector<std::string> found;
  const bool windows = platform.os == "windows";
  const auto add = [&](std::string feature) {
    if (!feature.empty()) found.push_back(std::move(feature));
  };
  add(platform.os);
  add(platform.machine);
  add(platform.distribution);
  if (!platform.distribution.empty() && !platform.distribution_version.empty()) {
    add(platform.distribution + "-" + platform.distribution_version);
  }
  if (windows) add("powershell");
  if (!windows && has("sh")) add("shell");
  for (const auto& [feature, program] : kPrograms) {
    if (has(program)) add(std::string(feature));
  }
  std::ranges::sort(found);
  const auto twice = std::ranges::unique(found);
  found.erase(twice.begin(), twice.end());
  if (found.size() > kFeaturesMax) found.resize(kFeaturesMax);
  return found;
}

bool is_usual_feature(std::string_view feature) {
  return std::ranges::find(kOthers, feature) != kOthers.end() ||
         std::ranges::find(kPrograms, feature, &ProgramFeature::feature) != kPrograms.end();
}

core::Result<const Implementation*> select_implementation(std::string_view method,
                                                          const Metadata& metadata,
                                                          std::span<const std::string> features) {
  const auto no = [&](const std::string& why) {
    return core::fail(core::Code::kNotFound,
                      core::printable(method, 200) + " cannot run on this host: " + why);
  };
  const std::string remote = "it acts on remote targets through a proxy, which hosts are not";
  if (metadata.implementations.empty()) {
    if (metadata.remote) return no(remote);
    return static_cast<const Implementation*>(nullptr);
  }
  std::string why;
  for (const Implementation& implementation : metadata.implementations) {
    const auto missing = missing_of(implementation, features);
    const bool is_for_remote = is_remote(metadata, implementation);
    if (missing.empty() && !is_for_remote) return &implementation;
    if (!why.empty()) why += "; ";
    why += core::printable(implementation.name, 100) + " needs ";
    if (is_for_remote) why += "a remote target";
    for (std::size_t i = 0; i < missing.size() && !is_for_remote; ++i) {
      why += (i == 0 ? "" : ", ") + core::printable(missing[i], 100);
    }
  }
  return no(why);
}

}  // namespace muster::methods
