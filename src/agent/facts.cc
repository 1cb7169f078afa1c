// SPDX-License-Identifier: Apache-2.0
#include "agent/facts.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <ctime>
#include <string>

#include "agent/version.h"
#include "core/clock.h"
#include "link/clean.h"
#include "methods/features.h"
#include "runtime/file.h"

namespace muster::agent {
namespace {

// NAME=value or NAME="value" of /etc/os-release.
std::string release_value(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != '=') continue;
    line.remove_prefix(name.size() + 1);
    if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'') &&
        line.front() == line.back())
      line = line.substr(1, line.size() - 2);
    return std::string(line);
  }
  return {};
}

bool can_start(std::string_view program) {
  if (program.starts_with('/')) return access(std::string(program).c_str(), X_OK) == 0;
  return std::ranges::any_of(
      std::array{"/usr/local/bin/", "/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"},
      [&](const char* folder) {
        return access((std::string(folder) + std::string(program)).c_str(), X_OK) == 0;
      });
}

void add_addresses(wire::Facts& facts) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return;
  for (const ifaddrs* item = list; item; item = item->ifa_next) {
    if (!item->ifa_addr || !(item->ifa_flags & IFF_UP) || (item->ifa_flags & IFF_LOOPBACK))
      continue;
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = item->ifa_addr->sa_family;
    if (family == AF_INET) {
      inet_ntop(family, &reinterpret_cast<const sockaddr_in*>(item->ifa_addr)->sin_addr,
                text.data(), text.size());
    } else if (family == AF_INET6) {
      const auto& address = reinterpret_cast<const sockaddr_in6*>(item->ifa_addr)->sin6_addr;
      if (IN6_IS_ADDR_LINKLOCAL(&address)) continue;
      inet_ntop(family, &address, text.data(), text.size());
    } else {
      continue;
    }
    facts.add_addresses(text.data());
  }
  freeifaddrs(list);
}

}  // namespace

wire::Facts gather_facts(bool updates_itself) {
  wire::Facts facts;
  utsname system{};
  if (uname(&system) == 0) {
    std::string os = system.sysname;
    std::ranges::transform(os, os.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    facts.set_os(os);
    facts.set_hostname(system.nodename);
    facts.set_kernel(system.release);
    facts.set_machine(system.machine);
  }
  if (const auto release = runtime::read_file("/etc/os-release", 64 * 1024)) {
    facts.set_distribution(release_value(*release, "ID"));
    facts.set_distribution_version(release_value(*release, "VERSION_ID"));
  }
  facts.set_cpus(static_cast<std::uint32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN))));
  struct sysinfo memory{};
  if (sysinfo(&memory) == 0)
    facts.set_memory_bytes(static_cast<std::uint64_t>(memory.totalram) * memory.mem_unit);
  timespec up{};
  if (clock_gettime(CLOCK_BOOTTIME, &up) == 0)
    facts.set_booted_unix_ms(core::unix_ms(core::wall_now()) - up.tv_sec * 1000 -
                             up.tv_nsec / 1'000'000);
  facts.set_agent_version(std::string(version()));
  for (std::string& feature : methods::announced_features(
           {facts.os(), facts.machine(), facts.distribution(), facts.distribution_version()},
           can_start)) {
    facts.add_features(std::move(feature));
  }
  if (updates_itself) facts.add_features("self-update");
  add_addresses(facts);
  link::clean_facts(facts);
  return facts;
}

}  // namespace muster::agent
