// SPDX-License-Identifier: Apache-2.0
//
// GatewaySession is the gateway's end of ONE link. A gateway holds tens of thousands:
// the object is small, has no timer and no heap while nothing is being transferred.
//
// Pure logic: frames and time come in, frames and events go out through GatewayPort.
// Nothing that an endpoint says is believed about another one; every frame is checked
// for its kind, its state, its size and (for text) its UTF-8 before the port sees it.
// Any breach ends the link with Goodbye PROTOCOL and the reason.
//
// Time: the gateway sweeps its links about once a second and calls tick(now) on those
// whose deadline() has passed. Not thread-safe.
//
// REQUIRES: the port does not destroy the session from inside a call, and send() does
// not call back into it (the other calls may). After port.closed() the session sends
// nothing more and ignores what comes in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "link/credit_window.h"
#include "link/ending.h"
#include "link/limits.h"

namespace muster::link {

namespace detail {
class Transfers;
}

/// The gateway's side of one link. All messages are checked and cleaned.
class GatewayPort {
 public:
  virtual ~GatewayPort() = default;
  /// Queue one frame; order is kept. The view is valid during the call only.
  virtual void send(std::string_view frame) = 0;
  /// Called once: flush what was sent, then close the connection.
  virtual void closed(const Ending& ending) = 0;
  /// Hello is in order: ask the server, then admit() or refuse().
  virtual void hello(wire::Hello&& hello) = 0;
  virtual void started(wire::Started&& started) = 0;
  virtual void output(wire::Output&& output) = 0;
  /// A result. Not inline: its chunks follow, in order, from offset 0 on. The same run
  /// may be announced again (then everything starts anew); the server must not mind.
  virtual void announced(wire::Announce&& announce) = 0;
  /// `last`: with this chunk the result is complete. Who keeps its bytes in memory says so
  /// to GatewayShared::credit from within the call (CreditWindow::hold).
  virtual void chunk(wire::Chunk&& chunk, bool last) = 0;
  virtual void upcall(wire::Upcall&& upcall) = 0;
  virtual void content_request(wire::ContentRequest&& request) = 0;
};

/// What all links of one gateway share; outlives them.
struct GatewayShared {
  std::string region;
  std::string gateway;
  std::uint32_t inline_result_bytes_max;  ///< normally wire::kInlineResultBytesMax
  CreditWindow credit;
  std::size_t links = 0;  ///< open links; the gateway keeps it, heartbeats adapt to it
  core::MonoTime now{};   ///< of the latest event on any link; the sessions keep it

  GatewayShared(std::string region_name, std::string gateway_name);
  /// The interval for a link of this age: 20 s in its first minute, then 60 s; with more
  /// than 10,000 links longer in proportion, up to 5 minutes.
  std::chrono::milliseconds heartbeat(core::Duration link_age) const;
};

class GatewaySession final : private CreditClient {
 public:
  enum class State : std::uint8_t { kWaitHello, kAsking, kOpen, kClosed };

  GatewaySession(GatewayPort& port, GatewayShared& shared, core::MonoTime now);
  ~GatewaySession();
  GatewaySession(const GatewaySession&) = delete;
  GatewaySession& operator=(const GatewaySession&) = delete;

  /// One whole frame from the endpoint.
  void receive(std::string_view frame, core::MonoTime now);
  /// The server's decision; ignored unless the state is kAsking.
  /// For Welcome: the server's `ticket`, and where `others` (host:port) would take it, too.
  void admit(wire::SignedTicket ticket, core::WallTime wall, core::MonoTime now,
             const std::vector<std::string>& others = {});
  /// Says Goodbye and ends the link, in any state: refused, kicked, stopping.
  void goodbye(wire::GoodbyeCode code, std::string_view reason, std::uint32_t retry_after_ms = 0);
  /// The same as the server words it. Addresses beyond their limits are left out.
  void goodbye(wire::Goodbye said);
  /// The connection broke: port.closed() follows, with GOODBYE_NONE.
  void broken(std::string reason);

  /// Passes an already encoded Invoke, Cancel, ResultAck, UpcallReply or ContentData frame
  /// on: a fan-out encodes once for all links. False (and nothing sent) unless open.
  bool pass(std::string_view frame);
  /// The same for one message. kConflict unless open, kLimit if too large for its kind.
  template <typename Message>
  core::Status send_message(const Message& message);

  void tick(core::MonoTime now);
  /// When tick() is needed; never later than the end of patience with a silent endpoint.
  core::MonoTime deadline() const;

  State state() const { return state_; }
  bool open() const { return state_ == State::kOpen; }
  core::MonoTime last_heard() const { return last_heard_; }
  /// Version spoken; 0 before Hello.
  std::uint8_t version() const { return version_; }
  /// Large results that are being transferred.
  std::size_t transfers() const;

 private:
  std::uint64_t take_credit(std::uint64_t bytes_max) override;
  void want_credit();
  void release_credit();
  void drop_transfers_if_done();
  core::MonoTime silent_at() const;

  void dispatch(wire::FrameKind kind, std::string_view body);
  void on_hello(std::string_view body);
  void on_heartbeat(std::string_view body);
  void on_started(std::string_view body);
  void on_output(std::string_view body);
  void on_announce(std::string_view body);
  void on_chunk(std::string_view body);
  void on_upcall(std::string_view body);
  void on_content_request(std::string_view body);
  void on_goodbye(std::string_view body);
  template <typename Message>
  bool read(std::string_view body, Message& message);
  void protocol_error(std::string_view reason);
  void close(Ending ending);
  core::Status check_and_send(wire::FrameKind kind, const google::protobuf::MessageLite& message);

  GatewayPort& port_;
  GatewayShared& shared_;
  core::MonoTime opened_at_;
  core::MonoTime last_heard_;
  std::unique_ptr<detail::Transfers> transfers_;  // only while there are any
  std::uint32_t interval_ms_ = 0;
  State state_ = State::kWaitHello;
  std::uint8_t version_ = 0;
  std::uint8_t upcalls_ = 0;  // without an answer
};

}  // namespace muster::link

#include "wire/frame.h"

namespace muster::link {
template <typename Message>
core::Status GatewaySession::send_message(const Message& message) {
  return check_and_send(wire::KindOf<Message>::kind, message);
}
}  // namespace muster::link
