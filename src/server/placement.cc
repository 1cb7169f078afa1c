// SPDX-License-Identifier: Apache-2.0
#include "server/placement.h"

#include "access/audit.h"
#include "core/log.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Code;
using core::fail;

constexpr core::Duration kTickEvery = 1s;

wire::Goodbye goodbye_to(const fleet::Assigner::Verdict& verdict) {
  wire::Goodbye goodbye;
  goodbye.set_code(wire::GOODBYE_MOVED);
  goodbye.set_reason("its place is at the gateway " + verdict.gateway);
  goodbye.set_retry_after_ms(static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(verdict.delay).count()));
  for (const auto& address : verdict.addresses) goodbye.add_gateways(address);
  return goodbye;
}

core::Result<std::shared_ptr<const fleet::SitePolicy>> read_policy(const std::string& text) {
  auto policy = fleet::SitePolicy::parse(text);
  if (!policy) return fail(Code::kInvalid, std::move(policy.error().message));
  return std::make_shared<const fleet::SitePolicy>(std::move(*policy));
}

}  // namespace

Placement::Placement(runtime::Loop& loop, store::Database& database, fleet::Registry& registry,
                     FindGateway find_gateway)
    : database_(database),
      registry_(registry),
      find_gateway_(std::move(find_gateway)),
      policy_(std::make_shared<const fleet::SitePolicy>()),
      assigner_([this](const core::EndpointId& id) -> const fleet::Subject* {
        const fleet::Endpoint* endpoint = registry_.find(id);
        if (!endpoint) return nullptr;
        subject_ = subject_of(*endpoint);
        return &subject_;
      }),
      tick_(loop) {}

core::Status Placement::open() {
  MUSTER_ASSIGN(const auto newest, database_.read_blocking(fleet::PolicyStore::current));
  if (auto policy = read_policy(newest.text); policy)
    take(std::move(*policy));
  else
    return fail(Code::kCorrupt, "the stored site policy, version " +
                                    std::to_string(newest.version) +
                                    ", cannot be read: " + policy.error().message);
  MUSTER_ASSIGN(const auto draining, database_.read_blocking(fleet::PolicyStore::draining));
  for (const auto& gateway : draining) assigner_.drain(gateway, true, core::mono_now());
  return {};
}

void Placement::start() {
  tick_.start(kTickEvery, [this] { tick(); });
}

void Placement::take(std::shared_ptr<const fleet::SitePolicy> policy) {
  policy_ = policy;
  assigner_.set_policy(std::move(policy), core::mono_now());
}

fleet::Subject Placement::subject_of(const fleet::Endpoint& endpoint) {
  fleet::Subject subject = fleet::subject_of(endpoint, core::WallTime());
  subject.gateway = {};
  subject.online = true;
  subject.silent_for = core::Duration::zero();
  return subject;
}

// --- what happens

void Placement::gateway_up(const std::string& name, std::uint32_t capacity,
                           std::optional<std::vector<std::string>> addresses) {
  assigner_.gateway_up(name, capacity, std::move(addresses), core::mono_now());
}

void Placement::gateway_down(const std::string& name) {
  assigner_.gateway_down(name, core::mono_now());
}

std::optional<wire::Goodbye> Placement::elsewhere(const core::EndpointId& id,
                                                  const std::string& gateway,
                                                  const wire::LinkUp& message) {
  // Who is not known or revoked is refused by the registry in its own words.
  if (!registry_.hear(id, message.address(), message.hello().facts())) return std::nullopt;
  const auto verdict = assigner_.asks(id, gateway, message.hello().follows(), core::mono_now());
  if (verdict.stays) return std::nullopt;
  return goodbye_to(verdict);
}

void Placement::arrived(const core::EndpointId& id, const std::string& gateway) {
  assigner_.arrived(id, gateway, core::mono_now());
}

void Placement::tick() {
  for (const auto& move : assigner_.tick(core::mono_now())) {
    link::RegionGateway* gateway = find_gateway_(move.from);
    if (!gateway) continue;
    core::log(core::Level::kDebug, "server", "an endpoint moves",
              {{"endpoint", move.host}, {"from", move.from}, {"to", move.to.gateway}});
    wire::Kick kick;
    kick.set_endpoint(std::string(move.host.bytes()));
    *kick.mutable_goodbye() = goodbye_to(move.to);
    gateway->kick(std::move(kick));
  }
  start();
}

// --- what administrators say

runtime::Task<core::Result<fleet::StoredPolicy>> Placement::set(
    access::Principal by, std::string text, std::optional<std::int64_t> made_from) {
  MUSTER_CO_ASSIGN(auto policy, read_policy(text));
  fleet::StoredPolicy wanted{made_from.value_or(0), std::move(text), by.name, core::wall_now()};
  MUSTER_CO_ASSIGN(
      wanted.version,
      co_await database_.write([&](store::Connection& connection) -> core::Result<std::int64_t> {
        if (!made_from) {
          MUSTER_ASSIGN(const auto newest, fleet::PolicyStore::current(connection));
          wanted.version = newest.version;
        }
        MUSTER_ASSIGN(const auto version, fleet::PolicyStore::put(connection, wanted));
        MUSTER_TRY(access::Audit::append(
            connection, wanted.set_at, by, "policy.set", std::to_string(version),
            access::audit_detail({{"sites", std::to_string(policy->sites.size())},
                                  {"new_hosts", std::string(fleet::name(policy->new_hosts))}})));
        return version;
      }));
  take(std::move(policy));
  co_return wanted;
}

runtime::Task<core::Result<fleet::StoredPolicy>> Placement::stored(
    std::optional<std::int64_t> version) {
  co_return co_await database_.read([version](store::Connection& connection) {
    return version ? fleet::PolicyStore::get(connection, *version)
                   : fleet::PolicyStore::current(connection);
  });
}

runtime::Task<core::Result<std::vector<fleet::StoredPolicy>>> Placement::versions() {
  co_return co_await database_.read(fleet::PolicyStore::list);
}

runtime::Task<core::Status> Placement::drain(access::Principal by, std::string gateway,
                                             bool draining) {
  MUSTER_CO_TRY(co_await database_.write([&](store::Connection& connection) -> core::Status {
    MUSTER_TRY(fleet::PolicyStore::set_draining(connection, gateway, draining));
    MUSTER_TRY(access::Audit::append(connection, core::wall_now(), by,
                                     draining ? "gateway.drain" : "gateway.undrain", gateway,
                                     "{}"));
    return {};
  }));
  assigner_.drain(gateway, draining, core::mono_now());
  co_return core::Status();
}

}  // namespace muster::server
