// SPDX-License-Identifier: Apache-2.0
//
// Repeater is the serving side of content: a gateway's towards its endpoints, a server's
// towards its gateways (docs/protocols/content.md).
//
// Many ask for the same at once. The object is loaded once, whoever asks meanwhile waits
// for that; then pieces go out in turn, one per client and turn, read when a link has room
// for them. So what waits costs a few numbers and not its bytes: 5,000 endpoints that ask
// for 5 MB cost no more than `budget_bytes`. Clients in step share the encoded piece.
//
// Pure logic: requests and time come in; encoded frames, and questions for objects, go out
// through RepeaterPort. Not thread-safe.
//
// REQUIRES: the port does not call back from inside a call.
// Invariant: bytes handed to links and not taken never exceed `budget_bytes`.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "content/limits.h"
#include "content/ports.h"
#include "content/token_bucket.h"
#include "core/clock.h"
#include "link.pb.h"

namespace muster::content {

/// One link, by its number; never used for another one.
using ClientId = std::uint64_t;

class RepeaterPort {
 public:
  virtual ~RepeaterPort() = default;
  /// The frame of this message on these links.
  virtual std::string encode(const wire::ContentData& data) = 0;
  /// Queues one frame for this client. taken() follows when its socket has room again.
  virtual void send(ClientId client, std::string_view frame) = 0;
  /// Gets this object, verified anew, from the store or from upstream; loaded() follows,
  /// once. Never asked for twice at a time.
  virtual void load(const ContentId& id) = 0;
  /// This client takes nothing: end its link.
  virtual void stalled(ClientId client) = 0;
};

/// Bytes a second; 0: no limit.
struct RepeaterRates {
  std::uint64_t together = 0;  ///< to all clients
  std::uint64_t each = 0;      ///< to one client
};

struct RepeaterOptions {
  RepeaterRates rates = {};
  std::size_t budget_bytes = kServeBudgetBytes;
  std::size_t client_bytes = kClientBytesMax;
  std::size_t open_objects_max = kOpenObjectsMax;
};

/// Counters since the start, but for the last three, which are as of now.
struct RepeaterStats {
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;
  std::uint64_t loads = 0;
  std::uint64_t pieces = 0;
  std::uint64_t bytes = 0;
  std::uint64_t stalled = 0;
  std::size_t open_objects = 0;
  std::size_t waiting = 0;  ///< requests
  std::size_t in_flight_bytes = 0;
};

class Repeater {
 public:
  Repeater(RepeaterPort& port, RepeaterOptions options, core::MonoTime now);
  ~Repeater();
  Repeater(const Repeater&) = delete;
  Repeater& operator=(const Repeater&) = delete;

  /// REQUIRES: the digest has 32 bytes (the link has checked it).
  void request(ClientId client, const wire::ContentRequest& request, core::MonoTime now);
  /// The client's link is over.
  void gone(ClientId client);
  /// So many bytes of ours still wait for this client's socket.
  void taken(ClientId client, std::size_t bytes_left, core::MonoTime now);
  /// The answer to load().
  void loaded(const ContentId& id, core::Result<ObjectPtr> object, core::MonoTime now);
  /// From now on.
  void set_rates(RepeaterRates rates, core::MonoTime now);
  /// Sends what may be sent. Call at deadline() or later; earlier calls do no harm.
  void tick(core::MonoTime now);
  core::MonoTime deadline() const;

  RepeaterStats stats() const;

 private:
  /// The rest of a range.
  struct Request {
    ContentId id;
    std::uint64_t next = 0;
    std::uint64_t end = 0;
  };
  /// Exists while it asks for something or something of ours waits for its socket.
  struct Client {
    std::deque<Request> requests;
    std::size_t in_flight = 0;
    core::MonoTime moved{};  // its socket took something, or had nothing to take
    bool in_ring = false;
  };
  enum class State : std::uint8_t { kLoading, kReady, kFailed };
  struct Entry {
    State state = State::kLoading;
    ObjectPtr object;               // while ready
    core::Error error;              // once failed
    std::size_t users = 0;          // requests
    std::vector<ClientId> waiting;  // for the end of loading; some may be gone
    core::MonoTime idle_since{};
    core::MonoTime recheck_after{};
  };
  struct Piece {
    ContentId id;
    std::uint64_t offset = 0;
    std::size_t bytes = 0;
    std::string frame;
  };
  enum class Turn : std::uint8_t { kServed, kNothing, kTooFast, kParked };

  Entry* attach(ClientId number, const ContentId& id);
  void detach(const ContentId& id);
  void suspect(const ContentId& id);
  void load(const ContentId& id, Entry& entry);
  void fail(const ContentId& id, Entry& entry, core::Error error);
  void reload(const ContentId& id, Entry& entry, const core::Error& why);
  bool make_seat();
  void enter_ring(ClientId number, Client& client);
  void pump();
  void unpark();
  bool may_send(ClientId number, std::size_t bytes, Turn& turn);
  Turn serve(ClientId number, Client& client);
  Turn serve_piece(ClientId number, Client& client, Entry& entry);
  core::Result<const std::string*> piece(const Object& object, std::uint64_t offset,
                                         std::size_t bytes);
  void forget_pieces(const ContentId& id);
  void finish_request(Client& client);
  void hand_over(ClientId number, Client& client, std::string_view frame);
  void refuse(ClientId number, const ContentId& id, const core::Error& error);
  void answer_failed();
  void fail_request(ClientId number, const ContentId& id);
  void answer(ClientId number, const ContentId& id, const core::Error& error);
  void drop_if_idle(ClientId number);
  void sweep();
  bool has_budget() const;

  RepeaterPort& port_;
  const RepeaterOptions options_;
  std::uint64_t each_rate_;
  TokenBucket bucket_;
  /// Of clients, where each is limited; without one it is full. They outlive what a client asks
  /// for, or one that asks for many small things would never wait.
  std::unordered_map<ClientId, TokenBucket> own_buckets_;
  /// Clients that were too fast, and when they may go on; some may be gone.
  std::set<std::pair<core::MonoTime, ClientId>> parked_;
  core::MonoTime now_;
  core::MonoTime next_sweep_;
  std::unordered_map<ClientId, Client> clients_;
  std::unordered_map<ContentId, Entry> entries_;
  std::deque<ClientId> ring_;                                // whose turn is next; some may be gone
  std::deque<std::pair<core::MonoTime, ContentId>> failed_;  // when to answer
  std::deque<Piece> pieces_;
  std::size_t piece_bytes_ = 0;
  std::size_t loading_ = 0;
  std::size_t ready_ = 0;
  std::size_t requests_ = 0;
  std::size_t in_flight_ = 0;
  RepeaterStats stats_;
};

}  // namespace muster::content
