// SPDX-License-Identifier: Apache-2.0
#include "cli/server_process.h"

#include <thread>

#include "cli/standing_process.h"
#include "core/log.h"
#include "core/version.h"
#include "runtime/file.h"
#include "server/region_keys.h"
#include "server/region_tables.h"

namespace muster::cli {
namespace {

using namespace std::chrono_literals;
using core::Code;

constexpr core::Duration kLook = 50ms;
constexpr core::Duration kDatabaseWait = 30s;
/// Others have so long to lead where this server could not.
constexpr core::Duration kLeadAgain = 3s;
/// Somebody makes a new region: its keys come soon.
constexpr core::Duration kKeysWait = 60s;

store::Options reading(const server::ServerConfig& config) {
  store::Options options;
  options.url = config.database;
  options.readers = 1;
  return options;
}

}  // namespace

core::Result<std::unique_ptr<store::Servers>> join_servers(const server::ServerConfig& config) {
  MUSTER_TRY(runtime::make_private_folder(config.state));
  MUSTER_TRY(server::check_database_place(config));
  MUSTER_TRY(server::take_region_secret(config.region_secret, config.state));
  return store::Servers::open(
      config.database,
      {server::server_name(config), server::own_addresses(config, config.port),
       std::string(core::kVersion)},
      kDatabaseWait);
}

ServerProcess::ServerProcess(server::ServerConfig config, Leads leads)
    : config_(std::move(config)), leads_(std::move(leads)) {}

core::Status ServerProcess::run() {
  MUSTER_ASSIGN(servers_, join_servers(config_));
  MUSTER_TRY(wait_for_keys());
  for (bool goes_on = true; goes_on;) {
    MUSTER_ASSIGN(goes_on, servers_->view().term != 0 ? lead() : stand_by());
  }
  servers_->stop();
  return {};
}

// Whoever leads a new region makes its keys; the others have them from the database.
core::Status ServerProcess::wait_for_keys() {
  const auto deadline = core::mono_now() + kKeysWait;
  for (;;) {
    MUSTER_ASSIGN(const auto keys, server::fetch_region_keys(reading(config_), config_.state));
    MUSTER_TRY(server::check_same_region(reading(config_), config_.state));
    servers_->stand();
    const auto soon = core::mono_now() + 500ms;
    for (auto seen = servers_->view(); core::mono_now() < soon; seen = servers_->view()) {
      if (seen.term != 0) return {};
      const auto* leader = seen.leader();
      const bool others = leader && !leader->here && leader->alive;
      if (others && keys != server::KeysThere::kNone) return {};
      std::this_thread::sleep_for(kLook);
    }
    if (keys != server::KeysThere::kNone) return {};
    if (core::mono_now() >= deadline)
      return core::fail(Code::kUnavailable,
                        "another server leads, but has not put the region's keys into the "
                        "database: is it of an older version? Update it first");
  }
}

core::Result<bool> ServerProcess::lead() {
  bool deposed = false;
  {
    RegionProcess process(config_, servers_.get());
    if (auto started = process.start(); !started) {
      if (!has_served_) return std::unexpected(std::move(started.error()));
      core::log(core::Level::kError, "server", "this server cannot lead; it stands by",
                {{"why", started.error().message}});
      servers_->withdraw();
      std::this_thread::sleep_for(kLeadAgain);
      servers_->stand();
      return true;
    }
    has_served_ = true;
    config_.port = process.region().port();
    servers_->set_addresses(server::own_addresses(config_, config_.port));
    if (auto told = leads_(process); !told) {
      process.request_stop();  // it serves already: it ends in good order
      process.run();
      return std::unexpected(std::move(told.error()));
    }
    process.run();
    deposed = process.deposed();
    config_.listening = process.handed_over();
  }
  if (!deposed) return false;
  servers_->withdraw();
  servers_->stand();
  return true;
}

core::Result<bool> ServerProcess::stand_by() {
  StandingProcess process(config_, *servers_);
  MUSTER_TRY(process.start());
  has_served_ = true;
  config_.port = process.port();
  servers_->set_addresses(server::own_addresses(config_, config_.port));
  const bool leads = process.run();
  config_.listening = process.handed_over();
  return leads;
}

}  // namespace muster::cli
