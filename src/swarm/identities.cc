// SPDX-License-Identifier: Apache-2.0
#include "swarm/identities.h"

#include <boost/json.hpp>

#include "identity/certificate.h"
#include "identity/join_token.h"
#include "identity/key.h"
#include "identity/request.h"
#include "runtime/file.h"
#include "runtime/task_group.h"

namespace muster::swarm {
namespace {

namespace json = boost::json;

constexpr std::size_t kConnections = 16;
constexpr std::size_t kFileBytesMax = 1024 * 1024 * 1024;

core::Result<std::string> text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value || !value->is_string())
    return core::fail(core::Code::kCorrupt, "no text '" + std::string(name) + "' in the answer");
  return std::string(value->get_string());
}

core::Result<json::object> parse(const std::string& text) {
  boost::system::error_code failed;
  json::value value = json::parse(text, failed);
  if (failed || !value.is_object()) return core::fail(core::Code::kCorrupt, "not a JSON object");
  return std::move(value.get_object());
}

/// What the workers of one enrolment share.
struct Work {
  net::ServerAddress server;
  std::shared_ptr<const net::TlsClientContext> tls;
  std::string token;
  std::size_t wanted;
  std::size_t claimed;
  Identities& identities;
  core::Status failed;
};

runtime::Task<core::Status> enrol_one(net::HttpClient& client, Work& work) {
  const auto key = identity::PrivateKey::generate();
  net::ClientRequest request;
  request.method = "POST";
  request.target = "/v1/enrol";
  request.headers = {{"content-type", "application/json"}};
  request.body = json::serialize(
      json::object{{"token", work.token}, {"csr_pem", identity::make_request(key)}});
  MUSTER_CO_ASSIGN(const auto response, co_await client.request(std::move(request)));
  if (response.status != 200) co_return core::fail(net::error_of(response));
  MUSTER_CO_ASSIGN(const auto answer, parse(response.body));
  MUSTER_CO_ASSIGN(auto certificate, text_of(answer, "certificate_pem"));
  MUSTER_CO_ASSIGN(work.identities.ca_pem, text_of(answer, "ca_pem"));
  work.identities.endpoints.push_back({std::move(certificate), key.pem()});
  co_return core::Status{};
}

runtime::Task<void> worker(runtime::Loop& loop, Work& work) {
  net::HttpClient client(loop, work.server, work.tls);
  while (work.failed && work.claimed < work.wanted) {
    ++work.claimed;
    if (auto done = co_await enrol_one(client, work); !done) work.failed = std::move(done);
  }
}

}  // namespace

core::Result<Identities> load_identities(const std::filesystem::path& path) {
  MUSTER_ASSIGN(const auto text, runtime::read_file(path, kFileBytesMax));
  MUSTER_ASSIGN(const auto file, parse(text));
  Identities identities;
  MUSTER_ASSIGN(identities.ca_pem, text_of(file, "ca"));
  const json::value* endpoints = file.if_contains("endpoints");
  if (!endpoints || !endpoints->is_array())
    return core::fail(core::Code::kCorrupt, path.string() + " holds no endpoints");
  for (const json::value& entry : endpoints->get_array()) {
    if (!entry.is_object()) return core::fail(core::Code::kCorrupt, path.string() + " is damaged");
    MUSTER_ASSIGN(auto certificate, text_of(entry.get_object(), "certificate"));
    MUSTER_ASSIGN(auto key, text_of(entry.get_object(), "key"));
    identities.endpoints.push_back({std::move(certificate), std::move(key)});
  }
  return identities;
}

core::Status save_identities(const std::filesystem::path& path, const Identities& identities) {
  json::array endpoints;
  for (const auto& endpoint : identities.endpoints)
    endpoints.push_back(
        json::object{{"certificate", endpoint.chain_pem}, {"key", endpoint.key_pem}});
  return runtime::write_file(
      path, json::serialize(json::object{{"ca", identities.ca_pem}, {"endpoints", endpoints}}));
}

runtime::Task<core::Status> enrol_more(runtime::Loop& loop, net::ServerAddress server,
                                       std::string token_text, std::size_t wanted,
                                       Identities& identities) {
  MUSTER_CO_ASSIGN(const auto token, identity::JoinToken::parse(token_text));
  net::TlsClientOptions options;
  options.ca_fingerprint = token.ca_fingerprint;
  MUSTER_CO_ASSIGN(auto tls, net::TlsClientContext::make(std::move(options)));
  Work work{std::move(server),
            std::move(tls),
            token.short_form(),
            wanted,
            identities.endpoints.size(),
            identities,
            {}};
  runtime::TaskGroup group(loop, "swarm");
  for (std::size_t i = 0; i < kConnections; ++i) group.spawn(worker(loop, work));
  co_await group.wait();
  co_return work.failed;
}

}  // namespace muster::swarm
