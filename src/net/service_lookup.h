// SPDX-License-Identifier: Apache-2.0
//
// Servers that DNS names (RFC 2782): _muster._tcp.example.org stands for hosts and ports, with an
// order among them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "net/http_client.h"

namespace muster::net {

/// Records of one answer that are read.
inline constexpr std::size_t kServiceRecordsMax = 32;

struct ServiceRecord {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  std::string target;
  bool operator==(const ServiceRecord&) const = default;
};

/// A host's name never begins so.
inline bool is_service(std::string_view host) {
  return host.starts_with('_');
}

/// Asks the machine's name servers. Blocks for up to some ten seconds: not on a loop.
/// kUnavailable with the name in the sentence.
core::Result<std::vector<ServiceRecord>> ask_service(const std::string& name);

/// The records of a DNS message. Targets that are no host names are left out.
core::Result<std::vector<ServiceRecord>> read_service_answer(std::string_view message);

/// By priority, within one at random by weight, as the RFC says.
std::vector<ServerAddress> in_order(std::vector<ServiceRecord> records, core::Random& random);

}  // namespace muster::net
