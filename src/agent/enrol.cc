// SPDX-License-Identifier: Apache-2.0
#include "agent/enrol.h"

#include "identity/authority.h"
#include "member/join.h"
#include "net/http_client.h"

namespace muster::agent {

runtime::Task<core::Result<Enrolment>> enrol(runtime::Loop& loop, std::string server,
                                             std::string token) {
  MUSTER_CO_ASSIGN(const net::ServerAddress address, net::ServerAddress::parse(server));
  MUSTER_CO_ASSIGN(auto made, co_await member::join(loop, std::move(server), std::move(token)));
  std::string region = identity::region_of(made.authority);
  co_return Enrolment{std::move(made), {address.str()}, {}, std::move(region)};
}

}  // namespace muster::agent
