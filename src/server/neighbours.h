// SPDX-License-Identifier: Apache-2.0
//
// Neighbours are the other regions that this one knows: who may ask what here, and the links by
// which this one asks them (docs/regions.md, docs/adr/0027).
//
// Trust is decided for each request, by what the administrator has granted at that moment, and by
// the one authority that the region's card had. Lives on one loop. open(), start(), then
// `co_await stop()`.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "access/types.h"
#include "net/http_message.h"
#include "regions/store.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"
#include "server/neighbour_link.h"
#include "server/trust.h"
#include "store/database.h"

namespace muster::server {

class Neighbours {
 public:
  using Link = std::shared_ptr<NeighbourLink>;

  Neighbours(runtime::Loop& loop, store::Database& database, std::string own_region,
             NeighbourLink::Identity identity);

  /// What the tables have. Blocking.
  core::Status open();
  void start();
  runtime::Task<void> stop();

  /// By name.
  std::vector<Link> all() const;
  /// kNotFound, with the names that there are.
  core::Result<Link> find(std::string_view name) const;

  /// Each is one transaction with its entry in the audit log, and holds at once.
  runtime::Task<core::Status> add(access::Principal by, regions::Neighbour neighbour);
  runtime::Task<core::Status> change(access::Principal by, regions::Neighbour neighbour);
  runtime::Task<core::Status> remove(access::Principal by, std::string name);

  /// Who asks with this certificate (DER), for the route of `request`. kDenied says whose
  /// administrator can do what about it.
  core::Result<std::shared_ptr<PeerPrincipal>> admit(const net::Request& request,
                                                     std::string_view certificate) const;

 private:
  core::Result<Link> trusted(std::string_view certificate) const;
  Link make(regions::Neighbour neighbour);
  runtime::Task<void> retire(Link link);

  runtime::Loop& loop_;
  store::Database& database_;
  const std::string own_region_;
  const NeighbourLink::Identity identity_;
  std::map<std::string, Link, std::less<>> links_;
  bool started_ = false;
  runtime::TaskGroup tasks_;
};

}  // namespace muster::server
