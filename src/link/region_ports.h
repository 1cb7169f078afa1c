// SPDX-License-Identifier: Apache-2.0
//
// What a server and a gateway are to each other. In one process they call each other
// through these interfaces and no byte is encoded; apart, the same messages travel as
// frames (docs/protocols/region.md) between two adapters that implement them.
//
// Both ends live on one loop. A call never calls back before it returns: whoever
// implements a port queues what would answer at once, so that neither end finds
// itself half-way through a change.
#pragma once

#include <cstddef>

#include "region.pb.h"

namespace muster::link {

/// The server as one gateway sees it. Messages are moved from.
class RegionServer {
 public:
  virtual ~RegionServer() = default;

  virtual void link_up(wire::LinkUp message) = 0;
  virtual void link_down(wire::LinkDown message) = 0;
  virtual void reports(wire::Reports message) = 0;
  virtual void upcall(wire::UpcallUp message) = 0;
  virtual void notice(wire::Notice message) = 0;
  virtual void content_request(wire::ContentRequestUp message) = 0;
  /// Answered by intake_taken(), in the order of the messages; without an answer it comes again.
  virtual void intake(wire::IntakeUp) {}
  /// The connection has taken what backlog_bytes() counted, or most of it.
  virtual void drained() {}
};

/// A gateway as the server sees it.
class RegionGateway {
 public:
  virtual ~RegionGateway() = default;

  virtual void admit(wire::Admit message) = 0;
  virtual void dispatch(wire::Dispatch message) = 0;
  virtual void cancel_run(wire::CancelRun message) = 0;
  virtual void acks(wire::Acks message) = 0;
  virtual void kick(wire::Kick message) = 0;
  virtual void upcall_reply(wire::UpcallReplyDown message) = 0;
  virtual void content_data(wire::ContentDataDown message) = 0;
  virtual void chunks_taken(wire::ChunksTaken message) = 0;
  virtual void intake_taken(wire::IntakeTaken) {}
  /// Bytes on their way that the connection has not taken; RegionServer::drained() follows
  /// content_data() while there are any. In one process there are none.
  virtual std::size_t backlog_bytes() const { return 0; }
};

}  // namespace muster::link
