// SPDX-License-Identifier: Apache-2.0
//
// A server, a gateway and its endpoints in one process, on the real Fetcher and Repeater,
// with links that break and disks that lose and damage what they keep. All from a seed.
#pragma once

#include <deque>
#include <fstream>
#include <functional>
#include <set>

#include "content/cache.h"
#include "content/fetcher.h"
#include "content/repeater.h"
#include "content/tests/fakes.h"

namespace muster::content::testing {

/// A place for objects that things happen to.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual Store& store() = 0;
  virtual void wipe() = 0;
  /// One byte of one object changes, in place.
  virtual void damage(core::Random& random) = 0;
};

class MemoryDisk final : public Disk {
 public:
  Store& store() override { return store_; }
  MemoryStore& memory() { return store_; }
  void wipe() override { store_.objects.clear(); }
  void damage(core::Random& random) override {
    if (store_.objects.empty()) return;
    auto object =
        std::next(store_.objects.begin(), static_cast<long>(random.below(store_.objects.size())));
    if (!object->second->empty()) (*object->second)[random.below(object->second->size())] ^= 1;
  }

 private:
  MemoryStore store_;
};

class CacheDisk final : public Disk {
 public:
  explicit CacheDisk(std::uint64_t bytes_max)
      : cache_(std::move(*Cache::open_folder({.folder = folder_.path(), .bytes_max = bytes_max}))) {
  }
  Cache& store() override { return *cache_; }
  void wipe() override { std::filesystem::remove_all(folder_.path()); }
  void damage(core::Random& random) override {
    const auto ids = cache_->list();
    if (ids.empty()) return;
    const auto path = folder_.path() / "objects" / ids[random.below(ids.size())].str();
    const auto size = std::filesystem::file_size(path);
    if (size == 0) return;
    std::filesystem::permissions(path, std::filesystem::perms::owner_write,
                                 std::filesystem::perm_options::add);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto at = static_cast<std::streamoff>(random.below(size));
    file.seekg(at);
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(at);
    file.put(byte);
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<Cache> cache_;
};

struct Clock {
  core::MonoTime now = at(0s);
};

/// One link: what is under way arrives in order, or is lost with the link.
class Wire {
 public:
  Wire(Clock& clock, core::Random& random) : clock_(clock), random_(random) {}
  void push(std::size_t bytes, std::function<void()> arrive) {
    last_ = std::max(last_, clock_.now) + std::chrono::microseconds(random_.below(20'000));
    under_way_.push_back({last_, bytes, std::move(arrive)});
    bytes_ += bytes;
  }
  void cut() {
    under_way_.clear();
    bytes_ = 0;
  }
  core::MonoTime deadline() const {
    return under_way_.empty() ? core::MonoTime::max() : under_way_.front().at;
  }
  bool deliver_due() {
    if (deadline() > clock_.now) return false;
    const auto message = std::move(under_way_.front());
    under_way_.pop_front();
    bytes_ -= message.bytes;
    message.arrive();
    return true;
  }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Message {
    core::MonoTime at;
    std::size_t bytes;
    std::function<void()> arrive;
  };
  Clock& clock_;
  core::Random& random_;
  core::MonoTime last_{};
  std::size_t bytes_ = 0;
  std::deque<Message> under_way_;
};

/// Who answers: a store, and where it lacks something perhaps a fetcher.
class Serving : public RepeaterPort {
 public:
  Serving(Clock& clock, Store& store)
      : clock_(clock), store_(store), repeater_(*this, {}, clock.now) {}

  std::function<void(ClientId, std::string)> to_client;
  /// Where there is something upstream; `done` is called later.
  std::function<void(const ContentId&, Fetcher::Done)> fetch;

  std::string encode(const wire::ContentData& data) override { return data.SerializeAsString(); }
  void send(ClientId client, std::string_view frame) override {
    to_client(client, std::string(frame));
  }
  void load(const ContentId& id) override {
    MUSTER_ASSERT(loading_.insert(id).second);
    to_load_.push_back(id);
  }
  void stalled(ClientId) override {}

  core::MonoTime deadline() const { return to_load_.empty() ? repeater_.deadline() : clock_.now; }
  void tick() {
    for (const ContentId& id : std::exchange(to_load_, {})) {
      auto object = store_.open(id);
      if (object || !fetch)
        loaded(id, std::move(object));
      else
        fetch(id, [this, id](core::Result<ObjectPtr> result) { loaded(id, std::move(result)); });
    }
    repeater_.tick(clock_.now);
  }
  Repeater& repeater() { return repeater_; }

 private:
  void loaded(const ContentId& id, core::Result<ObjectPtr> object) {
    loading_.erase(id);
    repeater_.loaded(id, std::move(object), clock_.now);
  }

  Clock& clock_;
  Store& store_;
  std::set<ContentId> loading_;
  std::vector<ContentId> to_load_;
  Repeater repeater_;
};

/// Who asks, over one link at a time, a Serving.
class Asking : public FetcherPort {
 public:
  Asking(Clock& clock, core::Random& random, Store& store, FetcherOptions options)
      : clock_(clock),
        up_(clock, random),
        down_(clock, random),
        fetcher_(*this, store, options, clock.now) {}

  void connect(Serving& serving, ClientId client) {
    serving_ = &serving;
    client_ = client;
    fetcher_.connected(clock_.now);
  }
  void disconnect() {
    if (serving_ == nullptr) return;
    up_.cut();
    down_.cut();
    serving_->repeater().gone(client_);
    serving_ = nullptr;
    fetcher_.disconnected();
  }
  /// What the serving side sends to this client.
  void from_server(const std::string& frame) {
    down_.push(frame.size(), [this, frame] {
      wire::ContentData data;
      MUSTER_ASSERT(data.ParseFromString(frame));
      serving_->repeater().taken(client_, down_.bytes(), clock_.now);
      fetcher_.receive(data, clock_.now);
    });
  }
  void request(const wire::ContentRequest& request) override {
    up_.push(64, [this, request] { serving_->repeater().request(client_, request, clock_.now); });
  }

  bool connected() const { return serving_ != nullptr; }
  ClientId client() const { return client_; }
  core::MonoTime deadline() const {
    return std::min({up_.deadline(), down_.deadline(), fetcher_.deadline()});
  }
  void tick() {
    while (up_.deliver_due() || down_.deliver_due()) {
    }
    if (fetcher_.deadline() <= clock_.now) fetcher_.tick(clock_.now);
  }
  Fetcher& fetcher() { return fetcher_; }

 private:
  Clock& clock_;
  Wire up_, down_;
  Serving* serving_ = nullptr;
  ClientId client_ = 0;
  Fetcher fetcher_;
};

}  // namespace muster::content::testing
