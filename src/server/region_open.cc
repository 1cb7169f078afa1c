// SPDX-License-Identifier: Apache-2.0
//
// How a region is put together: its tables, its identity, its work.
#include "core/bytes.h"
#include "core/log.h"
#include "runtime/file.h"
#include "server/json.h"
#include "server/pack_service.h"
#include "server/region.h"
#include "server/region_keys.h"
#include "server/region_tables.h"
#include "server/run_access.h"
#include "server/standing.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Level;

/// By the host's own clock: a difference, so it does not matter how wrong that is.
std::optional<std::chrono::milliseconds> uptime_of(const wire::Hello& hello) {
  constexpr std::int64_t kMost = std::chrono::milliseconds(std::chrono::years(100)).count();
  const std::int64_t now = hello.wall_clock_unix_ms(), booted = hello.facts().booted_unix_ms();
  if (booted <= 0 || now < booted || now - booted > kMost) return std::nullopt;
  return std::chrono::milliseconds(now - booted);
}

}  // namespace

core::Status Region::open() {
  MUSTER_TRY(runtime::make_private_folder(config_.state));
  MUSTER_TRY(open_database());
  MUSTER_TRY(open_identity());
  return open_work();
}

core::Status Region::open_database() {
  MUSTER_TRY(check_database_place(config_));
  store::Options options;
  options.path = config_.state / kDatabaseFile;
  options.url = config_.database;
  options.migrations = region_migrations();
  if (servers_) options.term = servers_->view().term;
  MUSTER_ASSIGN(database_, store::Database::open(std::move(options)));
  return {};
}

core::Status Region::open_identity() {
  if (!config_.database.empty()) MUSTER_TRY(check_keys_are_there(*database_, config_.state));
  MUSTER_ASSIGN(auto authority, access::RegionAuthority::open(config_.state, started_at_));
  authority_ = std::make_unique<access::RegionAuthority>(std::move(authority));
  MUSTER_TRY(check_region(*database_, authority_->region()));
  const access::Clock clock = core::wall_now;
  const std::string fingerprint = authority_->authority().certificate().fingerprint();
  users_ = std::make_unique<access::Users>(*database_, workers_, clock);
  sessions_ = std::make_unique<access::Sessions>(*database_, clock);
  api_tokens_ = std::make_unique<access::ApiTokens>(*database_, clock);
  join_tokens_ = std::make_unique<access::JoinTokens>(*database_, fingerprint, clock);
  revocations_ = std::make_unique<access::Revocations>(*database_, clock);
  MUSTER_TRY(revocations_->load());
  revocations_->on_revoked([this](const access::Revocation&) { cut_revoked_gateways(); });
  enrolment_ = std::make_unique<access::Enrolment>(*database_, *authority_, *revocations_, clock);
  audit_ = std::make_unique<access::Audit>(*database_);
  MUSTER_ASSIGN(first_admin_, users_->make_first_admin());
  MUSTER_ASSIGN(const auto identity, server_identity(*authority_, config_));
  MUSTER_ASSIGN(tls_, net::TlsServerContext::make(identity, ca_pem()));
  return {};
}

core::Status Region::open_work() {
  MUSTER_ASSIGN(auto endpoints, database_->read_blocking(fleet::RegistryStore::load));
  registry_.load(std::move(endpoints));
  MUSTER_ASSIGN(auto signing, authority_->signer_credential(core::wall_now()));
  if (!config_.database.empty()) MUSTER_TRY(publish_region_keys(*database_, config_.state));
  signer_ =
      std::make_unique<orders::Signer>(authority_->region(), std::move(signing.key),
                                       signing.certificate, core::wall_now(), core::mono_now());
  runs_ =
      std::make_unique<RunService>(loop_, *database_, config_.state / "results", live_, *signer_,
                                   [this](const std::string& name) -> link::RegionGateway* {
                                     return gateways_ ? gateways_->find(name) : nullptr;
                                   });
  if (!config_.database.empty()) runs_->share_output();
  gateways_ = std::make_unique<GatewayHub>(loop_, registry_, *runs_, *enrolment_, *revocations_,
                                           *signer_, authority_->region());
  placement_ = std::make_unique<Placement>(
      loop_, *database_, registry_,
      [this](const std::string& name) { return gateways_->find(name); });
  MUSTER_TRY(placement_->open());
  sweeper_ = std::make_unique<Sweeper>(loop_, registry_, discovery_key());
  gateways_->place_by(*placement_);
  MUSTER_ASSIGN(content_, Content::open(loop_, {.folder = config_.state / "content",
                                                .bytes_max = config_.content_bytes_max}));
  mirror_ = std::make_unique<ContentMirror>(*database_, workers_, content_->store(),
                                            !config_.database.empty());
  content_->fetch_by([this](core::ContentId id) { return mirror_->fetch(id); });
  gateways_->serve(*content_);
  methods_ = std::make_unique<MethodService>(*database_, workers_, content_->store(), *mirror_);
  recorder_ = std::make_unique<Recorder>(*database_);
  MUSTER_TRY(recorder_->restore());
  MUSTER_TRY(runs_->restore());
  MUSTER_TRY(open_chains());
  MUSTER_TRY(open_packs());
  stop_switch_ = std::make_unique<StopSwitch>(
      loop_, config_.state, [this](const std::optional<jobs::Hold>& why, const std::string& by) {
        return act_on_switch(why, by);
      });
  MUSTER_TRY(stop_switch_->open());
  switch_is_open_ = true;
  if (servers_ && servers_->view().has_others()) MUSTER_TRY(note_lead());
  MUSTER_TRY(open_neighbours());
  return open_schedules();
}

core::Status Region::open_neighbours() {
  neighbours_ = std::make_unique<Neighbours>(
      loop_, *database_, id(), [this] { return server_identity(*authority_, config_); });
  return neighbours_->open();
}

core::Status Region::open_chains() {
  ChainService::Ports ports;
  ports.order = [this](access::Principal by, json::object request, std::string key,
                       std::string digest, ChainService::Chained child) {
    return order_run(*this, std::move(by), std::move(request), std::move(key), std::move(digest),
                     std::nullopt, std::move(child));
  };
  ports.rights = [this](std::string author, ChainService::Chained chain) {
    return starter_rights(*users_, std::move(author), std::move(chain));
  };
  chains_ = std::make_unique<ChainService>(loop_, *database_, registry_, *runs_, std::move(ports));
  gateways_->chain_by(*chains_);
  intake_ = std::make_unique<IntakeService>(*database_);
  gateways_->take_in_by(*intake_);
  return chains_->restore();
}

core::Status Region::open_packs() {
  packs_ = std::make_unique<PackService>(*methods_);
  pack_rules_ = std::make_unique<PackRules>(*database_);
  pack_requests_ = std::make_unique<PackRequests>(
      registry_, *packs_, *pack_rules_,
      [this](access::Principal by, json::object request, std::string key, std::string digest,
             core::EndpointId only) {
        return order_run(*this, std::move(by), std::move(request), std::move(key),
                         std::move(digest), std::vector{only});
      });
  gateways_->packs_by(*pack_requests_);
  return pack_rules_->open();
}

core::Status Region::note_lead() {
  return database_->write_blocking([&](store::Connection& connection) -> core::Status {
    MUSTER_TRY(access::Audit::append(
        connection, core::wall_now(),
        {"system", "server.lead", server_name(config_),
         access::audit_detail({{"term", std::to_string(servers_->view().term)}})}));
    return {};
  });
}

core::Status Region::open_schedules() {
  ScheduleService::Ports ports;
  ports.order = [this](access::Principal by, std::string request, std::string key,
                       ScheduleService::Targets only) -> runtime::Task<core::Result<core::RunId>> {
    MUSTER_CO_ASSIGN(auto body, parse_object(request));
    MUSTER_CO_ASSIGN(auto created,
                     co_await order_run(*this, std::move(by), std::move(body), std::move(key),
                                        core::sha256(request), std::move(only)));
    co_return created.run.id;
  };
  ports.rights = [this](schedules::Author author) { return rights_of(*users_, std::move(author)); };
  schedules_ = std::make_unique<ScheduleService>(loop_, *database_, registry_, std::move(ports));
  gateways_->on_login([this](const core::EndpointId& endpoint, const wire::Hello& hello) {
    schedules_->logged_in(endpoint, hello.facts().booted_unix_ms(), uptime_of(hello));
  });
  return schedules_->restore();
}

}  // namespace muster::server
