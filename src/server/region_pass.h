// SPDX-License-Identifier: Apache-2.0
//
// What users of this region ask other regions: one request passed on (`/v1/regions/NAME/v1/…`), or
// the same asked of several at once, each answering in its own time within one deadline.
#pragma once

#include <string>
#include <vector>

#include "access/types.h"
#include "net/http_message.h"
#include "server/neighbour_link.h"

namespace muster::server {

class Region;

/// Passes the request on and its answer back; a start of a run is written down first, and repeated
/// under its key where the connection was lost.
runtime::Task<core::Result<net::Response>> pass_on(Region& region, net::Request& request);

/// kDenied unless the user may ask this region.
core::Status may_ask(const access::Principal& by, const regions::Neighbour& neighbour);

/// What one region answered to a question that went to several.
struct AnswerOf {
  std::shared_ptr<NeighbourLink> link;
  core::Result<net::ClientResponse> answer = core::fail(core::Code::kTimeout, "no answer in time");
};
/// Asks all at once; done when all have answered or `within` is over. `key`: the request starts
/// runs, under this Idempotency-Key.
runtime::Task<std::vector<AnswerOf>> ask_all(Region& region, access::Principal by,
                                             std::vector<std::shared_ptr<NeighbourLink>> links,
                                             net::ClientRequest request, core::Duration within,
                                             std::string key = {});

}  // namespace muster::server
