// SPDX-License-Identifier: Apache-2.0
//
// RedButton makes `stop-everything.json` one thing on all servers of a region: what is set or
// lifted on one of them, by its file or by the API of the leader, is so on all, a second later.
//
// The word that the servers share in the database (store::Servers::say) is the order; the file is
// its copy on each server, which a new leader finds at its start, and which holds while the
// database is away. A file that appears is said to the others; one that vanishes lifts it.
//
// Called now and then by the loop of a server that stands by; the leader's part is in
// StopSwitch, which it tells.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "jobs/rollout.h"
#include "store/servers.h"

namespace muster::server {

class RedButton {
 public:
  RedButton(std::filesystem::path folder, store::Servers& servers)
      : folder_(std::move(folder)), servers_(servers) {}

  /// A server that stands by: its file and the word become the same.
  void look();

  /// The leader: what is stopped here is said; what others said comes back to be done.
  /// `stopped`: as it is here. Returns the change that others want, if they want one.
  struct Change {
    std::optional<jobs::Hold> order;  ///< nothing: lift it
  };
  std::optional<Change> lead(const std::optional<jobs::Hold>& stopped);

 private:
  void say(const std::optional<jobs::Hold>& order);

  const std::filesystem::path folder_;
  store::Servers& servers_;
  bool heard_ = false;           ///< the word at least once
  std::string word_;             ///< as it was heard or said last
  std::int64_t waits_for_ = -1;  ///< what was said counts from this serial on
};

}  // namespace muster::server
