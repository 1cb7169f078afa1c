// SPDX-License-Identifier: Apache-2.0
#include "content/repeater.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "content/tests/fakes.h"

namespace muster::content {
namespace {

using core::Code;
using testing::at;
using testing::bytes_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class RepeaterTest : public ::testing::Test, public RepeaterPort {
 protected:
  testing::MemoryStore store_;
  std::unique_ptr<Repeater> repeater_ =
      std::make_unique<Repeater>(*this, RepeaterOptions{}, at(0s));
  std::vector<ContentId> loads_;
  std::map<ClientId, std::map<ContentId, std::string>> got_;
  std::map<ClientId, std::size_t> waiting_;  // for the socket
  std::vector<std::pair<ClientId, wire::ContentData>> sent_;
  std::vector<wire::ContentData> errors_;
  std::vector<ClientId> stalled_;
  int encoded_ = 0;

  void with(RepeaterOptions options) {
    repeater_ = std::make_unique<Repeater>(*this, options, at(0s));
  }
  std::string encode(const wire::ContentData& data) override {
    ++encoded_;
    return data.SerializeAsString();
  }
  void send(ClientId client, std::string_view frame) override {
    wire::ContentData data;
    ASSERT_TRUE(data.ParseFromArray(frame.data(), static_cast<int>(frame.size())));
    waiting_[client] += frame.size();
    if (!data.error().empty()) {
      errors_.push_back(data);
      return;
    }
    std::string& bytes = got_[client][*ContentId::from_bytes(data.digest())];
    ASSERT_EQ(data.offset(), bytes.size());
    bytes += data.data();
    sent_.emplace_back(client, std::move(data));
  }
  void load(const ContentId& id) override { loads_.push_back(id); }
  void stalled(ClientId client) override { stalled_.push_back(client); }

  void request(ClientId client, const ContentId& id, std::uint64_t offset = 0,
               std::uint32_t bytes = 0, bool damaged = false, core::MonoTime now = at(0s)) {
    wire::ContentRequest request;
    request.set_digest(std::string(id.bytes()));
    request.set_offset(offset);
    request.set_bytes_max(bytes);
    request.set_damaged(damaged);
    repeater_->request(client, request, now);
  }
  void load_all(core::MonoTime now = at(0s)) {
    for (const ContentId& id : std::exchange(loads_, {}))
      repeater_->loaded(id, store_.open(id), now);
  }
  void take(ClientId client, core::MonoTime now = at(0s)) {
    waiting_[client] = 0;
    repeater_->taken(client, 0, now);
  }
  /// Everything that this client got.
  std::string got(ClientId client) {
    std::string all;
    for (const auto& [id, bytes] : got_[client]) all += bytes;
    return all;
  }
  /// Until nothing waits for a socket.
  void take_all(core::MonoTime now = at(0s)) {
    for (bool more = true; std::exchange(more, false);)
      for (const auto& [client, bytes] : std::map(waiting_))
        if (bytes > 0) {
          take(client, now);
          more = true;
        }
  }
};

TEST_F(RepeaterTest, ServesRangesInPieces) {
  const std::string bytes = bytes_of(300'000, 1);
  const ContentId id = store_.add(bytes);
  request(7, id, 0, 200'000);
  load_all();
  take_all();
  EXPECT_EQ(got(7), bytes.substr(0, 200'000));
  EXPECT_EQ(sent_.front().second.total_bytes(), 300'000U);
  request(7, id, 200'000, 200'000);
  take_all();
  EXPECT_EQ(got(7), bytes);
  EXPECT_EQ(repeater_->stats().loads, 1U);
  EXPECT_EQ(repeater_->stats().waiting, 0U);
  EXPECT_EQ(repeater_->stats().in_flight_bytes, 0U);
}

TEST_F(RepeaterTest, ServesNothingAsAnObjectToo) {
  const ContentId id = store_.add("");
  request(7, id);
  load_all();
  ASSERT_EQ(sent_.size(), 1U);
  EXPECT_EQ(sent_[0].second.total_bytes(), 0U);
}

TEST_F(RepeaterTest, ARangeIsExtendedOrReplaced) {
  const std::string bytes = bytes_of(400'000, 1);
  const ContentId id = store_.add(bytes);
  request(7, id, 0, 100'000);
  request(7, id, 100'000, 100'000);  // before the first byte
  load_all();
  take_all();
  EXPECT_EQ(got(7), bytes.substr(0, 200'000));
  request(7, id, 200'000, 50'000);
  got_[7].clear();
  request(7, id, 0, 100'000);  // begins again; two pieces of the other range may be on their way
  take_all();
  EXPECT_EQ(got(7), bytes.substr(0, 100'000));
}

TEST_F(RepeaterTest, LoadsOnceForAll) {
  const ContentId id = store_.add(bytes_of(100'000, 1));
  for (ClientId client = 1; client <= 50; ++client) request(client, id);
  EXPECT_THAT(loads_, ElementsAre(id));
  load_all();
  for (ClientId client = 51; client <= 100; ++client) request(client, id);
  take_all();
  EXPECT_TRUE(loads_.empty());
  for (ClientId client = 1; client <= 100; ++client) EXPECT_EQ(got(client).size(), 100'000U);
  EXPECT_LE(encoded_, 4);  // clients in step share the encoded piece
}

TEST_F(RepeaterTest, MemoryDoesNotGrowWithClients) {
  with({.budget_bytes = 1024 * 1024});
  const std::string bytes = bytes_of(1'000'000, 1);
  const ContentId id = store_.add(bytes);
  for (ClientId client = 1; client <= 200; ++client) request(client, id, 0, 500'000);
  load_all();
  core::Random random(1);
  for (int turn = 0; turn < 100'000 && repeater_->stats().waiting > 0; ++turn) {
    EXPECT_LE(repeater_->stats().in_flight_bytes, 1024U * 1024U);
    take(1 + random.below(200));
  }
  for (ClientId client = 1; client <= 200; ++client)
    EXPECT_EQ(got(client), bytes.substr(0, 500'000));
}

TEST_F(RepeaterTest, ClientsAreServedInTurn) {
  const ContentId big = store_.add(bytes_of(500'000, 1));
  const ContentId other = store_.add(bytes_of(500'000, 2));
  const ContentId small = store_.add("small");
  request(1, big);
  request(1, other);
  load_all();
  request(2, small);
  load_all();
  take(1);
  take(2);
  EXPECT_EQ(got(2), "small");  // not behind a megabyte of somebody else
  EXPECT_LE(repeater_->stats().bytes, 5U * kPieceBytes);
}

TEST_F(RepeaterTest, WhoIsMissingIsToldLaterAndAskedForOnce) {
  const ContentId id = ContentId::of("nobody has it");
  request(1, id);
  request(2, id);
  load_all(at(1s));
  request(3, id, 0, 0, false, at(1500ms));
  EXPECT_TRUE(loads_.empty());
  EXPECT_TRUE(errors_.empty());
  EXPECT_EQ(repeater_->deadline(), std::min(at(1s) + kMissPause, repeater_->deadline()));
  repeater_->tick(at(1s) + kMissPause);
  ASSERT_EQ(errors_.size(), 3U);
  EXPECT_EQ(errors_[0].error_code(), "not_found");
  EXPECT_EQ(repeater_->stats().waiting, 0U);
  request(1, id, 0, 0, false, at(3s));
  EXPECT_EQ(loads_.size(), 1U);  // it may have been published meanwhile
}

TEST_F(RepeaterTest, WhatMayPassIsUnavailable) {
  const ContentId id = ContentId::of("x");
  request(1, id);
  repeater_->loaded(id, core::fail(Code::kTimeout, "the server is away"), at(0s));
  repeater_->tick(at(2s));
  ASSERT_EQ(errors_.size(), 1U);
  EXPECT_EQ(errors_[0].error_code(), "unavailable");
  EXPECT_EQ(errors_[0].error(), "the server is away");
  EXPECT_GT(errors_[0].retry_after_ms(), 0U);
}

TEST_F(RepeaterTest, AComplaintHasTheObjectHashedAgainOnceInAWhile) {
  const ContentId id = store_.add(bytes_of(100'000, 1));
  request(1, id);
  load_all();
  take_all();
  got_.clear();
  request(1, id, 0, 0, true, at(10s));
  EXPECT_EQ(loads_.size(), 1U);
  EXPECT_TRUE(got_.empty());
  load_all(at(10s));
  take_all(at(10s));
  EXPECT_EQ(got(1).size(), 100'000U);
  request(2, id, 0, 0, true, at(11s));
  EXPECT_TRUE(loads_.empty());
  request(3, id, 0, 0, true, at(10s) + kRecheckPause);
  EXPECT_EQ(loads_.size(), 1U);
}

TEST_F(RepeaterTest, AFileThatShrinksIsLoadedAgain) {
  const std::string bytes = bytes_of(500'000, 1);
  const ContentId id = store_.add(bytes);
  request(1, id);
  request(2, id);
  load_all();
  store_.objects[id]->resize(200'000);
  take_all();
  EXPECT_LT(got(1).size(), 300'000U);
  ASSERT_EQ(loads_.size(), 1U);  // one load, although two have found out
  store_.add(bytes);
  load_all();
  take_all();
  EXPECT_EQ(got(1), bytes);
  EXPECT_EQ(got(2), bytes);
}

TEST_F(RepeaterTest, AReloadThatFailsIsToldToThoseInTheMiddle) {
  // Once, clients whose link had no room were forgotten and read an entry that was gone.
  const ContentId id = store_.add(bytes_of(500'000, 1));
  request(1, id);
  request(2, id);
  load_all();
  store_.objects[id]->clear();
  take(1);
  take(1);
  ASSERT_EQ(loads_.size(), 1U);
  store_.objects.clear();
  load_all();
  repeater_->tick(at(2s));
  EXPECT_EQ(repeater_->stats().waiting, 0U);
  EXPECT_EQ(errors_.size(), 2U);
}

TEST_F(RepeaterTest, WhoDoesNotReadIsNotAnsweredForEver) {
  const ContentId id = store_.add("x");
  request(1, id);
  load_all();
  for (int i = 0; i < 10'000; ++i) request(1, id, 5, 1);
  EXPECT_LE(repeater_->stats().in_flight_bytes, kClientBytesMax);
  EXPECT_LT(errors_.size(), 5'000U);
  EXPECT_LE(repeater_->stats().waiting, 1U);
}

TEST_F(RepeaterTest, WhoTakesNothingIsCutOff) {
  const ContentId id = store_.add(bytes_of(500'000, 1));
  request(1, id);
  request(2, id);
  load_all();
  take(2, at(20s));
  repeater_->tick(at(0s) + kServeStall);
  EXPECT_THAT(stalled_, ElementsAre(1));
  repeater_->gone(1);
  EXPECT_LE(repeater_->stats().in_flight_bytes, kClientBytesMax);
  take_all(at(31s));
  EXPECT_EQ(got(2).size(), 500'000U);
}

TEST_F(RepeaterTest, WhoIsGoneLeavesNothing) {
  const ContentId id = store_.add(bytes_of(500'000, 1));
  request(1, id);
  request(2, ContentId::of("missing"));
  repeater_->gone(2);
  load_all();
  repeater_->gone(1);
  repeater_->gone(1);
  repeater_->tick(at(2s));
  EXPECT_TRUE(errors_.empty());
  const auto stats = repeater_->stats();
  EXPECT_EQ(stats.waiting, 0U);
  EXPECT_EQ(stats.in_flight_bytes, 0U);
  repeater_->tick(at(1h));
  EXPECT_EQ(repeater_->stats().open_objects, 0U);
  EXPECT_EQ(repeater_->deadline(), core::MonoTime::max());
}

TEST_F(RepeaterTest, TooManyRequestsOfAClientAreRefused) {
  for (std::size_t i = 0; i <= kRequestsPerClientMax; ++i)
    request(1, ContentId::of(std::to_string(i)));
  ASSERT_EQ(errors_.size(), 1U);
  EXPECT_EQ(errors_[0].error_code(), "limit");
  EXPECT_EQ(repeater_->stats().refused, 1U);
  EXPECT_EQ(loads_.size(), kRequestsPerClientMax);
}

TEST_F(RepeaterTest, TooManyLoadsAreRefused) {
  for (std::size_t i = 0; i <= kFetchesMax; ++i)
    request(1 + i / kRequestsPerClientMax, ContentId::of(std::to_string(i)));
  ASSERT_EQ(errors_.size(), 1U);
  EXPECT_EQ(errors_[0].error_code(), "unavailable");
}

TEST_F(RepeaterTest, IdleObjectsMakeRoomBusyOnesDoNot) {
  with({.open_objects_max = 2});
  const ContentId a = store_.add(bytes_of(1'000'000, 1));
  const ContentId b = store_.add("b");
  const ContentId c = store_.add("c");
  request(1, a);
  load_all();
  request(2, b);
  load_all();
  take(2);
  request(3, c);
  load_all();
  EXPECT_EQ(got(3), "c");  // b was idle
  take(1);
  request(1, c, 1, 10);  // beyond its end
  take(1);
  ASSERT_EQ(errors_.size(), 1U);
  EXPECT_EQ(errors_[0].error_code(), "invalid");
  with({.open_objects_max = 1});
  loads_.clear();
  got_.clear();
  request(1, a);
  load_all();
  request(2, b);
  load_all();
  repeater_->tick(at(2s));
  EXPECT_EQ(errors_.back().error_code(), "unavailable");
}

TEST_F(RepeaterTest, HoldsTheRate) {
  with({.rates = {.together = 1'000'000}});
  const ContentId id = store_.add(bytes_of(1'000'000, 1));
  for (ClientId client = 1; client <= 10; ++client) request(client, id, 0, 500'000);
  load_all();
  core::MonoTime now = at(0s);
  for (int turn = 0; turn < 10'000 && repeater_->stats().waiting > 0; ++turn) {
    take_all(now);
    const auto allowed = 1'000'000 * (now - at(0s)) / 1s + 200'000;
    EXPECT_LE(repeater_->stats().bytes, static_cast<std::uint64_t>(allowed));
    if (repeater_->stats().waiting > 0) now = std::max(now, repeater_->deadline());
    repeater_->tick(now);
  }
  EXPECT_EQ(repeater_->stats().bytes, 5'000'000U);
  EXPECT_GE(now, at(4500ms));
  EXPECT_LE(now, at(5500ms));
}

// One far line is thin; the others need not wait for it.
TEST_F(RepeaterTest, HoldsTheRateOfEachClient) {
  with({.rates = {.together = 3'000'000, .each = 1'000'000}});
  const ContentId id = store_.add(bytes_of(1'000'000, 1));
  for (ClientId client = 1; client <= 2; ++client) request(client, id, 0, 500'000);
  load_all();
  core::MonoTime now = at(0s);
  for (int turn = 0; turn < 10'000 && repeater_->stats().waiting > 0; ++turn) {
    take_all(now);
    const auto allowed = static_cast<std::uint64_t>(1'000'000 * (now - at(0s)) / 1s + 110'000);
    for (ClientId client = 1; client <= 2; ++client) EXPECT_LE(got_[client][id].size(), allowed);
    if (repeater_->stats().waiting > 0) now = std::max(now, repeater_->deadline());
    repeater_->tick(now);
  }
  EXPECT_EQ(repeater_->stats().bytes, 1'000'000U);
  EXPECT_GE(now, at(350ms));
  EXPECT_LE(now, at(650ms));
}

// A client of many small objects has nothing open between two of them: it is limited still.
TEST_F(RepeaterTest, TheRateOfAClientOutlivesWhatItAsksFor) {
  with({.rates = {.each = 100'000}});
  core::MonoTime now = at(0s);
  std::vector<ContentId> ids;
  for (std::uint64_t i = 0; i < 10; ++i) ids.push_back(store_.add(bytes_of(50'000, i)));
  for (const ContentId& id : ids) {
    request(1, id, 0, 0, false, now);
    load_all();
    for (int turn = 0; turn < 1000 && repeater_->stats().waiting > 0; ++turn) {
      take_all(now);
      if (repeater_->stats().waiting > 0) now = std::max(now, repeater_->deadline());
      repeater_->tick(now);
    }
    take_all(now);
  }
  EXPECT_EQ(repeater_->stats().bytes, 500'000U);
  EXPECT_GE(now, at(4s));
  EXPECT_LE(now, at(5s));
}

TEST_F(RepeaterTest, ANewRateHoldsAtOnce) {
  with({.rates = {.each = 1}});
  const ContentId id = store_.add(bytes_of(400'000, 1));
  request(1, id, 0, 400'000);
  load_all();
  take_all(at(0s));
  EXPECT_LE(repeater_->stats().bytes, 2 * kPieceBytes);
  repeater_->set_rates({}, at(1s));
  for (int turn = 0; turn < 20; ++turn) take_all(at(1s));
  EXPECT_EQ(repeater_->stats().bytes, 400'000U);
}

TEST_F(RepeaterTest, ALongAnswerIsSentInSeveralTurns) {
  const ContentId id = store_.add(bytes_of(500'000, 1));
  for (ClientId client = 1; client <= 100; ++client) request(client, id);
  load_all();
  EXPECT_LE(repeater_->stats().bytes, kPumpBytesMax + kPieceBytes);
  EXPECT_LE(repeater_->deadline(), at(0s));
  repeater_->tick(at(0s));
  EXPECT_GT(repeater_->stats().bytes, kPumpBytesMax + kPieceBytes);
}

}  // namespace
}  // namespace muster::content
