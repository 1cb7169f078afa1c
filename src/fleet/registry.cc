// SPDX-License-Identifier: Apache-2.0
//
// What changes the registry. Questions to it: registry_reads.cc.
#include "fleet/registry.h"

#include <algorithm>

namespace muster::fleet {
namespace {

using core::Code;

constexpr std::size_t kAddressBytesMax = 256;
constexpr std::size_t kPlatformsMax = 4096;

Labels labels_after(Labels labels, const Labels& set, std::span<const std::string> remove) {
  std::erase_if(labels, [&](const Label& label) {
    return std::ranges::find(remove, label.key) != remove.end();
  });
  for (const Label& label : set) {
    const auto at = std::ranges::find(labels, label.key, &Label::key);
    if (at == labels.end())
      labels.push_back(label);
    else
      at->value = label.value;
  }
  std::ranges::sort(labels);
  return labels;
}

}  // namespace

Subject subject_of(const Endpoint& endpoint, core::WallTime now) {
  Subject subject;
  subject.id = &endpoint.id;
  subject.name = endpoint.name;
  subject.platform = endpoint.platform.get();
  subject.cpus = endpoint.cpus;
  subject.memory_bytes = endpoint.memory_bytes;
  if (endpoint.connection) subject.gateway = endpoint.connection->gateway;
  subject.address = endpoint.address;
  subject.labels = endpoint.labels;
  subject.online = endpoint.online();
  subject.state = endpoint.state;
  if (endpoint.online())
    subject.silent_for = core::Duration::zero();
  else if (endpoint.last_contact != core::WallTime())
    subject.silent_for = now - endpoint.last_contact;
  return subject;
}

void Registry::load(std::vector<Endpoint> endpoints) {
  for (Endpoint& endpoint : endpoints) {
    endpoint.platform = shared(*endpoint.platform);
    const core::EndpointId id = endpoint.id;
    Record loaded;
    loaded.contact_saved = endpoint.last_contact;
    loaded.endpoint = std::move(endpoint);
    endpoints_.insert_or_assign(id, std::move(loaded));
  }
}

std::shared_ptr<const Platform> Registry::shared(Platform platform) {
  auto made = std::make_shared<const Platform>(std::move(platform));
  // Forget what nobody uses before a fleet of liars makes the set grow without end.
  if (platforms_.size() >= kPlatformsMax)
    std::erase_if(platforms_, [](const auto& each) { return each.use_count() == 1; });
  if (platforms_.size() >= kPlatformsMax) return made;
  return *platforms_.insert(std::move(made)).first;
}

core::Result<Registry::Record*> Registry::record(const core::EndpointId& id) {
  const auto found = endpoints_.find(id);
  if (found == endpoints_.end())
    return core::fail(Code::kNotFound, "there is no endpoint " + id.str());
  return &found->second;
}

void Registry::touch(const core::EndpointId& id, bool stored) {
  changed_.insert(id);
  if (stored) unsaved_.insert(id);
}

core::Status Registry::add(const core::EndpointId& id, Labels labels, core::WallTime now,
                           EndpointState state) {
  if (endpoints_.size() >= kEndpointsMax && !endpoints_.contains(id))
    return core::fail(Code::kLimit, "the region has " + std::to_string(kEndpointsMax) +
                                        " endpoints, which is all that it takes");
  std::ranges::sort(labels);
  auto& endpoint = endpoints_[id].endpoint;
  if (!endpoint.platform) {
    endpoint.id = id;
    endpoint.name = id.str().substr(0, 8);
    endpoint.platform = shared({});
    endpoint.enrolled_at = now;
    endpoint.state = state;
  }
  endpoint.labels = std::move(labels);
  touch(id, false);
  return {};
}

core::Status Registry::remove(const core::EndpointId& id) {
  MUSTER_ASSIGN(Record * removed, record(id));
  if (removed->endpoint.online()) go_offline(*removed, removed->endpoint.last_contact);
  endpoints_.erase(id);
  unsaved_.erase(id);
  changed_.insert(id);
  return {};
}

core::Result<LinkUpOutcome> Registry::link_up(const core::EndpointId& id, Connection connection,
                                              const wire::Hello& hello, core::WallTime now) {
  MUSTER_ASSIGN(Record * up, record(id));
  Endpoint& endpoint = up->endpoint;
  if (endpoint.state == EndpointState::kRevoked)
    return core::fail(Code::kDenied, "endpoint " + id.str() + " is revoked");
  LinkUpOutcome outcome;
  if (endpoint.online()) {
    outcome.replaced = true;
    outcome.previous = *endpoint.connection;
    go_offline(*up, now);
  }
  connection.address.resize(std::min(connection.address.size(), kAddressBytesMax));
  if (connection.instance != up->instances[0]) {
    // Each start of an agent has a new instance: one that comes back after another
    // was seen proves that two processes live.
    outcome.duplicate_key = connection.instance == up->instances[1];
    up->instances[1] = std::exchange(up->instances[0], connection.instance);
  }
  take_facts(endpoint, hello.facts(),
             [this](Platform platform) { return shared(std::move(platform)); });
  check_clock(*up, hello, now);
  if (outcome.duplicate_key) {
    endpoint.warning =
        "two agents use this key: give one of them an empty state folder and "
        "enrol it again";
    up->warns_of_clock = false;
  }
  endpoint.address = connection.address;
  endpoint.last_contact = up->contact_saved = now;
  ++online_;
  ++gateways_[connection.gateway];
  endpoint.connection = std::make_unique<Connection>(std::move(connection));
  touch(id, true);
  return outcome;
}

void Registry::check_clock(Record& record, const wire::Hello& hello, core::WallTime now) {
  std::string& warning = record.endpoint.warning;
  if (record.warns_of_clock) warning.clear();
  record.warns_of_clock = false;
  if (hello.wall_clock_unix_ms() == 0 || !warning.empty()) return;
  // A foreign number: bounded before it is turned into nanoseconds, which span 292 years.
  const std::int64_t ours = core::unix_ms(now);
  constexpr std::int64_t kFar = std::chrono::milliseconds(std::chrono::years(100)).count();
  const auto ahead = std::chrono::milliseconds(
      std::clamp(hello.wall_clock_unix_ms(), ours - kFar, ours + kFar) - ours);
  if (ahead <= kClockSkewMax && -ahead <= kClockSkewMax) return;
  record.warns_of_clock = true;
  const bool is_ahead = ahead.count() > 0;
  warning = "its clock is " +
            core::to_text(std::chrono::floor<std::chrono::seconds>(is_ahead ? ahead : -ahead)) +
            (is_ahead ? " ahead" : " behind") + ": check its time synchronisation";
}

void Registry::go_offline(Record& record, core::WallTime now) {
  Endpoint& endpoint = record.endpoint;
  const auto gateway = gateways_.find(endpoint.connection->gateway);
  if (--gateway->second == 0) gateways_.erase(gateway);
  --online_;
  endpoint.connection.reset();
  endpoint.last_contact = now;
  touch(endpoint.id, true);
}

bool Registry::link_down(const core::EndpointId& id, std::string_view gateway, std::uint64_t link,
                         core::WallTime now) {
  const auto found = endpoints_.find(id);
  if (found == endpoints_.end()) return false;
  const auto& connection = found->second.endpoint.connection;
  if (!connection || connection->link != link || connection->gateway != gateway) return false;
  go_offline(found->second, now);
  return true;
}

std::vector<core::EndpointId> Registry::gateway_down(std::string_view gateway, core::WallTime now) {
  std::vector<core::EndpointId> lost;
  for (auto& [id, record] : endpoints_)
    if (record.endpoint.online() && record.endpoint.connection->gateway == gateway) {
      go_offline(record, now);
      lost.push_back(id);
    }
  return lost;
}

core::Result<std::size_t> Registry::change_labels(std::span<const core::EndpointId> ids,
                                                  const Labels& set,
                                                  std::span<const std::string> remove) {
  for (const Label& label : set) MUSTER_TRY(check_label(label.key, label.value));
  std::vector<std::pair<Record*, Labels>> changes;
  for (const core::EndpointId& id : ids) {
    MUSTER_ASSIGN(Record * changed, record(id));
    Labels labels = labels_after(changed->endpoint.labels, set, remove);
    if (labels.size() > kLabelsMax)
      return core::fail(Code::kLimit, "an endpoint has at most " + std::to_string(kLabelsMax) +
                                          " labels; " + changed->endpoint.name +
                                          " would have more");
    if (labels != changed->endpoint.labels) changes.emplace_back(changed, std::move(labels));
  }
  for (auto& [changed, labels] : changes) {
    changed->endpoint.labels = std::move(labels);
    touch(changed->endpoint.id, true);
  }
  return changes.size();
}

core::Status Registry::revoke(const core::EndpointId& id) {
  MUSTER_ASSIGN(Record * revoked, record(id));
  revoked->endpoint.state = EndpointState::kRevoked;
  touch(id, false);
  return {};
}

core::Status Registry::approve(const core::EndpointId& id) {
  MUSTER_ASSIGN(Record * held, record(id));
  if (held->endpoint.state != EndpointState::kHeld)
    return core::fail(Code::kConflict, held->endpoint.name + " is not held, it is " +
                                           std::string(name(held->endpoint.state)));
  held->endpoint.state = EndpointState::kActive;
  touch(id, false);
  return {};
}

core::Status Registry::hear(const core::EndpointId& id, std::string_view address,
                            const wire::Facts& facts) {
  MUSTER_ASSIGN(Record * heard, record(id));
  Endpoint& endpoint = heard->endpoint;
  if (endpoint.state == EndpointState::kRevoked)
    return core::fail(Code::kDenied, "endpoint " + id.str() + " is revoked");
  endpoint.address = address.substr(0, kAddressBytesMax);
  if (take_facts(endpoint, facts,
                 [this](Platform platform) { return shared(std::move(platform)); }))
    touch(id, true);
  return {};
}

void Registry::set_warning(const core::EndpointId& id, std::string warning) {
  if (const auto found = endpoints_.find(id); found != endpoints_.end()) {
    found->second.endpoint.warning = std::move(warning);
    found->second.warns_of_clock = false;
    touch(id, false);
  }
}

std::vector<core::EndpointId> Registry::take_changed(std::size_t max) {
  std::vector<core::EndpointId> taken;
  while (!changed_.empty() && taken.size() < max)
    taken.push_back(changed_.extract(changed_.begin()).value());
  return taken;
}

void Registry::sweep_contacts(core::WallTime now) {
  // Once a minute at most: it walks over everyone.
  if (now - contacts_swept_ < std::chrono::minutes(1)) return;
  contacts_swept_ = now;
  for (auto& [id, record] : endpoints_)
    if (record.endpoint.online() && now - record.contact_saved >= kContactSavedEvery) {
      record.contact_saved = now;
      unsaved_.insert(id);
    }
}

std::vector<StoredEndpoint> Registry::take_unsaved(std::size_t max, core::WallTime now) {
  sweep_contacts(now);
  std::vector<StoredEndpoint> rows;
  while (!unsaved_.empty() && rows.size() < max) {
    const auto found = endpoints_.find(unsaved_.extract(unsaved_.begin()).value());
    if (found == endpoints_.end()) continue;
    const Endpoint& endpoint = found->second.endpoint;
    rows.push_back({endpoint.id, facts_of(endpoint).SerializeAsString(),
                    labels_text(endpoint.labels), endpoint.address,
                    endpoint.online() ? now : endpoint.last_contact});
  }
  return rows;
}

void Registry::unsaved(std::span<const StoredEndpoint> rows) {
  for (const StoredEndpoint& row : rows)
    if (endpoints_.contains(row.id)) unsaved_.insert(row.id);
}

}  // namespace muster::fleet
