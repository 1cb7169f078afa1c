// SPDX-License-Identifier: Apache-2.0
//
// Repeating lets other gateways stand behind this one (docs/adr/0024): for each it opens a tunnel
// to the server and passes bytes through, which it cannot read; and it serves their requests for
// content from this gateway's cache, each in its turn, so that an object crosses the line above
// once, however many gateways are below.
//
// Who stands behind is believed by its certificate: a gateway of this region. The server judges
// it anew at the tunnel's far end, and closes the tunnel of one that was revoked.
//
// Lives on one loop.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "content/service.h"
#include "gateway/tiers.h"
#include "gateway/way_up.h"
#include "net/http_message.h"
#include "net/websocket.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"

namespace muster::gateway {

class ContentRelay;

/// This gateway's own way to the server, as those behind it need it.
class Upstream {
 public:
  virtual ~Upstream() = default;
  virtual Standing standing() const = 0;
  /// A way to the same server for another one's bytes.
  virtual runtime::Task<core::Result<Tunnel>> tunnel(core::Duration at_most) = 0;
};

class Repeating final : private content::ServicePort {
 public:
  struct Options {
    std::string region;
    std::string name;
    bool allowed = false;  ///< else everybody is refused, with a sentence
    core::Duration silence_max = std::chrono::seconds(35);  ///< of a gateway behind this one
  };
  static constexpr core::Duration kTunnelTime = std::chrono::seconds(10);

  /// `upstream` outlives this.
  Repeating(runtime::Loop& loop, Options options, Upstream& upstream);
  ~Repeating() override;

  /// Where the content is; it outlives requests for it. Before accept().
  void serve(ContentRelay& content);
  /// The acceptor of /repeat.
  void accept(const net::Request& request, std::unique_ptr<net::MessageSocket> socket);
  /// This gateway's server is lost: who stands behind it shall look for another way.
  void server_lost() { close("the gateway above has lost its server"); }
  /// Gateways whose tunnels are open.
  std::size_t gateways() const;
  void close(std::string_view reason);
  runtime::Task<void> stop();

 private:
  class Session;
  runtime::Task<void> open(std::shared_ptr<Session> session);
  void content_gone(content::ClientId number);
  void gone(content::ClientId number);
  Session* find(content::ClientId number);

  std::string encode(const wire::ContentData& data) override;
  void send(content::ClientId gateway, std::string_view frame) override;
  void stalled(content::ClientId gateway) override;

  runtime::Loop& loop_;
  const Options options_;
  Upstream& upstream_;
  content::Service* content_ = nullptr;
  content::ClientId last_ = 0;
  std::unordered_map<content::ClientId, std::shared_ptr<Session>> sessions_;
  runtime::TaskGroup tasks_;
  std::shared_ptr<Repeating*> self_;  ///< null once destroyed, for posts that come later
};

}  // namespace muster::gateway
