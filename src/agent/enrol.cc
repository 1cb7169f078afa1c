// SPDX-License-Identifier: Apache-2.0
#include "agent/enrol.h"

#include <boost/json.hpp>

#include "identity/join_token.h"
#include "identity/request.h"
#include "net/http_client.h"

namespace muster::agent {
namespace {

namespace json = boost::json;

core::Result<std::string> field(const json::value& body, std::string_view name) {
  const json::object* object = body.if_object();
  const json::value* value = object ? object->if_contains(name) : nullptr;
  if (!value || !value->is_string())
    return core::fail(core::Code::kInvalid, "the server's answer has no " + std::string(name) +
                                                ": is it a Muster server?");
  return std::string(value->as_string());
}

core::Result<Enrolment> read_answer(const std::string& text, identity::PrivateKey key,
                                    const identity::JoinToken& token, std::string server) {
  boost::system::error_code failed;
  const json::value body = json::parse(text, failed);
  if (failed) return core::fail(core::Code::kInvalid, "the server's answer is not JSON");
  MUSTER_ASSIGN(const std::string certificate_pem, field(body, "certificate_pem"));
  MUSTER_ASSIGN(const std::string ca_pem, field(body, "ca_pem"));
  MUSTER_ASSIGN(std::string region, field(body, "region"));
  MUSTER_ASSIGN(identity::Certificate certificate,
                identity::Certificate::from_pem(certificate_pem));
  MUSTER_ASSIGN(identity::Certificate authority, identity::Certificate::from_pem(ca_pem));
  if (authority.fingerprint() != token.ca_fingerprint)
    return core::fail(core::Code::kUnauthorized,
                      "the server sent another region's authority than the token names");
  MUSTER_TRY(identity::verify_chain(certificate, authority, core::wall_now()));
  if (!identity::holds_key(certificate, key.public_key_der()))
    return core::fail(core::Code::kUnauthorized, "the server sent a certificate for another key");
  return Enrolment{
      std::move(key),   std::move(certificate), std::move(authority), {std::move(server)}, {},
      std::move(region)};
}

}  // namespace

core::Status check_gateway(std::string_view leaf_der) {
  MUSTER_ASSIGN(const identity::Certificate leaf, identity::Certificate::from_der(leaf_der));
  MUSTER_ASSIGN(const identity::PeerIdentity peer, identity::peer_identity(leaf));
  if (peer.role == identity::Role::kGateway || peer.role == identity::Role::kServer) return {};
  return core::fail(
      core::Code::kUnauthorized,
      "the other side shows a certificate of an endpoint, not of a gateway or server");
}

runtime::Task<core::Result<Enrolment>> enrol(runtime::Loop& loop, std::string server,
                                             std::string token_text) {
  MUSTER_CO_ASSIGN(const net::ServerAddress address, net::ServerAddress::parse(server));
  MUSTER_CO_ASSIGN(const identity::JoinToken token, identity::JoinToken::parse(token_text));
  if (token.ca_fingerprint.empty())
    co_return core::fail(core::Code::kInvalid,
                         "the token lacks its last part, the fingerprint of the region's "
                         "authority: copy it whole");
  net::TlsClientOptions options;
  options.ca_fingerprint = token.ca_fingerprint;
  options.check_peer = check_gateway;
  MUSTER_CO_ASSIGN(const auto tls, net::TlsClientContext::make(std::move(options)));
  identity::PrivateKey key = identity::PrivateKey::generate();
  net::HttpClient client(loop, address, tls);
  net::ClientRequest request;
  request.method = "POST";
  request.target = "/v1/enrol";
  request.headers = {{"content-type", "application/json"}};
  request.body = json::serialize(
      json::object{{"token", token.short_form()}, {"csr_pem", identity::make_request(key)}});
  MUSTER_CO_ASSIGN(const net::ClientResponse response, co_await client.request(std::move(request)));
  if (response.status / 100 != 2) co_return core::fail(net::error_of(response));
  co_return read_answer(response.body, std::move(key), token, address.str());
}

}  // namespace muster::agent
