// SPDX-License-Identifier: Apache-2.0
//
// Servers: which servers share one PostgreSQL, and which of them leads.
//
// Each has a row of `muster_servers`, with a number that grows while it lives; the leader has
// the one row of `muster_lease` too (lease.h). A thread with a connection of its own looks about
// once a second, so that neither a slow query nor a long transaction of the leader costs it its
// lease. The rows belong to no region: backups and moves leave them out, as `muster_writer`.
//
// Thread-safe. open(), then stop() or the destructor, which gives the lease up.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "store/lease.h"

namespace muster::store {

/// What a server tells the others of itself.
struct ServerSelf {
  std::string name;
  std::vector<std::string> addresses;  ///< host:port, the likeliest first
  std::string version;
};

struct ServerRow {
  ServerSelf self;
  core::WallTime started_at;
  bool leads = false;
  bool here = false;        ///< this very process
  bool alive = true;        ///< its number has grown lately, as this server has seen it
  core::Duration unseen{};  ///< since it has grown
};

/// As of the last look, but for what depends on the time.
struct ServersView {
  std::int64_t term = 0;           ///< ours; 0: we do not lead
  bool counts = false;             ///< and nobody else can lead already
  bool reachable = false;          ///< the last look succeeded
  bool replaced = false;           ///< another process has taken our name
  std::uint64_t takeovers = 0;     ///< by this process
  std::int64_t last_term = 0;      ///< the term of whoever leads
  std::vector<ServerRow> servers;  ///< by name
  /// The word that all servers share (say()): one text, and how often it has been said.
  std::string word;
  std::int64_t word_serial = 0;

  const ServerRow* leader() const;
  /// Another server is alive.
  bool has_others() const;
};

class Servers {
 public:
  static constexpr std::size_t kServersMax = 64;
  /// A row that has not changed for so long is of a server that is gone; removed a day later.
  static constexpr core::Duration kAliveFor = std::chrono::seconds(10);

  /// Makes the tables where missing. Waits up to `start_wait` for a database that is away.
  /// kConflict where a living server has this name; otherwise as Database::open.
  static core::Result<std::unique_ptr<Servers>> open(std::string url, ServerSelf self,
                                                     core::Duration start_wait,
                                                     LeaseTimes times = {},
                                                     std::string schema = "muster");
  ~Servers();
  Servers(const Servers&) = delete;
  Servers& operator=(const Servers&) = delete;

  /// From now on this server may lead: it has the region's keys.
  void stand();
  /// It leads no more until stand(), and gives up the lease if it has it, so that others need not
  /// wait.
  void withdraw();
  /// Told with the next look.
  void set_addresses(std::vector<std::string> addresses);
  /// Tells all servers a word, whoever leads: the red button, which every server may press. Said
  /// again until the database has it.
  void say(std::string word);
  /// Another server was met, perhaps before the database told of it: it counts for kAliveFor.
  void met_another();
  /// False while another server may lead in our place already.
  bool may_answer() const;
  ServersView view() const;
  void stop();

 private:
  class Watch;
  explicit Servers(std::unique_ptr<Watch> watch);
  std::unique_ptr<Watch> watch_;
};

}  // namespace muster::store
