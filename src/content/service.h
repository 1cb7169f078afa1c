// SPDX-License-Identifier: Apache-2.0
//
// Service is a Repeater at work: it keeps the time, has objects hashed on a thread of its
// own, and fetches from upstream what its store does not have.
//
// Lives on one loop. Upstream is a function, since a server has none.
#pragma once

#include <functional>
#include <memory>

#include "content/fetcher.h"
#include "content/repeater.h"
#include "runtime/loop.h"
#include "runtime/worker_pool.h"

namespace muster::content {

/// What carries frames to clients; see RepeaterPort.
class ServicePort {
 public:
  virtual ~ServicePort() = default;
  virtual std::string encode(const wire::ContentData& data) = 0;
  virtual void send(ClientId client, std::string_view frame) = 0;
  /// Told in a turn of the loop of its own.
  virtual void stalled(ClientId client) = 0;
};

class Service final : private RepeaterPort {
 public:
  /// Gets what the store does not have; `done` comes once, later.
  using Fetch = std::function<void(const ContentId&, Fetcher::Done done)>;

  /// `store` must be thread-safe. Without `fetch` what it lacks does not exist.
  Service(runtime::Loop& loop, std::shared_ptr<Store> store, ServicePort& port,
          RepeaterOptions options, Fetch fetch = {});
  ~Service() override;

  void request(ClientId client, const wire::ContentRequest& request);
  void gone(ClientId client);
  /// So many bytes wait for this client's socket.
  void taken(ClientId client, std::size_t bytes_left);
  /// From now on.
  void set_rates(RepeaterRates rates);
  RepeaterStats stats() const { return repeater_.stats(); }

 private:
  std::string encode(const wire::ContentData& data) override { return port_.encode(data); }
  void send(ClientId client, std::string_view frame) override { port_.send(client, frame); }
  void load(const ContentId& id) override;
  void stalled(ClientId client) override;
  void opened(const ContentId& id, core::Result<ObjectPtr> object);
  void loaded(const ContentId& id, core::Result<ObjectPtr> object);
  void arm();

  runtime::Loop& loop_;
  std::shared_ptr<Store> store_;
  ServicePort& port_;
  Fetch fetch_;
  Repeater repeater_;
  runtime::Timer timer_;
  core::MonoTime armed_for_ = core::MonoTime::max();
  std::shared_ptr<Service*> self_;  // null once destroyed, for answers that come later
  std::unique_ptr<runtime::WorkerPool> hashing_;  // its thread starts with the first load
};

}  // namespace muster::content
