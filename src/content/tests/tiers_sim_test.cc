// SPDX-License-Identifier: Apache-2.0
//
// Content down a tree of gateways, by seed: the server, one upper gateway, lower ones behind it,
// endpoints behind these. Links of any tier break and gateways of any tier restart. Everybody
// gets the right bytes, one copy goes over each line, and what a break costs is bounded.
#include <gtest/gtest.h>

#include "content/tests/sim_world.h"

namespace muster::content {
namespace {

using namespace testing;

constexpr std::size_t kLowers = 3;
constexpr std::size_t kEndpoints = 4;  // of each lower one
constexpr std::size_t kObjects = 4;
/// What was under way when a link broke is sent again: a window, and the piece that was cut.
constexpr std::uint64_t kBreakCosts = kWindowBytes + kPieceBytes;

/// A gateway of any tier: it asks above, keeps, and answers below.
class Node {
 public:
  Node(Clock& clock, core::Random& random, ClientId& last_client)
      : clock_(clock), random_(random), last_client_(last_client) {
    start();
  }
  void connect(Serving& above) {
    if (!asking->connected()) asking->connect(above, ++last_client_);
  }
  /// The process ends and starts again: what was half here is gone, whole objects stay.
  void restart() {
    asking->disconnect();
    start();
  }
  void tick() {
    asking->tick();
    serving->tick();
  }
  core::MonoTime deadline() const { return std::min(asking->deadline(), serving->deadline()); }

  MemoryDisk disk;
  std::unique_ptr<Asking> asking;
  std::unique_ptr<Serving> serving;
  std::function<void(ClientId, const std::string&)> to_client;

 private:
  void start() {
    asking = std::make_unique<Asking>(clock_, random_, disk.store(), FetcherOptions{});
    serving = std::make_unique<Serving>(clock_, disk.store());
    serving->to_client = [this](ClientId client, const std::string& frame) {
      to_client(client, frame);
    };
    serving->fetch = [this](const ContentId& id, Fetcher::Done done) {
      asking->fetcher().want(id, {}, clock_.now + 1h, clock_.now, std::move(done));
    };
  }
  Clock& clock_;
  core::Random& random_;
  ClientId& last_client_;
};

class Tree {
 public:
  explicit Tree(std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < kObjects; ++i)
      objects_.push_back(
          server_disk_.memory().add(bytes_of(random_.below(3'000'000) + 1, seed * 100 + i)));
    server_ = std::make_unique<Serving>(clock_, server_disk_.store());
    server_->to_client = [this](ClientId client, const std::string& frame) {
      pass(*upper_.asking, client, frame);
    };
    upper_.to_client = [this](ClientId client, const std::string& frame) {
      for (auto& lower : lowers_) pass(*lower->asking, client, frame);
    };
    for (std::size_t i = 0; i < kLowers; ++i) {
      lowers_.push_back(std::make_unique<Node>(clock_, random_, last_client_));
      lowers_.back()->to_client = [this, i](ClientId client, const std::string& frame) {
        for (std::size_t e = 0; e < kEndpoints; ++e)
          pass(*endpoints_[i * kEndpoints + e].asking, client, frame);
      };
    }
    endpoints_.resize(kLowers * kEndpoints);
    for (Endpoint& each : endpoints_)
      each.asking = std::make_unique<Asking>(clock_, random_, each.disk->store(), FetcherOptions{});
    heal();
  }
  ~Tree() {
    for (Endpoint& each : endpoints_) each.asking->disconnect();
    for (auto& lower : lowers_) lower->asking->disconnect();
    upper_.asking->disconnect();
  }

  /// Every endpoint wants every object.
  void want_all() {
    for (Endpoint& each : endpoints_)
      for (const ContentId& id : objects_) {
        ++open_;
        each.asking->fetcher().want(id, {}, clock_.now + 1h, clock_.now,
                                    [this, id](core::Result<ObjectPtr> result) {
                                      --open_;
                                      ASSERT_TRUE(result) << result.error().message;
                                      EXPECT_EQ(ContentId::of(all_of(**result)), id);
                                      ++got_;
                                    });
      }
  }
  void heal() {
    upper_.connect(*server_);
    for (auto& lower : lowers_) lower->connect(*upper_.serving);
    for (std::size_t i = 0; i < endpoints_.size(); ++i)
      if (!endpoints_[i].asking->connected())
        endpoints_[i].asking->connect(*lowers_[i / kEndpoints]->serving, ++last_client_);
  }
  void run(core::Duration duration, bool faults) {
    const core::MonoTime end = clock_.now + duration;
    while (clock_.now < end && open_ > 0) {
      core::MonoTime next = std::min({end, server_->deadline(), upper_.deadline()});
      for (const auto& lower : lowers_) next = std::min(next, lower->deadline());
      for (const Endpoint& each : endpoints_) next = std::min(next, each.asking->deadline());
      if (faults) next = std::min(next, clock_.now + std::chrono::milliseconds(random_.below(50)));
      clock_.now = std::max(clock_.now, next);
      server_->tick();
      upper_.tick();
      for (auto& lower : lowers_) lower->tick();
      for (Endpoint& each : endpoints_) each.asking->tick();
      if (faults && random_.below(10) == 0) something_happens();
    }
  }

  std::size_t got() const { return got_; }
  std::size_t open() const { return open_; }
  std::uint64_t size() {
    std::uint64_t bytes = 0;
    for (const auto& [id, object] : server_disk_.memory().objects) bytes += object->size();
    return bytes;
  }
  std::uint64_t sent_by_server() const { return server_->repeater().stats().bytes; }
  std::uint64_t sent_by_upper() const {
    return before_restart_ + upper_.serving->repeater().stats().bytes;
  }
  std::uint64_t upper_breaks() const { return upper_breaks_; }
  std::uint64_t lower_breaks() const { return lower_breaks_; }
  std::uint64_t upper_restarts() const { return upper_restarts_; }
  std::uint64_t lower_restarts() const { return lower_restarts_; }

 private:
  struct Endpoint {
    std::unique_ptr<MemoryDisk> disk = std::make_unique<MemoryDisk>();
    std::unique_ptr<Asking> asking;
  };
  static void pass(Asking& to, ClientId client, const std::string& frame) {
    if (to.connected() && to.client() == client) to.from_server(frame);
  }
  void part(Asking& from, std::uint64_t& breaks) {
    if (!from.connected()) return;
    ++breaks;
    from.disconnect();
  }
  void cut_below_upper() {
    for (auto& lower : lowers_) part(*lower->asking, lower_breaks_);
  }
  void something_happens() {
    Node& lower = *lowers_[random_.below(kLowers)];
    std::uint64_t none = 0;
    switch (random_.below(9)) {
      case 0:
        return part(*upper_.asking, upper_breaks_);
      case 1:
      case 2:
        return part(*lower.asking, lower_breaks_);
      case 3:  // a partition: the far sites are all cut off
        return cut_below_upper();
      case 4:  // the upper one restarts
        cut_below_upper();
        part(*upper_.asking, upper_breaks_);
        ++upper_restarts_;
        before_restart_ += upper_.serving->repeater().stats().bytes;
        return upper_.restart();
      case 5:  // a lower one does
        part(*lower.asking, lower_breaks_);
        for (Endpoint& each : endpoints_) part(*each.asking, none);
        ++lower_restarts_;
        return lower.restart();
      default:
        return heal();
    }
  }

  Clock clock_;
  core::Random random_;
  ClientId last_client_ = 0;
  MemoryDisk server_disk_;
  std::vector<ContentId> objects_;
  std::unique_ptr<Serving> server_;
  Node upper_{clock_, random_, last_client_};
  std::vector<std::unique_ptr<Node>> lowers_;
  std::vector<Endpoint> endpoints_;
  std::size_t got_ = 0, open_ = 0;
  std::uint64_t before_restart_ = 0;
  std::uint64_t upper_breaks_ = 0, lower_breaks_ = 0, upper_restarts_ = 0, lower_restarts_ = 0;
};

class TiersSim : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(TiersSim, OneCopyOverEachLine) {
  Tree tree(GetParam());
  tree.want_all();
  tree.run(10min, false);
  EXPECT_EQ(tree.got(), kLowers * kEndpoints * kObjects);
  EXPECT_EQ(tree.sent_by_server(), tree.size());
  EXPECT_EQ(tree.sent_by_upper(), kLowers * tree.size());
}

TEST_P(TiersSim, WhatABreakCostsIsBounded) {
  Tree tree(GetParam());
  tree.want_all();
  tree.run(20s, true);
  tree.heal();
  tree.run(10min, false);
  EXPECT_EQ(tree.open(), 0U);
  EXPECT_EQ(tree.got(), kLowers * kEndpoints * kObjects);
  // A process that ends loses what was half there; a link that breaks, what was on its way.
  EXPECT_LE(tree.sent_by_server(), tree.size() * (1 + tree.upper_restarts()) +
                                       tree.upper_breaks() * kDownloadsMax * kBreakCosts);
  EXPECT_LE(tree.sent_by_upper(), tree.size() * (kLowers + tree.lower_restarts()) +
                                      tree.lower_breaks() * kDownloadsMax * kBreakCosts);
}

INSTANTIATE_TEST_SUITE_P(Seeds, TiersSim, ::testing::Range<std::uint64_t>(1, 7));

}  // namespace
}  // namespace muster::content
