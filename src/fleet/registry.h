// SPDX-License-Identifier: Apache-2.0
//
// Registry: every endpoint of the region, in memory, and who of them is online.
//
// Reads never wait for a disk. What must survive a restart is collected as unsaved
// and written by the program in batches (registry_store.h); enrolment and removal,
// which must be durable before anyone is told, are written by the program first and
// applied here afterwards. Presence is not stored: after a restart all are offline
// until their gateways report their links.
//
// Pure memory: no I/O, no clock. Threads: belongs to one loop.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "fleet/endpoint.h"
#include "fleet/registry_store.h"
#include "fleet/selector.h"
#include "wire/frame.h"

namespace muster::fleet {

/// Endpoints in a region; enrolment beyond is refused.
inline constexpr std::size_t kEndpointsMax = 1'000'000;
/// A clock that differs by more than this earns a warning.
inline constexpr std::chrono::seconds kClockSkewMax{60};
/// The last contact of an endpoint that stays online is saved this often.
inline constexpr std::chrono::minutes kContactSavedEvery{10};

/// What changed by a new link.
struct LinkUpOutcome {
  bool replaced = false;  ///< there was another link; `previous` says which: kick it
  Connection previous;
  bool duplicate_key = false;  ///< two processes use this key in turn
};

enum class SortBy : std::uint8_t { kName, kOs, kAddress, kLastContact, kEnrolled, kOnline };

struct PageRequest {
  const Selector* selector = nullptr;  ///< null: all
  const Selector* scope = nullptr;     ///< the rights of who asks; null: all
  SortBy sort = SortBy::kName;
  bool descending = false;
  std::size_t limit = 100;
  std::string after;  ///< `next` of the previous page; empty: from the start
};

struct Page {
  std::vector<const Endpoint*> endpoints;  ///< valid until the registry changes
  std::string next;                        ///< empty: that was all
  std::size_t total = 0;                   ///< that match, on all pages
  std::size_t online = 0;                  ///< of these
};

class Registry {
 public:
  /// At start: all that is stored. Everyone is offline.
  void load(std::vector<Endpoint> endpoints);

  /// A new endpoint, already stored (RegistryStore::insert); once more: the labels
  /// are replaced and its state is kept. kLimit beyond kEndpointsMax.
  core::Status add(const core::EndpointId& id, Labels labels, core::WallTime now,
                   EndpointState state = EndpointState::kActive);
  /// Forgets it; its link, if any, is the caller's to kick. kNotFound.
  core::Status remove(const core::EndpointId& id);

  /// A gateway reports a link. kNotFound: not enrolled here; kDenied: revoked. Takes
  /// facts and clock from `hello` (hostile: everything is bounded and made safe).
  core::Result<LinkUpOutcome> link_up(const core::EndpointId& id, Connection connection,
                                      const wire::Hello& hello, core::WallTime now);
  /// False where this is not the endpoint's current link (a late report).
  bool link_down(const core::EndpointId& id, std::string_view gateway, std::uint64_t link,
                 core::WallTime now);
  /// All links of a gateway that is gone; whose they were.
  std::vector<core::EndpointId> gateway_down(std::string_view gateway, core::WallTime now);

  /// How many of them have other labels now: labels in `remove` go first. kNotFound, or the
  /// broken rule of a label; then nothing has changed.
  core::Result<std::size_t> change_labels(std::span<const core::EndpointId> ids, const Labels& set,
                                          std::span<const std::string> remove);
  core::Status revoke(const core::EndpointId& id);
  /// A held one may work from its next login on. kNotFound; kConflict unless it is held.
  core::Status approve(const core::EndpointId& id);
  /// What it says about itself before it is decided where it logs in. Errors as link_up.
  core::Status hear(const core::EndpointId& id, std::string_view address, const wire::Facts& facts);
  void set_warning(const core::EndpointId& id, std::string warning);

  const Endpoint* find(const core::EndpointId& id) const;
  /// By full id, by id prefix of at least 6 characters, or by name; kNotFound, or
  /// kConflict where several fit (the message lists some).
  core::Result<const Endpoint*> find_named(std::string_view text) const;
  std::size_t size() const { return endpoints_.size(); }
  std::size_t online() const { return online_; }
  /// Links by gateway.
  std::vector<std::pair<std::string, std::size_t>> gateways() const;

  /// Those that match both (null: all), in no order; valid until the registry changes.
  std::vector<const Endpoint*> select(const Selector* selector, const Selector* scope,
                                      core::WallTime now) const;
  /// kInvalid for an `after` that is not ours.
  core::Result<Page> page(const PageRequest& request, core::WallTime now) const;

  /// The ids that changed since the last call, at most `max` (the rest next time).
  std::vector<core::EndpointId> take_changed(std::size_t max);
  std::size_t changed() const { return changed_.size(); }
  /// Up to `max` endpoints whose stored form is out of date, as their rows; call
  /// unsaved() with them when the write failed.
  std::vector<StoredEndpoint> take_unsaved(std::size_t max, core::WallTime now);
  void unsaved(std::span<const StoredEndpoint> rows);

 private:
  struct Record {
    Endpoint endpoint;
    std::string instances[2];  ///< of the last two processes, newest first
    bool warns_of_clock = false;
    core::WallTime contact_saved;
  };

  core::Result<Record*> record(const core::EndpointId& id);
  void touch(const core::EndpointId& id, bool stored);
  void check_clock(Record& record, const wire::Hello& hello, core::WallTime now);
  void go_offline(Record& record, core::WallTime now);
  void sweep_contacts(core::WallTime now);
  std::shared_ptr<const Platform> shared(Platform platform);

  std::unordered_map<core::EndpointId, Record> endpoints_;
  struct PlatformLess {
    bool operator()(const std::shared_ptr<const Platform>& a,
                    const std::shared_ptr<const Platform>& b) const {
      return *a < *b;
    }
  };
  std::set<std::shared_ptr<const Platform>, PlatformLess> platforms_;
  std::unordered_map<std::string, std::size_t> gateways_;
  std::unordered_set<core::EndpointId> changed_;
  std::unordered_set<core::EndpointId> unsaved_;
  core::WallTime contacts_swept_;
  std::size_t online_ = 0;
};

}  // namespace muster::fleet
