// SPDX-License-Identifier: Apache-2.0
#include "manage/host.h"

#include "core/log.h"
#include "core/version.h"
#include "manage/file_operations.h"
#include "manage/status.h"
#include "runtime/file.h"

namespace muster::manage {
namespace {

namespace json = boost::json;
using core::Code;
using core::Result;
using runtime::Task;

constexpr core::Duration kAuthorityValid = std::chrono::days(20 * 365);
constexpr core::Duration kLeafValid = std::chrono::days(90);
constexpr core::Duration kLeafRenewed = std::chrono::days(1);
constexpr std::size_t kPemBytesMax = 64 * 1024;
/// An application's bodies are its own matter: they are streamed, never kept.
constexpr std::size_t kBodyBytesMax = std::size_t{1} << 40;
/// Between two parts of a body.
constexpr core::Duration kBodyTime = std::chrono::minutes(1);

net::Response nothing_here() {
  return net::Response::error(
      {Code::kNotFound,
       "this host has no application; its management interface wants the header "
       "'Muster-Management: 1'"});
}

}  // namespace

std::filesystem::path tokens_file(const std::filesystem::path& state) {
  return state / "tokens.json";
}

std::filesystem::path neighbours_file(const std::filesystem::path& state) {
  return state / "neighbours.json";
}

Host::Host(runtime::Loop& loop, HostConfig config)
    : loop_(loop),
      config_(std::move(config)),
      started_at_(core::wall_now()),
      tokens_(tokens_file(config_.state)),
      audit_(config_.state / "audit.log"),
      files_(config_.roots, config_.largest_file),
      tasks_(loop, "manage") {}

Host::~Host() = default;

core::Status Host::start() {
  MUSTER_TRY(runtime::make_private_folder(config_.state));
  MUSTER_TRY(open_authority());
  id_ = authority_->region();
  if (!config_.application.empty()) {
    MUSTER_ASSIGN(auto address, parse_application(config_.application));
    proxy_ = std::make_unique<Proxy>(loop_, std::move(address), config_.application, id_);
  }
  resource_ = std::make_unique<Resource>(Resource::Ports{
      .host = config_.name,
      .id = id_,
      .authenticate = [this](net::Request& request) { return authenticate(request); },
      .note = [this](const json::object& line) { return audit_.append(line); }});
  resource_->offer("status", [this](Asked asked) { return status(asked); });
  if (!config_.roots.empty()) offer_files(*resource_, files_, workers_);
  auto neighbours =
      std::make_unique<Neighbours>(loop_, NeighbourFile(neighbours_file(config_.state)));
  neighbours_ = neighbours.get();
  resource_->call_further(std::move(neighbours));
  MUSTER_TRY(audit_.append({{"at", core::to_rfc3339(core::wall_now())}, {"what", "started"}}));
  return serve();
}

core::Status Host::open_authority() {
  const auto key_file = config_.state / "authority.key";
  if (!std::filesystem::exists(ca_file())) {
    auto made = identity::Authority::create(core::wall_now(), kAuthorityValid);
    MUSTER_TRY(made.key().save(key_file));
    MUSTER_TRY(runtime::write_file(ca_file(), made.certificate().pem(), 0644));
  }
  MUSTER_ASSIGN(auto key, identity::PrivateKey::load(key_file));
  MUSTER_ASSIGN(const std::string pem, runtime::read_file(ca_file(), kPemBytesMax));
  MUSTER_ASSIGN(auto certificate, identity::Certificate::from_pem(pem));
  MUSTER_ASSIGN(authority_, identity::Authority::from(std::move(key), std::move(certificate)));
  return {};
}

Result<net::TlsIdentity> Host::identity() const {
  if (config_.identity) return *config_.identity;
  const auto key = identity::PrivateKey::generate();
  identity::LeafSpec leaf{.role = identity::Role::kServer,
                          .name = config_.name,
                          .dns_names = config_.dns_names,
                          .ip_addresses = config_.ip_addresses,
                          .validity = kLeafValid};
  MUSTER_ASSIGN(const auto certificate,
                authority_->issue(key.public_key_der(), leaf, core::wall_now()));
  return net::TlsIdentity{certificate.pem() + authority_->certificate().pem(), key.pem()};
}

core::Status Host::serve() {
  MUSTER_ASSIGN(const auto own, identity());
  MUSTER_ASSIGN(tls_, net::TlsServerContext::make(
                          own, authority_->certificate().pem() + config_.client_ca_pem,
                          net::HttpClients::kMayShowCertificate));
  net::RouteOptions route;
  route.body_bytes_max = kBodyBytesMax;
  route.stream_body = true;
  route.body_time_max = kBodyTime;
  net::Router router;
  router.add_fallback(
      [this](net::Request& request) -> Task<net::Response> {
        if (has_sign(request.headers)) co_return co_await resource_->answer(request);
        if (proxy_) co_return co_await proxy_->pass(request);
        co_return nothing_here();
      },
      route);
  net::HttpServerOptions options;
  options.address = config_.address;
  options.port = config_.port;
  http_ = std::make_unique<net::HttpServer>(loop_, tls_, std::move(router), std::move(options));
  MUSTER_TRY(http_->start());
  if (!config_.identity) tasks_.spawn(keep_certified());
  core::log(core::Level::kInfo, "manage", "serving",
            {{"name", config_.name},
             {"address", config_.address},
             {"port", http_->port()},
             {"application", config_.application.empty() ? "none" : config_.application}});
  return {};
}

Task<void> Host::keep_certified() {
  while (co_await runtime::sleep_for(kLeafRenewed)) {
    const auto fresh = identity();
    const auto replaced =
        fresh ? tls_->replace_identity(*fresh) : core::fail(core::Error(fresh.error()));
    if (!replaced)
      core::log(core::Level::kError, "manage", "the certificate could not be renewed",
                {{"why", replaced.error().message}});
  }
}

Task<Result<Caller>> Host::authenticate(net::Request& request) {
  constexpr std::string_view kBearer = "Bearer ";
  if (const auto header = request.header("authorization")) {
    if (!header->starts_with(kBearer))
      co_return core::fail(Code::kUnauthorized,
                           "authorize with 'Bearer' and a token of this host (muster host token "
                           "create)");
    co_return tokens_.check(header->substr(kBearer.size()), core::wall_now());
  }
  if (!request.peer_certificate.empty())
    co_return certificate_caller(request.peer_certificate, config_.rules);
  co_return core::fail(Code::kUnauthorized,
                       "show a certificate, or send 'Authorization: Bearer' with a token of this "
                       "host (muster host token create)");
}

Answer Host::status(Asked) {
  json::object report{{"kind", "host"},
                      {"host", config_.name},
                      {"id", id_},
                      {"version", core::kVersion},
                      {"now", core::to_rfc3339(core::wall_now())},
                      {"started_at", core::to_rfc3339(started_at_)}};
  report["machine"] = co_await workers_.run([] { return machine_status(); });
  const auto& seen = resource_->stats();
  report["management"] = {
      {"answered", seen.answered}, {"unknown", seen.unknown}, {"not_allowed", seen.not_allowed}};
  if (!proxy_) {
    report["application"] = nullptr;
    co_return json_answer(report);
  }
  const auto reached = co_await proxy_->reach();
  const ProxyStats& passed = proxy_->stats();
  json::object application{{"address", proxy_->shown()}, {"reachable", reached.has_value()},
                           {"passed", passed.passed},    {"failed", passed.failed},
                           {"refused", passed.refused},  {"under_way", passed.under_way},
                           {"tunnels", passed.tunnels}};
  if (!reached) application["why"] = reached.error().message;
  report["application"] = std::move(application);
  co_return json_answer(report);
}

Task<void> Host::stop(core::Duration grace) {
  co_await http_->stop(grace);
  if (proxy_) co_await proxy_->stop();
  co_await neighbours_->stop();
  co_await tasks_.stop();
}

}  // namespace muster::manage
