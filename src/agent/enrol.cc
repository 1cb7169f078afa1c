// SPDX-License-Identifier: Apache-2.0
#include "agent/enrol.h"

#include "discovery/service.h"
#include "identity/authority.h"
#include "identity/join_token.h"
#include "member/join.h"
#include "net/http_client.h"

namespace muster::agent {
namespace {

using core::Code;
using core::fail;

runtime::Task<core::Result<Enrolment>> enrol_at(runtime::Loop& loop, std::string server,
                                                std::string token) {
  MUSTER_CO_ASSIGN(const net::ServerAddress address, net::ServerAddress::parse(server));
  MUSTER_CO_ASSIGN(auto made, co_await member::join(loop, std::move(server), std::move(token)));
  std::string region = identity::region_of(made.authority);
  co_return Enrolment{std::move(made), {address.str()}, {}, std::move(region)};
}

// The token names the region's authority: nobody else's servers answer.
runtime::Task<core::Result<Enrolment>> enrol_near(runtime::Loop& loop, std::string token) {
  MUSTER_CO_ASSIGN(const auto parsed, identity::JoinToken::parse(token));
  if (parsed.ca_fingerprint.empty())
    co_return fail(Code::kInvalid, "a token without its last part needs --server HOST");
  const auto found = co_await discovery::seek(loop, discovery::RegionKey(parsed.ca_fingerprint),
                                              discovery::kServers);
  core::Error last{Code::kNotFound,
                   "no server or gateway of the token's region answers on this machine's networks "
                   "(UDP port " +
                       std::to_string(discovery::kPort) + "): name the server by --server HOST"};
  for (const std::string& server : found) {
    auto made = co_await enrol_at(loop, server, token);
    if (made) co_return made;
    last = std::move(made.error()).while_doing("at " + server);
  }
  co_return fail(std::move(last));
}

}  // namespace

runtime::Task<core::Result<Enrolment>> enrol(runtime::Loop& loop, std::string server,
                                             std::string token) {
  if (server.empty()) co_return co_await enrol_near(loop, std::move(token));
  co_return co_await enrol_at(loop, std::move(server), std::move(token));
}

}  // namespace muster::agent
