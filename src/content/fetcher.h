// SPDX-License-Identifier: Apache-2.0
//
// Fetcher is the requesting side of content: the agent's towards its gateway, the
// gateway's towards the server (docs/protocols/content.md).
//
// Whoever needs an object wants it; all who want the same one share its download. A
// download asks for ranges, a window ahead, within the rate; it survives the link and goes
// on where it stood. At the end the digest decides: what does not match is thrown away
// and fetched once more from the start.
//
// Pure logic: time and messages come in, requests go out through FetcherPort, bytes go to
// a Store. Not thread-safe. Outlives links.
//
// REQUIRES: the port does not call back from inside a call.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "content/limits.h"
#include "content/ports.h"
#include "content/token_bucket.h"
#include "core/clock.h"
#include "link.pb.h"

namespace muster::content {

class FetcherPort {
 public:
  virtual ~FetcherPort() = default;
  /// Called only while connected. What cannot be sent is lost and asked for again.
  virtual void request(const wire::ContentRequest& request) = 0;
};

struct FetcherOptions {
  std::uint64_t bytes_per_second = 0;  ///< of all downloads together; 0: no limit
  std::size_t downloads_max = kDownloadsMax;
  std::uint64_t object_bytes_max = kObjectBytesMax;
};

/// Counters since the start.
struct FetcherStats {
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;  ///< taken over; without what was ignored
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t damaged = 0;
};

class Fetcher {
 public:
  /// Called once per want() that is not cancelled, from receive() or tick() only.
  /// It may want() and cancel().
  using Done = std::function<void(core::Result<ObjectPtr>)>;
  using Ticket = std::uint64_t;

  Fetcher(FetcherPort& port, Store& store, FetcherOptions options, core::MonoTime now);
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  /// Fetches; whoever may have the object asks its store first. `size` is what a signed
  /// package says, where one does: another size is damage. Errors: kNotFound, kTimeout
  /// (with the last reason), kCorrupt, kLimit (too many wants, too large), what the store
  /// says.
  Ticket want(const ContentId& id, std::optional<std::uint64_t> size, core::MonoTime deadline,
              core::MonoTime now, Done done);
  /// Nobody is told. A download that nobody wants ends.
  void cancel(Ticket ticket);

  /// The link is open, or over.
  void connected(core::MonoTime now);
  void disconnected();
  /// From now on; 0: no limit.
  void set_rate(std::uint64_t bytes_per_second, core::MonoTime now);
  /// A piece; what was not asked for is ignored.
  void receive(const wire::ContentData& data, core::MonoTime now);
  /// Call at deadline() or later; earlier calls do no harm.
  void tick(core::MonoTime now);
  core::MonoTime deadline() const;

  std::size_t downloads() const { return downloads_.size(); }
  std::size_t waiters() const { return waiters_.size(); }
  FetcherStats stats() const { return stats_; }

 private:
  struct Waiter {
    ContentId id;
    core::MonoTime deadline;
    Done done;
  };
  struct Download;
  using Outcome = std::pair<Done, core::Result<ObjectPtr>>;

  void take_piece(Download& download, const wire::ContentData& data);
  core::Status append(Download& download, const wire::ContentData& data);
  void complete(Download& download);
  void refused(Download& download, const wire::ContentData& data);
  void damaged(Download& download, core::Error error);
  void wait(Download& download, core::Duration pause, std::string reason);
  void end(Download& download, const core::Result<ObjectPtr>& result);
  void expire();
  std::size_t active() const;
  void pump();
  bool wants_more(const Download& download) const;
  std::uint32_t next_bytes(const Download& download) const;
  void ask(Download& download, std::uint32_t bytes);
  void deliver();
  Download* find(const ContentId& id);
  void drop_waiter(Ticket ticket);

  FetcherPort& port_;
  Store& store_;
  const FetcherOptions options_;
  TokenBucket bucket_;
  bool connected_ = false;
  core::MonoTime now_{};
  Ticket next_ticket_ = 1;
  std::vector<std::unique_ptr<Download>> downloads_;  // in the order of their turns
  std::map<Ticket, Waiter> waiters_;
  std::set<std::pair<core::MonoTime, Ticket>> deadlines_;
  std::vector<Outcome> outcomes_;  // to be told at the end of this call
  FetcherStats stats_;
};

}  // namespace muster::content
