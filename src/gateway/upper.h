// SPDX-License-Identifier: Apache-2.0
//
// Upper is the gateway that this one stands behind, as it sees it (docs/adr/0024): a connection
// that carries two things. What is said to the server goes through a tunnel, as bytes of a TLS
// session whose other end is the server; the upper gateway can pass them on or break them off,
// and nothing else. Content is asked for at the upper gateway itself, and believed by its digest.
//
// Lives on one loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/tiers.h"
#include "net/raw_stream.h"
#include "net/websocket.h"
#include "runtime/loop.h"
#include "runtime/signal.h"
#include "wire/limits.h"

namespace muster::gateway {

/// Bytes of a tunnel that may wait for one side; while there are more the other is not read.
inline constexpr std::size_t kTunnelAheadBytes = 256 * 1024;
/// What waits is this little when it is read again.
inline constexpr std::uint32_t kTunnelResumeBytes = 32 * 1024;
/// For both ends of such a connection.
inline constexpr net::WebSocketLimits kRepeatLimits{wire::kFrameBytesMax, 8 * wire::kFrameBytesMax};

class Upper final : public net::WebSocketHandler, private net::RawStreamHandler {
 public:
  using OnContent = std::function<void(wire::ContentDataDown)>;

  /// `self`: the name of the gateway that asks.
  Upper(runtime::Loop& loop, std::string self, std::unique_ptr<net::MessageSocket> socket);
  ~Upper() override;

  /// Asks to stand behind it: until the welcome, or the reason why not. Once, first.
  runtime::Task<core::Status> ask(core::Duration at_most);
  /// The tunnel's end here: a connection to the server. Once, after the welcome.
  core::Result<net::RawStream::Socket> open_tunnel();
  /// The gateways up to the server, this upper one first; after the welcome.
  const std::vector<std::string>& above() const { return above_; }
  /// After a refusal: see Standing::waiting.
  const std::vector<std::string>& waiting() const { return waiting_; }

  void request_content(const wire::ContentRequestUp& request);
  void on_content(OnContent taken) { on_content_ = std::move(taken); }

  /// Why it has ended; empty while it has not.
  const std::string& why() const { return why_; }

  void on_message(std::string_view message) override;
  void on_closed(core::Error why) override;
  void on_drained() override;

 private:
  core::Status receive(std::string_view bytes);
  core::Status welcome(std::string_view body);
  core::Status take(std::string_view body);
  void on_bytes(std::string_view bytes) override;
  void on_room() override;
  void on_ended(core::Error why) override;

  runtime::Loop& loop_;
  const std::string self_;
  std::unique_ptr<net::MessageSocket> socket_;
  std::unique_ptr<net::RawStream> tunnel_;  ///< null before open_tunnel(), and after the end
  runtime::Signal answered_;
  core::Status answer_;  ///< the welcome's
  bool welcomed_ = false;
  std::vector<std::string> above_, waiting_;
  std::string why_;
  OnContent on_content_;
};

}  // namespace muster::gateway
