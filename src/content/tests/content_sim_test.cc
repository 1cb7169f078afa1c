// SPDX-License-Identifier: Apache-2.0
//
// Whole deliveries by seed: links break, machines restart, disks are wiped and damaged,
// in any order. Whoever wants an object gets its verified bytes or an error, and the
// server sends each object to the gateway once for each time that the gateway lost it.
#include <gtest/gtest.h>

#include "content/tests/sim_world.h"

namespace muster::content {
namespace {

using namespace testing;

constexpr std::size_t kEndpoints = 12;
constexpr std::size_t kObjects = 6;

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    if (seed % 2 == 1)
      gateway_disk_ = std::make_unique<CacheDisk>(64 * 1024 * 1024);
    else
      gateway_disk_ = std::make_unique<MemoryDisk>();
    for (std::size_t i = 0; i < kObjects; ++i)
      objects_.push_back(server_disk_.memory().add(
          bytes_of(i == 0 ? 0 : random_.below(i % 2 == 0 ? 5'000 : 1'500'000), seed * 100 + i)));
    server_ = std::make_unique<Serving>(clock_, server_disk_.store());
    server_->to_client = [this](ClientId client, const std::string& frame) {
      if (upstream_ && upstream_->client() == client) upstream_->from_server(frame);
    };
    start_gateway();
    endpoints_.resize(kEndpoints);
    for (Endpoint& endpoint : endpoints_) start_endpoint(endpoint);
  }

  ~World() {
    for (Endpoint& endpoint : endpoints_) endpoint.asking->disconnect();
    upstream_->disconnect();
  }

  void want(std::size_t endpoint, const ContentId& id, core::Duration patience = 60s) {
    Endpoint& who = endpoints_[endpoint];
    if (auto there = who.disk->store().open(id)) {
      EXPECT_EQ(ContentId::of(all_of(**there)), id);
      return;
    }
    ++wanted_;
    ++who.open_wants;
    const auto life = who.life;
    who.asking->fetcher().want(id, {}, clock_.now + patience, clock_.now,
                               [this, &who, life, id](core::Result<ObjectPtr> result) {
                                 ASSERT_EQ(life, who.life);
                                 --who.open_wants;
                                 if (!result) {
                                   ++failed_;
                                   return;
                                 }
                                 ++succeeded_;
                                 EXPECT_EQ((*result)->id(), id);
                                 EXPECT_EQ(ContentId::of(all_of(**result)), id);
                               });
  }

  /// Lets time pass, with faults where `faults` says so.
  void run(core::Duration duration, bool faults) {
    const core::MonoTime end = clock_.now + duration;
    while (clock_.now < end) {
      core::MonoTime next = end;
      if (faults) next = std::min(next, clock_.now + std::chrono::milliseconds(random_.below(200)));
      next = std::min({next, server_->deadline(), gateway_->deadline(), upstream_->deadline()});
      for (const Endpoint& endpoint : endpoints_)
        next = std::min(next, endpoint.asking->deadline());
      clock_.now = std::max(clock_.now, next);
      tick();
      if (faults && random_.below(20) == 0) something_happens();
      if (faults && random_.below(4) == 0)
        want(random_.below(kEndpoints), any_object(), std::chrono::seconds(random_.below(40)));
    }
  }

  /// Every link is up.
  void heal() {
    if (!upstream_->connected()) upstream_->connect(*server_, ++last_client_);
    for (Endpoint& endpoint : endpoints_)
      if (!endpoint.asking->connected()) endpoint.asking->connect(*gateway_, ++last_client_);
  }

  const std::vector<ContentId>& objects() const { return objects_; }
  std::size_t wanted() const { return wanted_; }
  std::size_t succeeded() const { return succeeded_; }
  std::size_t failed() const { return failed_; }
  std::size_t forgotten() const { return forgotten_; }
  std::uint64_t upstream_bytes() const { return server_->repeater().stats().bytes; }
  std::uint64_t bytes_of_all_objects() {
    std::uint64_t bytes = 0;
    for (const auto& [id, object] : server_disk_.memory().objects) bytes += object->size();
    return bytes;
  }
  /// What the gateway got from the server, and how often it lost something.
  std::size_t fetches() const { return fetches_; }
  std::size_t losses() const { return losses_; }
  Serving& gateway() { return *gateway_; }

 private:
  struct Endpoint {
    std::unique_ptr<MemoryDisk> disk = std::make_unique<MemoryDisk>();
    std::unique_ptr<Asking> asking;
    int life = 0;
    std::size_t open_wants = 0;
  };

  const ContentId& any_object() { return objects_[random_.below(objects_.size())]; }

  void start_endpoint(Endpoint& endpoint) {
    ++endpoint.life;
    endpoint.asking =
        std::make_unique<Asking>(clock_, random_, endpoint.disk->store(), FetcherOptions{});
    endpoint.asking->connect(*gateway_, ++last_client_);
  }

  void start_gateway() {
    upstream_ = std::make_unique<Asking>(clock_, random_, gateway_disk_->store(), FetcherOptions{});
    gateway_ = std::make_unique<Serving>(clock_, gateway_disk_->store());
    gateway_->to_client = [this](ClientId client, const std::string& frame) {
      for (Endpoint& endpoint : endpoints_)
        if (endpoint.asking->connected() && endpoint.asking->client() == client)
          endpoint.asking->from_server(frame);
    };
    gateway_->fetch = [this](const ContentId& id, Fetcher::Done done) {
      upstream_->fetcher().want(id, {}, clock_.now + 30s, clock_.now,
                                [this, done](core::Result<ObjectPtr> result) {
                                  fetches_ += result ? 1 : 0;
                                  done(std::move(result));
                                });
    };
    upstream_->connect(*server_, ++last_client_);
  }

  void something_happens() {
    Endpoint& endpoint = endpoints_[random_.below(kEndpoints)];
    switch (random_.below(9)) {
      case 0:
      case 1:
        endpoint.asking->disconnect();
        break;
      case 2:
      case 3:
        heal();
        break;
      case 4:  // the agent restarts
        endpoint.asking->disconnect();
        forgotten_ += std::exchange(endpoint.open_wants, 0);
        start_endpoint(endpoint);
        break;
      case 5:
        upstream_->disconnect();
        break;
      case 6:  // the gateway restarts
        for (Endpoint& each : endpoints_) each.asking->disconnect();
        upstream_->disconnect();
        gateway_.reset();
        start_gateway();
        break;
      case 7:
        endpoint.disk->wipe();
        if (random_.below(2) == 0) break;
        gateway_disk_->wipe();
        losses_ += kObjects;
        break;
      default:
        endpoint.disk->damage(random_);
        gateway_disk_->damage(random_);
        ++losses_;
        break;
    }
  }

  void tick() {
    server_->tick();
    upstream_->tick();
    gateway_->tick();
    for (Endpoint& endpoint : endpoints_) endpoint.asking->tick();
  }

  Clock clock_;
  core::Random random_;
  MemoryDisk server_disk_;
  std::unique_ptr<Disk> gateway_disk_;
  std::vector<ContentId> objects_;
  std::unique_ptr<Serving> server_;
  std::unique_ptr<Asking> upstream_;
  std::unique_ptr<Serving> gateway_;
  std::vector<Endpoint> endpoints_;
  ClientId last_client_ = 0;
  std::size_t wanted_ = 0, succeeded_ = 0, failed_ = 0, forgotten_ = 0;
  std::size_t fetches_ = 0;
  std::size_t losses_ = 0;
};

class ContentSim : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(ContentSim, WithoutFaultsEachObjectIsSentToTheGatewayOnce) {
  World world(GetParam());
  for (const ContentId& id : world.objects()) {
    for (std::size_t endpoint = 0; endpoint < kEndpoints; ++endpoint) world.want(endpoint, id);
    world.run(1ms, false);
  }
  world.run(50s, false);
  EXPECT_EQ(world.succeeded(), kEndpoints * kObjects);
  EXPECT_EQ(world.fetches(), kObjects);
  EXPECT_EQ(world.upstream_bytes(), world.bytes_of_all_objects());
}

TEST_P(ContentSim, WhateverHappensEveryWantEndsInTheRightBytesOrAnError) {
  World world(GetParam());
  world.run(60s, true);
  world.heal();
  world.run(60s, false);
  EXPECT_EQ(world.succeeded() + world.failed() + world.forgotten(), world.wanted());
  EXPECT_GT(world.succeeded(), world.failed());
  // Once all is well again, everybody gets everything.
  const std::size_t failed = world.failed();
  for (std::size_t endpoint = 0; endpoint < kEndpoints; ++endpoint)
    for (const ContentId& id : world.objects()) world.want(endpoint, id);
  world.run(50s, false);
  EXPECT_EQ(world.failed(), failed);
  EXPECT_EQ(world.succeeded() + world.failed() + world.forgotten(), world.wanted());
  EXPECT_LE(world.fetches(), kObjects + world.losses());
  EXPECT_EQ(world.gateway().repeater().stats().waiting, 0U);
  EXPECT_EQ(world.gateway().repeater().stats().in_flight_bytes, 0U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ContentSim, ::testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace muster::content
