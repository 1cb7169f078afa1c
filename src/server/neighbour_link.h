// SPDX-License-Identifier: Apache-2.0
//
// NeighbourLink is one other region as this server reaches it: connections, whether it is there
// (regions/health.h), what it grants, and the runs that were started there and go on.
//
// The way there is TLS with certificates of both regions (net::kAlpnPeer): the other side must show
// a server's certificate of exactly the authority that its card had, and is shown this server's.
// Who asks is told in headers, which the other side believes this region about, within what it
// grants to it.
//
// Nobody waits for a region that is down: what is asked then is refused at once. Lives on one loop;
// start(), then `co_await stop()`; kept by a shared_ptr while something is under way.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/http_client.h"
#include "net/tls_context.h"
#include "regions/health.h"
#include "regions/store.h"
#include "runtime/loop.h"
#include "runtime/signal.h"
#include "runtime/task_group.h"
#include "server/trust.h"
#include "store/database.h"

namespace muster::server {

/// Who asks, by name and role in their own region.
inline constexpr std::string_view kPeerUser = "x-muster-peer-user";
inline constexpr std::string_view kPeerRole = "x-muster-peer-role";

class NeighbourLink : public std::enable_shared_from_this<NeighbourLink> {
 public:
  static constexpr core::Duration kConnectTime = std::chrono::seconds(2);
  static constexpr core::Duration kProbeTime = std::chrono::seconds(2);
  /// To the headers of an answer that somebody waits for.
  static constexpr core::Duration kAskTime = std::chrono::seconds(10);
  /// Live events come more often.
  static constexpr core::Duration kStreamIdle = std::chrono::seconds(45);
  static constexpr std::size_t kRequestsMax = 256;  ///< Under way at a time.
  static constexpr std::size_t kIdleMax = 8;
  static constexpr std::size_t kFollowedMax = 64;  ///< Runs whose state is asked for.

  /// Makes what a connection needs; called again when certificates may have been renewed.
  using Identity = std::function<core::Result<net::TlsIdentity>()>;

  NeighbourLink(runtime::Loop& loop, store::Database& database, regions::Neighbour neighbour,
                Identity identity);

  void start();
  runtime::Task<void> stop();

  const regions::Neighbour& neighbour() const { return neighbour_; }
  /// What was opened under the grant before ends.
  void change(regions::Neighbour neighbour);
  const regions::Health& health() const { return health_; }
  const std::shared_ptr<Trust>& trust() const { return trust_; }

  /// What the other region said last.
  struct Granted {
    std::vector<std::string> may;
    std::string selector;
    std::string expires_at;
    std::string version;
  };
  const std::optional<Granted>& granted() const { return granted_; }
  /// Why it grants nothing, in its words; empty where it does, or was not asked.
  const std::string& refusal() const { return refusal_; }
  /// "unknown", "up", "slow", "down", "refused".
  std::string_view state() const;
  /// kUnavailable with since when and why.
  core::Error unavailable() const;

  struct Asker {
    std::string user, role;
  };
  struct Opened {
    net::ClientStream stream;
    std::shared_ptr<net::HttpClient> client;  ///< Lives as long as the stream.
  };
  /// Any status is a value. An error: it is down, or the connection was lost.
  runtime::Task<core::Result<Opened>> open(net::ClientRequest request, Asker by);
  /// Gives a stream back that was read to its end.
  void keep(Opened opened);
  /// The whole answer, `within` a time of its own.
  runtime::Task<core::Result<net::ClientResponse>> ask(net::ClientRequest request, Asker by,
                                                       core::Duration within);
  /// A run was started there: its state is followed from now on.
  void follow(regions::RemoteRun run);

 private:
  using Client = std::shared_ptr<net::HttpClient>;
  core::Result<Client> client(std::optional<core::Duration> within);
  core::Status check_server(std::string_view leaf_der) const;
  void lost(std::uint64_t generation, const core::Error& why);
  void heard(core::MonoTime begun);
  runtime::Task<void> watch();
  runtime::Task<void> probe();
  void note_granted(const net::ClientResponse& answer);
  runtime::Task<void> look_at_runs();
  runtime::Task<bool> look_at(regions::RemoteRun& run);
  void check_expiry();
  core::Duration until_next() const;

  runtime::Loop& loop_;
  store::Database& database_;
  regions::Neighbour neighbour_;
  const Identity identity_;
  regions::Health health_;
  std::shared_ptr<Trust> trust_ = std::make_shared<Trust>();
  std::optional<Granted> granted_;
  std::string refusal_;
  std::shared_ptr<const net::TlsClientContext> tls_;
  core::MonoTime tls_made_{};
  std::size_t address_ = 0;  ///< Of the neighbour's, the one that is tried.
  std::size_t requests_ = 0;
  std::vector<Client> idle_;
  std::vector<regions::RemoteRun> followed_;
  core::MonoTime look_at_ = core::MonoTime::max();
  runtime::Signal changed_;
  runtime::TaskGroup tasks_;
};

}  // namespace muster::server
