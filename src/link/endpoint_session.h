// SPDX-License-Identifier: Apache-2.0
//
// EndpointSession is the agent's end of one link, from the open WebSocket to its
// end: hello, heartbeats, work in, results out (docs/protocols/link.md).
//
// Pure logic: frames and time come in, frames go out through EndpointPort. The agent
// and muster-swarm drive the same class. One object per connection; what must
// survive it is in EndpointRuns. Not thread-safe.
//
// REQUIRES: the port does not destroy the session from inside a call, and send() does
// not call back into it. After port.closed() the session sends nothing more and
// ignores what comes in.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"
#include "link/ending.h"
#include "link/endpoint_runs.h"
#include "link/order_port.h"
#include "wire/frame.h"

namespace muster::link {

/// What carries a session: the agent's WebSocket, or a simulated wire.
class EndpointPort {
 public:
  virtual ~EndpointPort() = default;
  /// Queue one frame; order is kept. The view is valid during the call only.
  virtual void send(std::string_view frame) = 0;
  /// Bytes queued that the kernel has not taken.
  virtual std::size_t backlog_bytes() const = 0;
  /// Chunks wait: call drained() as soon as no more than `bytes` are queued.
  virtual void notify_below(std::size_t bytes) = 0;
  /// Called once: flush what was sent, then close the connection.
  virtual void closed(const Ending& ending) = 0;
  /// The gateway has welcomed this endpoint.
  virtual void welcomed(const wire::Welcome& /*welcome*/) {}
  /// Content that was asked for by request_content().
  virtual void content(const wire::ContentData& /*data*/) {}
};

class EndpointSession final : private RunsObserver {
 public:
  struct Identity {
    std::string instance;  ///< 16 random bytes of this process
    std::string nonce;     ///< 16 random bytes of this link, which nobody can guess
    wire::Facts facts;
    std::int64_t wall_clock_unix_ms = 0;
    bool follows = false;  ///< Goes where Goodbye MOVED says.
  };
  /// The reply's body, or why there is none. Called once, unless the session is
  /// destroyed before it closed.
  using UpcallDone = std::function<void(core::Result<std::string>)>;

  /// `random_seed` jitters the heartbeats, so that a fleet does not beat in step.
  EndpointSession(EndpointPort& port, EndpointRuns& runs, OrderPort& orders,
                  std::uint64_t random_seed);
  ~EndpointSession() override;
  EndpointSession(const EndpointSession&) = delete;
  EndpointSession& operator=(const EndpointSession&) = delete;

  /// Says Hello. Once, first.
  void start(Identity identity, core::MonoTime now);
  /// One whole frame from the gateway.
  void receive(std::string_view frame, core::MonoTime now);
  /// The backlog has shrunk: chunks may go on.
  void drained(core::MonoTime now);
  /// Call at deadline() or later; earlier calls do no harm.
  void tick(core::MonoTime now);
  core::MonoTime deadline() const;
  /// The connection broke: port.closed() follows, with GOODBYE_NONE.
  void broken(std::string reason);
  /// Says Goodbye and ends the link; for the agent's own stop.
  void goodbye(wire::GoodbyeCode code, std::string reason);

  /// Asks the gateway. kLimit when too many are pending or the body is too large,
  /// kUnavailable when the link is not open or ends first, kTimeout at the deadline.
  /// `run`: its method asks, not the agent.
  void upcall(std::string name, std::string body, core::Duration timeout, core::MonoTime now,
              UpcallDone done, core::RunId run = {});
  /// Asks for a range of content; the answer comes by port.content(). kUnavailable unless
  /// the link is open.
  core::Status request_content(const wire::ContentRequest& request);

  bool open() const { return state_ == State::kOpen; }
  bool is_closed() const { return state_ == State::kClosed; }

 private:
  enum class State : std::uint8_t { kNew, kHelloSent, kOpen, kClosed };
  /// A large result on its way: what was sent and what may be.
  struct Transfer {
    std::uint64_t sent = 0;  // of stdout and stderr together
    std::uint64_t credit = 0;
    std::uint64_t total = 0;
  };
  struct PendingUpcall {
    core::MonoTime deadline;
    UpcallDone done;
  };

  void run_started(core::RunId run) override;
  void run_output(core::RunId run, wire::Stream stream, std::uint64_t offset,
                  std::string_view data) override;
  void run_progress(core::RunId run, std::optional<std::uint32_t> percent,
                    std::string_view text) override;
  void run_finished(core::RunId run) override;
  void run_refused(const wire::Announce& announce) override;

  template <typename Message>
  void send(const Message& message) {
    send_frame(wire::encode(message));
  }
  void send_frame(std::string_view frame);
  void plan_heartbeat();
  template <typename Message>
  bool read(std::string_view body, Message& message);
  void dispatch(wire::FrameKind kind, std::string_view body);
  void on_welcome(std::string_view body);
  void on_heartbeat(std::string_view body);
  void on_heartbeat_ack(std::string_view body);
  void send_heartbeat();
  void on_invoke(std::string_view body);
  void on_cancel(std::string_view body);
  void on_grant(std::string_view body);
  void on_result_ack(std::string_view body);
  void on_content(std::string_view body);
  void on_upcall_reply(std::string_view body);
  void on_goodbye(std::string_view body);
  void announce(core::RunId run);
  void pump();
  bool send_chunk(core::RunId run, Transfer& transfer);
  void protocol_error(std::string reason);
  void close(Ending ending);
  void set_heartbeat(std::uint32_t ms);
  void fail_upcalls(core::MonoTime until);

  EndpointPort& port_;
  EndpointRuns& runs_;
  OrderPort& orders_;
  std::string nonce_;
  core::MonoTime hello_at_{};
  core::Random random_;
  State state_ = State::kNew;
  bool awaiting_sign_ = false;
  std::uint32_t inline_bytes_max_ = 0;
  std::uint64_t heartbeat_sequence_ = 0;
  std::uint64_t next_upcall_ = 1;
  core::MonoTime now_{};  // of the event being handled
  core::MonoTime last_heard_{};
  core::MonoTime heartbeat_at_{};  // when to send the next
  core::MonoTime answer_by_{};     // Welcome, or a sign of life, is due
  core::Duration interval_{};
  std::map<core::RunId, Transfer> transfers_;
  std::map<std::uint64_t, PendingUpcall> upcalls_;
};

}  // namespace muster::link
