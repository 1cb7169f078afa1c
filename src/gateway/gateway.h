// SPDX-License-Identifier: Apache-2.0
//
// Gateway holds the links of its endpoints. It repeats what the server orders, folds
// what the endpoints answer into few messages, paces logins, and owns nothing that
// could not be rebuilt from the endpoints' next logins, but what methods told it until the
// server has it.
//
// Lives on one loop. The server is reached through link::RegionServer, in the same
// process or over a WebSocket: the gateway cannot tell.
//
// Who is believed: an endpoint about itself only, named by its certificate; the server
// about everything.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "gateway/chunk_queue.h"
#include "gateway/content_relay.h"
#include "gateway/handlers.h"
#include "gateway/intake.h"
#include "gateway/link_connection.h"
#include "gateway/link_table.h"
#include "gateway/pace.h"
#include "gateway/pack_lists.h"
#include "link/region_ports.h"
#include "net/http_message.h"
#include "net/websocket.h"
#include "runtime/loop.h"

namespace muster::gateway {

struct GatewayOptions {
  std::string region;
  std::string name;
  /// Links beyond it are refused with BUSY.
  std::size_t links_max = 50'000;
  /// Where endpoints reach it (host:port), for the server to tell them.
  std::vector<std::string> addresses = {};
  /// How fast it delivers content, in sentences, for the server to show.
  std::vector<std::string> limits = {};
  /// Logins beyond this pace are told when to come back.
  std::uint32_t logins_per_second = 2'000;
  /// Acknowledgements of small results wait so long for something to travel with: nobody
  /// waits for them, and on their own they cost as much as the orders.
  core::Duration ack_delay = std::chrono::seconds(1);
};

/// Counters since the start, for metrics.
struct GatewayStats {
  std::size_t links = 0;  ///< open now
  std::uint64_t logins = 0;
  std::uint64_t logins_paced = 0;
  std::uint64_t logins_refused = 0;
  std::uint64_t reports = 0;
  std::uint64_t protocol_errors = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t result_bytes = 0;  ///< of large results: granted, waiting, on their way up
  intake::QueueStats intake;       ///< events and inventory of methods
  HandlerStats handlers;
  std::size_t behind = 0;  ///< gateways that stand behind this one now
};

class Gateway final : public link::RegionGateway, private ContentLinks {
 public:
  Gateway(runtime::Loop& loop, GatewayOptions options);
  ~Gateway() override;

  /// The way to the server; before the first link, and once.
  void connect(link::RegionServer& server) { server_ = &server; }
  /// Keeps content in a folder and serves it to endpoints; before start(). Without this
  /// there is none.
  core::Status open_content(ContentOptions options);
  /// null without open_content().
  ContentRelay* content() { return content_.get(); }
  /// Takes events and inventory from methods, kept in this file; before start(). Without this
  /// nobody does.
  core::Status open_intake(std::filesystem::path file);
  /// Answers methods' calls by the executables in this folder; before start(). kInvalid where
  /// others could change them.
  core::Status open_handlers(const std::filesystem::path& folder);
  /// Begins to sweep silent links.
  void start();
  /// Tells every link to come back (spread over `spread`) and closes it.
  void stop(core::Duration spread);

  /// A link that was opened at /link: the acceptor of that route.
  void accept(const net::Request& request, std::unique_ptr<net::MessageSocket> socket);

  /// There is a server (again), which knows nothing of the links: every endpoint logs
  /// in anew, paced as the server wishes (0: as before).
  void server_found(std::uint32_t logins_per_second);
  /// There is none: nobody is let in. Links stay, so that work goes on undisturbed.
  void server_lost();
  /// Every endpoint shall log in anew, here or elsewhere, paced.
  void send_away(std::string_view reason);

  GatewayStats stats() const;
  ContentStats content_stats() const { return content_ ? content_->stats() : ContentStats{}; }
  const GatewayOptions& options() const { return options_; }

  // link::RegionGateway: what the server says.
  void admit(wire::Admit message) override;
  void dispatch(wire::Dispatch message) override;
  void cancel_run(wire::CancelRun message) override;
  void acks(wire::Acks message) override;
  void kick(wire::Kick message) override;
  void upcall_reply(wire::UpcallReplyDown message) override;
  void content_data(wire::ContentDataDown message) override;
  void chunks_taken(wire::ChunksTaken message) override;
  void intake_taken(wire::IntakeTaken message) override;

 private:
  friend class LinkConnection;

  /// Somebody else's key, or the same machine after a crash? The old link is asked
  /// whether it still lives; `newcomer` waits for the answer.
  struct Probe {
    std::uint64_t old_link;
    std::uint64_t newcomer;
    core::MonoTime asked;
  };

  // What a connection says.
  void hello(LinkConnection& connection, wire::Hello&& hello);
  void ask_server(LinkConnection& connection);
  wire::Report& add_report(const LinkConnection& connection);
  wire::Report& add_report(std::string_view endpoint_bytes);
  void announced(LinkConnection& connection, wire::Announce&& announce);
  void chunk(const LinkConnection& connection, wire::Chunk&& chunk);
  void report_chunks();
  void upcall(LinkConnection& connection, wire::Upcall&& upcall);
  static void note_held(LinkConnection& connection, const wire::Hello& hello);
  void answer_by_itself(LinkConnection& connection, wire::Upcall& upcall);
  bool answer_pack_list(LinkConnection& connection, const wire::Upcall& upcall);
  static void answer(LinkConnection& connection, std::uint64_t id,
                     core::Result<std::string> outcome);
  void content_request(LinkConnection& connection, wire::ContentRequest&& request);
  void content_taken(const LinkConnection& connection, std::size_t bytes_left);
  void ended(LinkConnection& connection, const link::Ending& ending);
  void gone(LinkConnection& connection);

  // ContentLinks
  void pass_content(content::ClientId link, std::string_view frame) override;
  void end_stalled(content::ClientId link) override;

  LinkConnection* open_link(std::string_view endpoint_bytes);
  LinkConnection* by_number(std::uint64_t number);
  /// The link of that number, where it is this endpoint's.
  LinkConnection* link_of(std::string_view endpoint_bytes, std::uint64_t number);
  void flush_reports();
  void flush_acks();
  void send_due_acks(LinkConnection& connection);
  void sweep();
  void settle_probes(core::MonoTime now);

  runtime::Loop& loop_;
  const GatewayOptions options_;
  link::RegionServer* server_ = nullptr;
  link::GatewayShared shared_;
  runtime::Timer sweep_timer_;
  runtime::Timer ack_timer_;
  bool ack_timer_armed_ = false;
  bool flush_posted_ = false;
  bool stopping_ = false;
  bool server_reachable_ = true;

  LinkTable<LinkConnection> connections_;
  std::unordered_map<core::EndpointId, LinkConnection*> open_;
  std::vector<Probe> probes_;
  std::unique_ptr<ContentRelay> content_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<Handlers> handlers_;
  PackLists pack_lists_;
  wire::Reports reports_;
  ChunkQueue chunks_;
  std::vector<std::uint64_t> links_with_acks_;  ///< Numbers; some may be gone or settled.
  Pace logins_;
  GatewayStats stats_;
  std::shared_ptr<Gateway*> self_;  ///< null once destroyed, for posts that come later
};

}  // namespace muster::gateway
