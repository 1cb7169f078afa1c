// SPDX-License-Identifier: Apache-2.0
#include "member/join.h"

#include <boost/json.hpp>
#include <optional>

#include "identity/join_token.h"
#include "identity/request.h"
#include "net/http_client.h"
#include "runtime/task_group.h"

namespace muster::member {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;

core::Result<std::string> field(const json::value& body, std::string_view name) {
  const json::object* object = body.if_object();
  const json::value* value = object ? object->if_contains(name) : nullptr;
  if (!value || !value->is_string())
    return fail(Code::kInvalid,
                "the server's answer has no " + std::string(name) + ": is it a Muster server?");
  return std::string(value->as_string());
}

core::Result<Credential> read_answer(const std::string& text, identity::PrivateKey key,
                                     const identity::JoinToken& token, identity::Role role) {
  boost::system::error_code failed;
  const json::value body = json::parse(text, failed);
  if (failed) return fail(Code::kInvalid, "the server's answer is not JSON");
  MUSTER_ASSIGN(const std::string certificate_pem, field(body, "certificate_pem"));
  MUSTER_ASSIGN(const std::string ca_pem, field(body, "ca_pem"));
  MUSTER_ASSIGN(auto certificate, identity::Certificate::from_pem(certificate_pem));
  MUSTER_ASSIGN(auto authority, identity::Certificate::from_pem(ca_pem));
  if (authority.fingerprint() != token.ca_fingerprint)
    return fail(Code::kUnauthorized,
                "the server sent another region's authority than the token names");
  MUSTER_TRY(identity::verify_chain(certificate, authority, core::wall_now()));
  if (!identity::holds_key(certificate, key.public_key_der()))
    return fail(Code::kUnauthorized, "the server sent a certificate for another key");
  MUSTER_ASSIGN(const auto peer, identity::peer_identity(certificate));
  if (peer.role != role)
    return fail(Code::kInvalid, "the token is for a region's " +
                                    std::string(identity::name(peer.role)) + ", not for a " +
                                    std::string(identity::name(role)));
  return Credential{std::move(key), std::move(certificate), std::move(authority)};
}

std::string body_of(const identity::JoinToken& token, const identity::PrivateKey& key,
                    const GatewayWish& wish) {
  json::object body{{"token", token.short_form()}, {"csr_pem", identity::make_request(key)}};
  if (!wish.name.empty()) {
    body["gateway_name"] = wish.name;
    json::array names;
    for (const auto& name : wish.names) names.emplace_back(name);
    body["names"] = std::move(names);
  }
  return json::serialize(body);
}

}  // namespace

runtime::Task<core::Result<Credential>> join(runtime::Loop& loop, std::string server,
                                             std::string token_text, GatewayWish wish) {
  MUSTER_CO_ASSIGN(const net::ServerAddress address, net::ServerAddress::parse(server));
  MUSTER_CO_ASSIGN(const identity::JoinToken token, identity::JoinToken::parse(token_text));
  if (token.ca_fingerprint.empty())
    co_return fail(Code::kInvalid,
                   "the token lacks its last part, the fingerprint of the region's "
                   "authority: copy it whole");
  net::TlsClientOptions options;
  options.ca_fingerprint = token.ca_fingerprint;
  options.check_peer = check_server;
  MUSTER_CO_ASSIGN(const auto tls, net::TlsClientContext::make(std::move(options)));
  identity::PrivateKey key = identity::PrivateKey::generate();
  net::HttpClient client(loop, address, tls);
  net::ClientRequest request;
  request.method = "POST";
  request.target = "/v1/enrol";
  request.headers = {{"content-type", "application/json"}};
  request.body = body_of(token, key, wish);
  const auto role = wish.name.empty() ? identity::Role::kEndpoint : identity::Role::kGateway;
  MUSTER_CO_ASSIGN(const net::ClientResponse response, co_await client.request(std::move(request)));
  if (response.status / 100 != 2) co_return fail(net::error_of(response));
  co_return read_answer(response.body, std::move(key), token, role);
}

core::Result<Credential> join_blocking(std::string server, std::string token, GatewayWish wish) {
  runtime::Loop loop;
  runtime::TaskGroup tasks(loop, "join");
  std::optional<core::Result<Credential>> result;
  tasks.spawn([](runtime::Loop* on, std::string at, std::string text, GatewayWish as,
                 std::optional<core::Result<Credential>>* out) -> runtime::Task<void> {
    out->emplace(co_await join(*on, std::move(at), std::move(text), std::move(as)));
  }(&loop, std::move(server), std::move(token), std::move(wish), &result));
  loop.run_until_idle();
  if (!result) return fail(Code::kInternal, "enrolment ended without a result");
  return std::move(*result);
}

}  // namespace muster::member
