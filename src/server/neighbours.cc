// SPDX-License-Identifier: Apache-2.0
#include "server/neighbours.h"

#include <algorithm>

#include "access/audit.h"
#include "core/bytes.h"
#include "core/log.h"
#include "identity/certificate.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using regions::Neighbour;

std::string words(const std::vector<std::string>& list) {
  std::string text;
  for (const auto& word : list) text += (text.empty() ? "" : ",") + word;
  return text;
}

std::string detail_of(const Neighbour& neighbour) {
  const auto& grant = neighbour.grant;
  return access::audit_detail(
      {{"region", neighbour.region},
       {"may", words(regions::names(grant.may))},
       {"on", grant.selector.empty() ? "all" : grant.selector},
       {"until", grant.expires_at ? core::to_rfc3339(*grant.expires_at) : "removed"},
       {"for", access::name(static_cast<access::Role>(neighbour.least_role))}});
}

/// Who asks, in words of the region that they are in.
core::Status read_asker(const net::Request& request, access::Principal& principal) {
  const auto user = request.header(kPeerUser), role = request.header(kPeerRole);
  if (!user && !role) return {};  // the other server itself
  if (!user || !role || !access::is_valid_user_name(*user))
    return fail(Code::kDenied, "the other region says not who asks");
  MUSTER_ASSIGN(const auto theirs, access::parse_role(*role));
  principal.name += "/" + std::string(*user);
  principal.role = std::min(principal.role, theirs);
  return {};
}

}  // namespace

Neighbours::Neighbours(runtime::Loop& loop, store::Database& database, std::string own_region,
                       NeighbourLink::Identity identity)
    : loop_(loop),
      database_(database),
      own_region_(std::move(own_region)),
      identity_(std::move(identity)),
      tasks_(loop, "regions") {}

Neighbours::Link Neighbours::make(Neighbour neighbour) {
  return std::make_shared<NeighbourLink>(loop_, database_, std::move(neighbour), identity_);
}

core::Status Neighbours::open() {
  MUSTER_ASSIGN(auto known, database_.read_blocking(regions::Store::neighbours));
  for (auto& neighbour : known) {
    auto link = make(std::move(neighbour));
    links_.emplace(link->neighbour().name, link);
  }
  MUSTER_ASSIGN(const auto runs, database_.read_blocking([](store::Connection& c) {
    return regions::Store::open_runs(c, NeighbourLink::kFollowedMax);
  }));
  for (const auto& run : runs)
    if (const auto link = find(run.neighbour)) (*link)->follow(run);
  return {};
}

void Neighbours::start() {
  started_ = true;
  for (const auto& [name, link] : links_) link->start();
}

runtime::Task<void> Neighbours::stop() {
  for (const auto& link : all()) co_await link->stop();
  co_await tasks_.stop();
}

runtime::Task<void> Neighbours::retire(Link link) {
  co_await link->stop();
}

std::vector<Neighbours::Link> Neighbours::all() const {
  std::vector<Link> list;
  for (const auto& [name, link] : links_) list.push_back(link);
  return list;
}

core::Result<Neighbours::Link> Neighbours::find(std::string_view name) const {
  if (const auto at = links_.find(name); at != links_.end()) return at->second;
  std::vector<std::string> known;
  for (const auto& [each, link] : links_) known.push_back(each);
  return fail(Code::kNotFound, "no region is called '" + core::printable(name, 64) + "'" +
                                   (known.empty() ? "; an administrator adds one by its card "
                                                    "(muster regions add)"
                                                  : " (there is " + words(known) + ")"));
}

runtime::Task<core::Status> Neighbours::add(access::Principal by, Neighbour neighbour) {
  if (neighbour.region == own_region_)
    co_return fail(Code::kInvalid,
                   "this is the card of this region itself; the one of the other "
                   "region is wanted here");
  for (const auto& address : neighbour.addresses)
    if (auto good = net::ServerAddress::parse(address); !good) co_return fail(good.error());
  neighbour.added_at = core::wall_now();
  neighbour.added_by = by.name;
  MUSTER_CO_TRY(co_await database_.write([&](store::Connection& c) -> core::Status {
    MUSTER_TRY(regions::Store::add(c, neighbour));
    MUSTER_TRY(access::Audit::append(c, core::wall_now(), by, "region.add", neighbour.name,
                                     detail_of(neighbour)));
    return {};
  }));
  auto link = make(std::move(neighbour));
  if (started_ && !tasks_.stopping()) link->start();
  links_.emplace(link->neighbour().name, link);
  co_return core::Status{};
}

runtime::Task<core::Status> Neighbours::change(access::Principal by, Neighbour neighbour) {
  MUSTER_CO_ASSIGN(const auto link, find(neighbour.name));
  MUSTER_CO_TRY(co_await database_.write([&](store::Connection& c) -> core::Status {
    MUSTER_TRY(regions::Store::change(c, neighbour));
    MUSTER_TRY(access::Audit::append(c, core::wall_now(), by, "region.change", neighbour.name,
                                     detail_of(neighbour)));
    return {};
  }));
  link->change(std::move(neighbour));
  co_return core::Status{};
}

runtime::Task<core::Status> Neighbours::remove(access::Principal by, std::string name) {
  MUSTER_CO_ASSIGN(const auto link, find(name));
  MUSTER_CO_TRY(co_await database_.write([&](store::Connection& c) -> core::Status {
    MUSTER_TRY(regions::Store::remove(c, name));
    MUSTER_TRY(access::Audit::append(c, core::wall_now(), by, "region.remove", name,
                                     access::audit_detail({{"region", link->neighbour().region}})));
    return {};
  }));
  link->trust()->end();
  links_.erase(name);
  tasks_.spawn(retire(link));
  co_return core::Status{};
}

core::Result<Neighbours::Link> Neighbours::trusted(std::string_view der) const {
  MUSTER_ASSIGN(const auto certificate, identity::Certificate::from_der(der));
  // What it says of itself only chooses the authority that must have said so.
  MUSTER_ASSIGN(const auto peer, identity::peer_identity(certificate));
  const auto at = std::ranges::find_if(
      links_, [&](const auto& entry) { return entry.second->neighbour().region == peer.region; });
  if (at == links_.end())
    return fail(Code::kDenied, "the region " + own_region_ + " does not know the region " +
                                   peer.region +
                                   ": its administrator adds it by its card (muster regions add)");
  MUSTER_ASSIGN(const auto authority,
                identity::Certificate::from_pem(at->second->neighbour().ca_pem));
  if (auto good = identity::verify_chain(certificate, authority, core::wall_now()); !good)
    return fail(Code::kDenied, good.error().message);
  if (peer.role != identity::Role::kServer)
    return fail(Code::kDenied, "only a server speaks for its region, not this " +
                                   std::string(identity::name(peer.role)));
  return at->second;
}

core::Result<std::shared_ptr<PeerPrincipal>> Neighbours::admit(const net::Request& request,
                                                               std::string_view certificate) const {
  MUSTER_ASSIGN(const auto link, trusted(certificate));
  const Neighbour& theirs = link->neighbour();
  const auto denied = [&](std::string why) {
    return fail(Code::kDenied, "the region " + own_region_ + " " + std::move(why));
  };
  if (theirs.grant.expired(core::wall_now()))
    return denied(
        "granted this region something until " + core::to_rfc3339(*theirs.grant.expires_at) +
        "; its administrator can grant it anew (muster regions change " + theirs.name + ")");
  if (!theirs.grant.allows(regions::Permission::kSee))
    return denied("grants this region nothing; its administrator can (muster regions change " +
                  theirs.name + ")");
  const auto* operation = regions::operation_at(request.method, request.route);
  if (!operation)
    return denied("does not offer " + request.method + " " + core::printable(request.path, 100) +
                  " to other regions");
  if (!theirs.grant.allows(operation->needs))
    return denied("does not grant '" + std::string(regions::name(operation->needs)) +
                  "' to this region; its administrator can (muster regions change " + theirs.name +
                  " --may see,run)");
  auto principal = std::make_shared<PeerPrincipal>();
  principal->name = theirs.name;
  principal->role = theirs.grant.allows(regions::Permission::kRun) ? access::Role::kOperator
                                                                   : access::Role::kViewer;
  if (!theirs.grant.selector.empty()) principal->selectors.push_back(theirs.grant.selector);
  principal->via = std::string(kViaRegion) + theirs.region;
  principal->trust = link->trust();
  MUSTER_TRY(read_asker(request, *principal));
  MUSTER_TRY(access::require(*principal, operation->needs == regions::Permission::kRun
                                             ? access::Right::kRun
                                             : access::Right::kView));
  return principal;
}

}  // namespace muster::server
