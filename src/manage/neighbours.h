// SPDX-License-Identifier: Apache-2.0
//
// The further hosts that a host knows, and calls on for their part.
//
// A call goes no deeper than Call allows, never to a host that it has passed, and no later than
// its deadline; with each host it goes under the token that this host has there, so never with
// more than was granted to this host.
//
// Lives on one loop.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "manage/resource.h"
#include "net/http_client.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"

namespace muster::manage {

struct Neighbour {
  std::string name;
  std::string address;      ///< "https://db1:8443"
  std::string fingerprint;  ///< of the authority that it shows: 32 raw bytes
  std::string token;
};

/// neighbours.json of the host's state folder: secrets are in it. Blocking, but short.
class NeighbourFile {
 public:
  static constexpr std::size_t kNeighboursMax = 256;

  explicit NeighbourFile(std::filesystem::path file) : file_(std::move(file)) {}
  core::Result<std::vector<Neighbour>> load() const;
  /// Adds it, or replaces the one of its name.
  core::Status add(Neighbour neighbour) const;
  core::Status remove(std::string_view name) const;

 private:
  core::Status save(const std::vector<Neighbour>& list) const;

  const std::filesystem::path file_;
};

/// The hosts that are called first, each with the ways that go on from there ("" ends there).
struct Step {
  std::string host;
  std::vector<std::vector<std::string>> via;
  bool operator==(const Step&) const = default;
};
/// `names`: of all neighbours, for "*". Pure.
std::vector<Step> first_steps(const std::vector<std::vector<std::string>>& via,
                              const std::vector<std::string>& names);

class Neighbours final : public FurtherHosts {
 public:
  static constexpr std::size_t kCallsMax = 64;  ///< at once, of all that ask
  static constexpr std::size_t kAnswerBytesMax = 1024 * 1024;
  /// Kept back for the way home, so that a host's own deadline ends after its neighbours'.
  static constexpr core::Duration kMargin = std::chrono::milliseconds(250);

  Neighbours(runtime::Loop& loop, NeighbourFile file)
      : loop_(loop), file_(std::move(file)), tasks_(loop, "neighbours") {}

  runtime::Task<boost::json::array> ask(Asked asked, std::string own_id) override;
  runtime::Task<void> stop() { return tasks_.stop(); }

 private:
  struct Round;
  runtime::Task<void> call(std::shared_ptr<Round> round, std::size_t at, Neighbour neighbour,
                           Onward onward, core::MonoTime deadline);

  runtime::Loop& loop_;
  const NeighbourFile file_;
  std::size_t calls_ = 0;
  runtime::TaskGroup tasks_;
};

}  // namespace muster::manage
