// SPDX-License-Identifier: Apache-2.0
#include "content/fetcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "content/tests/fakes.h"

namespace muster::content {
namespace {

using core::Code;
using testing::all_of;
using testing::at;
using testing::bytes_of;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

/// The other side: answers requests from `objects`, one piece when asked to.
class Server : public FetcherPort {
 public:
  std::map<ContentId, std::string> objects;
  std::deque<wire::ContentRequest> requests;
  std::uint64_t asked_bytes = 0;

  ContentId add(std::string bytes) {
    const ContentId id = ContentId::of(bytes);
    objects[id] = std::move(bytes);
    return id;
  }
  void request(const wire::ContentRequest& request) override {
    requests.push_back(request);
    asked_bytes += request.bytes_max();
  }
  /// The next piece of the oldest range; none where nothing is asked for.
  std::optional<wire::ContentData> next() {
    if (requests.empty()) return std::nullopt;
    wire::ContentRequest& request = requests.front();
    const std::string& bytes = objects.at(*ContentId::from_bytes(request.digest()));
    wire::ContentData data;
    data.set_digest(request.digest());
    data.set_offset(request.offset());
    data.set_total_bytes(bytes.size());
    const std::size_t size = std::min<std::size_t>(request.bytes_max(), kPieceBytes);
    data.set_data(bytes.substr(request.offset(), size));
    request.set_offset(request.offset() + size);
    request.set_bytes_max(request.bytes_max() - static_cast<std::uint32_t>(size));
    if (request.bytes_max() == 0 || request.offset() >= bytes.size()) requests.pop_front();
    return data;
  }
};

class FetcherTest : public ::testing::Test {
 protected:
  Server server_;
  testing::MemoryStore store_;
  std::unique_ptr<Fetcher> fetcher_ =
      std::make_unique<Fetcher>(server_, store_, FetcherOptions{}, at(0s));
  std::vector<core::Result<ObjectPtr>> results_;

  void with(FetcherOptions options) {
    fetcher_ = std::make_unique<Fetcher>(server_, store_, options, at(0s));
  }
  Fetcher::Ticket want(const ContentId& id, std::optional<std::uint64_t> size = {},
                       core::MonoTime deadline = at(1h), core::MonoTime now = at(0s)) {
    return fetcher_->want(id, size, deadline, now,
                          [&](core::Result<ObjectPtr> result) { results_.push_back(result); });
  }
  void pieces(int count, core::MonoTime now = at(0s)) {
    for (int i = 0; i < count; ++i)
      if (const auto data = server_.next()) fetcher_->receive(*data, now);
  }
  void all(core::MonoTime now = at(0s)) {
    while (const auto data = server_.next()) fetcher_->receive(*data, now);
  }
  wire::ContentData error(const ContentId& id, std::string code, std::uint32_t retry_ms = 0) {
    server_.requests.clear();
    wire::ContentData data;
    data.set_digest(std::string(id.bytes()));
    data.set_error("it cannot be had");
    data.set_error_code(std::move(code));
    data.set_retry_after_ms(retry_ms);
    return data;
  }
};

TEST_F(FetcherTest, FetchesAndVerifies) {
  const ContentId id = server_.add(bytes_of(1'000'000, 1));
  fetcher_->connected(at(0s));
  want(id, 1'000'000);
  all();
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(all_of(**results_[0]), server_.objects[id]);
  EXPECT_EQ(store_.objects.count(id), 1U);
  EXPECT_EQ(fetcher_->downloads(), 0U);
  EXPECT_EQ(server_.asked_bytes, 1'000'000U);
  EXPECT_EQ(fetcher_->deadline(), core::MonoTime::max());
}

TEST_F(FetcherTest, LearnsTheSizeAndFetchesNothingToo) {
  fetcher_->connected(at(0s));
  want(server_.add(bytes_of(200'000, 1)));
  want(server_.add(""), 0);
  all();
  ASSERT_EQ(results_.size(), 2U);
  EXPECT_TRUE(results_[0] && results_[1]);
}

TEST_F(FetcherTest, AsksAWindowAheadAndNoFurther) {
  const ContentId id = server_.add(bytes_of(4'000'000, 1));
  fetcher_->connected(at(0s));
  want(id, 4'000'000);
  std::uint64_t received = 0;
  while (const auto data = server_.next()) {
    EXPECT_LE(server_.asked_bytes - received, kWindowBytes);
    EXPECT_GT(server_.asked_bytes - received, 0U);
    received += data->data().size();
    fetcher_->receive(*data, at(0s));
  }
  EXPECT_EQ(results_.size(), 1U);
}

TEST_F(FetcherTest, SharesOneDownload) {
  const ContentId id = server_.add(bytes_of(500'000, 1));
  fetcher_->connected(at(0s));
  want(id);
  pieces(2);
  want(id);
  const auto third = want(id);
  fetcher_->cancel(third);
  all();
  ASSERT_EQ(results_.size(), 2U);
  EXPECT_EQ(results_[0]->get(), results_[1]->get());
  EXPECT_EQ(store_.begun, 1);
}

TEST_F(FetcherTest, GoesOnWhereItStoodAfterTheLinkWasLost) {
  const ContentId id = server_.add(bytes_of(1'000'000, 1));
  fetcher_->connected(at(0s));
  want(id, 1'000'000);
  pieces(5);
  fetcher_->disconnected();
  server_.requests.clear();
  fetcher_->tick(at(10s));
  EXPECT_TRUE(server_.requests.empty());
  fetcher_->connected(at(20s));
  ASSERT_FALSE(server_.requests.empty());
  EXPECT_EQ(server_.requests.front().offset(), 5 * kPieceBytes);
  all(at(20s));
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_TRUE(results_[0]);
  EXPECT_EQ(fetcher_->stats().bytes, 1'000'000U);
}

TEST_F(FetcherTest, IgnoresWhatItDidNotAskFor) {
  const ContentId id = server_.add(bytes_of(300'000, 1));
  const ContentId other = server_.add("other");
  fetcher_->connected(at(0s));
  want(id, 300'000);
  wire::ContentData data;
  data.set_digest(std::string(other.bytes()));
  data.set_total_bytes(5);
  data.set_data("other");
  fetcher_->receive(data, at(0s));
  data.set_digest("not a digest");
  fetcher_->receive(data, at(0s));
  const auto first = server_.next();
  const auto second = server_.next();
  fetcher_->receive(*second, at(0s));  // before its turn
  fetcher_->receive(*first, at(0s));
  fetcher_->receive(*first, at(0s));  // twice
  EXPECT_EQ(fetcher_->stats().bytes, kPieceBytes);
  fetcher_->receive(*second, at(0s));
  all();
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_TRUE(results_[0]);
}

TEST_F(FetcherTest, DamageIsFetchedOnceMore) {
  const ContentId id = server_.add(bytes_of(100'000, 1));
  const std::string good = server_.objects[id];
  server_.objects[id][70'000] ^= 1;
  fetcher_->connected(at(0s));
  want(id, 100'000);
  pieces(2);
  EXPECT_TRUE(results_.empty());
  ASSERT_EQ(server_.requests.size(), 1U);
  EXPECT_EQ(server_.requests.front().offset(), 0U);
  EXPECT_TRUE(server_.requests.front().damaged());
  server_.objects[id] = good;
  all();
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_TRUE(results_[0]);
}

TEST_F(FetcherTest, DamageTwiceIsTheEnd) {
  const ContentId id = server_.add(bytes_of(100'000, 1));
  server_.objects[id][70'000] ^= 1;
  fetcher_->connected(at(0s));
  want(id);
  all();
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(results_[0].error().code, Code::kCorrupt);
  EXPECT_TRUE(store_.objects.empty());
  EXPECT_EQ(store_.being_written, 0);
}

TEST_F(FetcherTest, AnotherSizeThanPromisedIsDamage) {
  const ContentId id = server_.add(bytes_of(100'000, 1));
  fetcher_->connected(at(0s));
  want(id, 99'999);
  all();
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(results_[0].error().code, Code::kCorrupt);
  EXPECT_THAT(results_[0].error().message, HasSubstr("100000 are offered"));
}

TEST_F(FetcherTest, PiecesThatDoNotFitAreDamage) {
  const ContentId id = server_.add(bytes_of(200'000, 1));
  for (const int kind : {0, 1, 2}) {
    Fetcher fetcher(server_, store_, {}, at(0s));
    fetcher.connected(at(0s));
    fetcher.want(id, {}, at(1h), at(0s), [](const core::Result<ObjectPtr>&) {});
    fetcher.receive(*server_.next(), at(0s));
    auto data = *server_.next();
    if (kind == 0) data.set_total_bytes(200'001);
    if (kind == 1) data.set_data("");
    if (kind == 2) data.set_data(std::string(190'000, 'x'));
    fetcher.receive(data, at(0s));
    EXPECT_EQ(fetcher.stats().damaged, 1U) << kind;
    server_.requests.clear();
  }
}

TEST_F(FetcherTest, NotFoundEndsAtOnce) {
  fetcher_->connected(at(0s));
  const ContentId id = ContentId::of("nobody has it");
  want(id);
  want(id);
  fetcher_->receive(error(id, ""), at(1s));
  ASSERT_EQ(results_.size(), 2U);
  EXPECT_EQ(results_[1].error().code, Code::kNotFound);
  EXPECT_THAT(results_[1].error().message, HasSubstr("it cannot be had"));
}

TEST_F(FetcherTest, AsksAgainWhereItMayPass) {
  const ContentId id = server_.add("here now");
  fetcher_->connected(at(0s));
  want(id);
  fetcher_->receive(error(id, "unavailable", 2'000), at(1s));
  EXPECT_EQ(fetcher_->deadline(), at(3s));
  fetcher_->tick(at(2s));
  EXPECT_TRUE(server_.requests.empty());
  fetcher_->tick(at(3s));
  fetcher_->receive(error(id, "limit"), at(3s));
  EXPECT_EQ(fetcher_->deadline(), at(3s) + 2 * kRetryFirst);
  fetcher_->tick(fetcher_->deadline());
  all(at(4s));
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_TRUE(results_[0]);
}

TEST_F(FetcherTest, EachWaiterHasItsDeadline) {
  const ContentId id = server_.add(bytes_of(300'000, 1));
  want(id, {}, at(5s));
  want(id, {}, at(60s));
  EXPECT_EQ(fetcher_->deadline(), at(5s));
  fetcher_->tick(at(5s));
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(results_[0].error().code, Code::kTimeout);
  EXPECT_THAT(results_[0].error().message, HasSubstr("there is no connection"));
  fetcher_->connected(at(6s));
  all(at(6s));
  ASSERT_EQ(results_.size(), 2U);
  EXPECT_TRUE(results_[1]);
}

TEST_F(FetcherTest, WithItsLastWaiterADownloadEnds) {
  const ContentId id = server_.add(bytes_of(300'000, 1));
  fetcher_->connected(at(0s));
  const auto ticket = want(id);
  pieces(1);
  EXPECT_EQ(store_.being_written, 1);
  fetcher_->cancel(ticket);
  fetcher_->cancel(ticket);
  EXPECT_EQ(store_.being_written, 0);
  all();
  EXPECT_TRUE(results_.empty());
  want(id, {}, at(5s));
  pieces(1);
  fetcher_->tick(at(5s));
  EXPECT_EQ(store_.being_written, 0);
  EXPECT_EQ(fetcher_->downloads(), 0U);
}

TEST_F(FetcherTest, ASilentOtherSideIsAskedAgain) {
  const ContentId id = server_.add(bytes_of(300'000, 1));
  fetcher_->connected(at(0s));
  want(id, 300'000);
  pieces(1, at(1s));
  server_.requests.clear();
  EXPECT_EQ(fetcher_->deadline(), at(1s) + kPieceStall);
  fetcher_->tick(at(1s) + kPieceStall);
  ASSERT_FALSE(server_.requests.empty());
  EXPECT_EQ(server_.requests.front().offset(), kPieceBytes);
  all(at(40s));
  EXPECT_EQ(results_.size(), 1U);
}

TEST_F(FetcherTest, HoldsTheRate) {
  with({.bytes_per_second = 100'000});
  const ContentId id = server_.add(bytes_of(1'000'000, 1));
  fetcher_->connected(at(0s));
  want(id, 1'000'000);
  core::MonoTime now = at(0s);
  int turns = 0;
  while (++turns < 1'000) {
    all(now);
    const auto allowed = 100'000 * ((now - at(0s)) / 1s + 1) + kPieceBytes;
    EXPECT_LE(fetcher_->stats().bytes, static_cast<std::uint64_t>(allowed));
    if (!results_.empty()) break;
    now = std::max(now, fetcher_->deadline());
    fetcher_->tick(now);
  }
  EXPECT_GE(now, at(9s));
  EXPECT_LE(now, at(11s));
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_TRUE(results_[0]);
}

TEST_F(FetcherTest, FewDownloadsAtATimeInTheOrderOfTheirComing) {
  with({.downloads_max = 2});
  fetcher_->connected(at(0s));
  for (std::uint64_t i = 0; i < 5; ++i) want(server_.add(bytes_of(100, i)), 100);
  EXPECT_EQ(server_.requests.size(), 2U);
  EXPECT_EQ(fetcher_->deadline(), std::min(at(1h), at(0s) + kPieceStall));
  all();
  EXPECT_EQ(results_.size(), 5U);
}

TEST_F(FetcherTest, TooManyAreRefused) {
  core::MonoTime now = at(0s);
  for (std::uint64_t i = 0; i < kDownloadsMax + kDownloadsQueuedMax; ++i)
    want(ContentId::of(std::to_string(i)));
  want(ContentId::of("one more"));
  for (std::size_t i = 0; i < kWaitersMax; ++i) want(ContentId::of("1"));
  EXPECT_TRUE(results_.empty());  // told later, never from inside want()
  EXPECT_LE(fetcher_->deadline(), now);
  fetcher_->tick(now);
  ASSERT_EQ(results_.size(), 2U);
  EXPECT_EQ(results_[0].error().code, Code::kLimit);
  EXPECT_EQ(results_[1].error().code, Code::kLimit);
}

TEST_F(FetcherTest, TooLargeIsRefusedWhoeverSaysSo) {
  with({.object_bytes_max = 1'000});
  fetcher_->connected(at(0s));
  const ContentId id = server_.add(bytes_of(1'001, 1));
  want(id, 1'001);
  want(id);
  all();
  ASSERT_EQ(results_.size(), 2U);
  EXPECT_EQ(results_[0].error().code, Code::kLimit);
  EXPECT_EQ(results_[1].error().code, Code::kLimit);
  EXPECT_EQ(store_.begun, 0);
}

TEST_F(FetcherTest, AFullDiskEndsItWithItsReason) {
  const ContentId id = server_.add(bytes_of(300'000, 1));
  fetcher_->connected(at(0s));
  store_.refuse_begin = core::Error{Code::kUnavailable, "the disk is full"};
  want(id);
  all();
  store_.refuse_begin.reset();
  store_.refuse_append = core::Error{Code::kUnavailable, "the disk is full now"};
  want(id);
  all();
  ASSERT_EQ(results_.size(), 2U);
  EXPECT_EQ(results_[0].error().message, "the disk is full");
  EXPECT_EQ(results_[1].error().message, "the disk is full now");
  EXPECT_EQ(store_.being_written, 0);
}

TEST_F(FetcherTest, WhoIsToldMayWantAgain) {
  const ContentId id = server_.add("again");
  fetcher_->connected(at(0s));
  int told = 0;
  std::function<void(core::Result<ObjectPtr>)> again = [&](const core::Result<ObjectPtr>&) {
    if (++told < 3) fetcher_->want(id, {}, at(1h), at(0s), again);
  };
  fetcher_->want(id, {}, at(1h), at(0s), again);
  all();
  EXPECT_EQ(told, 3);
}

}  // namespace
}  // namespace muster::content
