// SPDX-License-Identifier: Apache-2.0
//
// Forwarder passes requests of the API on to the server that leads the region, and its answers
// back, both as they come: uploads, downloads, live events. What the region is lies in the
// leader's memory, so there is one that answers (docs/adr/0019).
//
// The way there is TLS with certificates of the region on both ends (net::kAlpnServer). Who asks
// is proven to the leader by the request's own token or cookie; all that the leader believes
// this server about is the address of the client.
//
// Lives on one loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/http_client.h"
#include "net/http_message.h"
#include "net/tls_context.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"

namespace muster::server {

/// What the client's address is told in; believed of a server of the region only.
inline constexpr std::string_view kForwardedFor = "x-muster-forwarded-for";
/// The name by which the client called the server that it asked.
inline constexpr std::string_view kForwardedHost = "x-muster-forwarded-host";
/// The certificate (DER in hexadecimal) of another region's server that has asked this one.
inline constexpr std::string_view kForwardedPeer = "x-muster-forwarded-peer";

/// Counters since the start.
struct ForwardStats {
  std::uint64_t forwarded = 0;  ///< requests that the leader has answered
  std::uint64_t without = 0;    ///< refused because nobody led
  std::uint64_t broken = 0;     ///< the leader was lost before it answered
};

class Forwarder {
 public:
  Forwarder(runtime::Loop& loop, net::TlsIdentity identity, std::string ca_pem);
  ~Forwarder();

  /// From now on this server leads, at one of these addresses; empty: nobody does.
  void lead_by(const std::string& name, const std::vector<std::string>& addresses);
  /// Where the leader answers; nothing while that is not known.
  const std::optional<net::ServerAddress>& leader() const { return found_; }
  runtime::Task<net::Response> forward(net::Request& request);
  const ForwardStats& stats() const { return stats_; }
  runtime::Task<void> stop();

  /// 503, with what to do: for everything that only a leader can answer.
  static net::Response unavailable(std::string why);

 private:
  runtime::Task<void> find(std::uint64_t turn);
  using Client = std::shared_ptr<net::HttpClient>;
  Client client();
  net::Response failed(const net::Request& request, const core::Error& why);
  void give_back(net::ClientStream stream, Client client, std::uint64_t turn);
  void look_again();

  runtime::Loop& loop_;
  const net::TlsIdentity identity_;
  const std::string ca_pem_;
  std::string name_;
  std::vector<net::ServerAddress> addresses_;
  std::uint64_t turn_ = 0;  ///< grows with every change of the leader
  bool looking_ = false;
  std::optional<net::ServerAddress> found_;
  std::shared_ptr<const net::TlsClientContext> tls_;
  std::vector<Client> idle_;
  ForwardStats stats_;
  runtime::TaskGroup tasks_;
};

}  // namespace muster::server
