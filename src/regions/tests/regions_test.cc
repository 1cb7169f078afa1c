// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "identity/authority.h"
#include "regions/card.h"
#include "regions/grant.h"
#include "regions/health.h"
#include "regions/store.h"
#include "store/database.h"

namespace muster::regions {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using State = Health::State;

const core::WallTime kNow = core::wall_from_unix_ms(1'800'000'000'000);

Card sample_card() {
  const auto authority = identity::Authority::create(core::wall_now(), std::chrono::days(30));
  return {"east", {"192.0.2.1:7443", "[2001:db8::1]:443"}, authority.certificate()};
}

std::string why_not(const std::string& text) {
  const auto card = Card::parse(text);
  return card ? "" : card.error().message;
}

TEST(Card, IsReadBackAsItWasWritten) {
  const Card card = sample_card();
  const auto read = Card::parse(card.str());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->name, "east");
  EXPECT_EQ(read->addresses, card.addresses);
  EXPECT_EQ(read->fingerprint(), card.fingerprint());
  EXPECT_EQ(read->region(), identity::region_of(card.authority));
}

TEST(Card, TakesWhatMailMakesOfItAndMembersOfLaterVersions) {
  std::string text = "\r\n" + sample_card().str();
  text.replace(text.find("name:"), 0, "motto: all is well\r\n");
  EXPECT_EQ(why_not(text), "");
}

TEST(Card, SaysWhatIsWrong) {
  const std::string good = sample_card().str();
  const auto with = [&](const std::string& what, const std::string& instead) {
    std::string text = good;
    return text.replace(text.find(what), what.size(), instead);
  };
  EXPECT_THAT(why_not(""), HasSubstr("muster regions card"));
  EXPECT_THAT(why_not("-----BEGIN CERTIFICATE-----\n"), HasSubstr("no region's card"));
  EXPECT_THAT(why_not(with("card 1", "card 2")), HasSubstr("newer version"));
  EXPECT_THAT(why_not(with("name: east", "name: ../x")), HasSubstr("line 2"));
  EXPECT_THAT(why_not(with("name: east", "name: all")), HasSubstr("no name of a region"));
  EXPECT_THAT(why_not(with("name: east\n", "")), HasSubstr("no name or no address"));
  EXPECT_THAT(why_not(with("192.0.2.1:7443", "192.0.2.1")), HasSubstr("line 3"));
  EXPECT_THAT(why_not(with("192.0.2.1:7443", "a b:1")), HasSubstr("no host:port"));
  EXPECT_THAT(why_not(with("name: east", "nonsense")), HasSubstr("line 2"));
  EXPECT_THAT(why_not(good.substr(0, good.find("-----BEGIN"))), HasSubstr("cut"));
  EXPECT_THAT(why_not(good.substr(0, good.size() - 200)), HasSubstr("not a certificate"));
  EXPECT_THAT(why_not(std::string(Card::kTextBytesMax + 1, '\n')), HasSubstr("at most 32 KiB"));
  std::string many = "muster-region-card 1\nname: a\n";
  for (int i = 0; i < 17; ++i) many += "address: h:1\n";
  EXPECT_THAT(why_not(many), HasSubstr("more than 16"));
}

TEST(Grant, WordsAndBits) {
  const std::vector<std::string> run{"run"}, bad{"see", "fly"};
  const auto may = parse_permissions(run);
  ASSERT_TRUE(may);
  EXPECT_EQ(names(*may), (std::vector<std::string>{"see", "run"}));  // nobody runs blindly
  EXPECT_FALSE(parse_permissions(bad));
  EXPECT_TRUE(names(0).empty());
  const Grant grant{1, "", kNow};
  EXPECT_TRUE(grant.allows(Permission::kSee));
  EXPECT_FALSE(grant.allows(Permission::kRun));
  EXPECT_TRUE(grant.expired(kNow));
  EXPECT_FALSE(grant.expired(kNow - 1ms));
}

TEST(Grant, OnlyWhatIsInTheTableIsPossible) {
  ASSERT_NE(operation_of("GET", "/v1/hosts"), nullptr);
  EXPECT_EQ(operation_of("POST", "/v1/runs")->needs, Permission::kRun);
  EXPECT_TRUE(operation_of("POST", "/v1/runs/r1/cancel")->changes);
  EXPECT_NE(operation_of("HEAD", "/v1/runs/r1/targets/e1/stdout"), nullptr);
  for (const char* path : {"/v1/users", "/v1/join-tokens", "/v1/hosts/", "/v1/hosts/../users",
                           "/v1/hosts/..", "/v1//hosts", "/v1/hosts/a/revoke", "/v1/h%6fsts",
                           "/v1/regions", "/v1/regions/x/v1/hosts", "/v1/audit", "", "v1/hosts"})
    EXPECT_EQ(operation_of("GET", path), nullptr) << path;
  EXPECT_EQ(operation_of("DELETE", "/v1/hosts/a"), nullptr);
  EXPECT_EQ(operation_of("POST", "/v1/hosts"), nullptr);
  EXPECT_EQ(operation_at("GET", "/v1/hosts/{id}")->pattern, "/v1/hosts/{id}");
  EXPECT_EQ(operation_at("PATCH", "/v1/hosts/{id}"), nullptr);
  for (const Operation& operation : operations())
    EXPECT_EQ(operation.changes, operation.needs == Permission::kRun) << operation.pattern;
}

struct Clocked {
  core::MonoTime now{};
  Health health{now, kNow, 7};

  core::WallTime wall() const {
    return kNow + std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  }
  void answered(core::Duration took = 1ms) { health.answered(now, wall(), took); }
  void failed(const char* why = "no answer") { health.failed(now, wall(), why); }
};

TEST(Health, OneFailureIsProbedAtOnceTwoAreDown) {
  Clocked it;
  EXPECT_EQ(it.health.state(), State::kUnknown);
  ASSERT_TRUE(it.health.begin_probe(it.now));
  EXPECT_FALSE(it.health.begin_probe(it.now)) << "one at a time";
  it.answered();
  it.health.end_probe();
  EXPECT_EQ(it.health.state(), State::kUp);
  EXPECT_FALSE(it.health.begin_probe(it.now));
  it.now += 1s;
  it.failed();
  EXPECT_EQ(it.health.state(), State::kUp);
  ASSERT_TRUE(it.health.begin_probe(it.now));
  it.now += 2s;
  it.failed("connection refused");
  it.health.end_probe();
  EXPECT_EQ(it.health.state(), State::kDown);
  EXPECT_EQ(it.health.since(), it.wall());
  EXPECT_EQ(it.health.why(), "connection refused");
  EXPECT_FALSE(it.health.may_ask());
  const auto since = it.health.since();
  it.now += 60s;
  it.failed();
  EXPECT_EQ(it.health.since(), since) << "it is down since it went down";
  it.answered();
  EXPECT_EQ(it.health.state(), State::kUp);
  EXPECT_EQ(it.health.why(), "");
  EXPECT_EQ(it.health.generation(), 4U) << "three failures, and back";
}

// A region that was asked all the time was never probed: what it grants stayed what it had been.
TEST(Health, ABusyRegionIsProbedToo) {
  Clocked it;
  unsigned probes = 0;
  for (int i = 0; i < 100; ++i) {
    if (it.health.begin_probe(it.now)) {
      ++probes;
      it.health.end_probe();
    }
    it.answered();
    it.now += 500ms;
  }
  EXPECT_EQ(probes, 17U);
}

TEST(Health, WhoWasNeverReachedIsDownAtOnce) {
  Clocked it;
  it.failed();
  EXPECT_EQ(it.health.state(), State::kDown);
}

TEST(Health, KnocksEverMoreRarelyAndNeverStops) {
  Clocked it;
  core::Duration longest{};
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(it.health.begin_probe(it.now)) << i;
    it.failed();
    it.health.end_probe();
    const auto wait = it.health.probe_at() - it.now;
    EXPECT_GE(wait, Health::kRetryFirst / 2);
    EXPECT_LE(wait, Health::kRetryCeiling);
    longest = std::max<core::Duration>(longest, wait);
    EXPECT_FALSE(it.health.begin_probe(it.now + wait - 1ms));
    it.now += wait;
  }
  EXPECT_GE(longest, Health::kRetryCeiling / 2);
  EXPECT_EQ(it.health.downs(), 1U);
}

TEST(Health, SlowIsToldAfterThreeAndTakenBackAfterThree) {
  Clocked it;
  it.answered();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(it.health.state(), State::kUp);
    it.answered(2s);
  }
  EXPECT_EQ(it.health.state(), State::kSlow);
  EXPECT_TRUE(it.health.may_ask());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(it.health.state(), State::kSlow);
    it.answered();
  }
  EXPECT_EQ(it.health.state(), State::kUp);
}

// A network that loses one probe in three: whoever asks is never kept from it for longer than the
// ceiling, it goes down rarely, and comes back each time.
TEST(Health, UnderLossItComesBackEachTime) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    core::Random random(seed);
    Clocked it;
    core::MonoTime down_since{};
    for (int step = 0; step < 2'000; ++step) {
      if (!it.health.begin_probe(it.now)) {
        it.now = it.health.probe_at();
        continue;
      }
      const bool was_up = it.health.may_ask();
      if (random.below(3) == 0) {
        it.now += 2s;
        it.failed();
      } else {
        it.now += 5ms;
        it.answered(5ms);
        ASSERT_TRUE(it.health.may_ask());
      }
      it.health.end_probe();
      if (was_up && !it.health.may_ask()) down_since = it.now;
      if (!it.health.may_ask()) ASSERT_LE(it.now - down_since, 10min) << "seed " << seed;
    }
    EXPECT_GT(it.health.downs(), 0U);
    EXPECT_LT(it.health.downs(), 500U);
  }
}

class Tables : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = store::Database::open_temporary({migrations()});
    ASSERT_TRUE(opened) << opened.error().message;
    database_ = std::move(*opened);
  }
  template <typename F>
  auto write(F work) {
    return database_->write_blocking(std::move(work));
  }
  static Neighbour east() {
    return {"east", "id1", "PEM", {"a:1", "b:2"}, {3, "site=a", kNow}, 1, kNow, "admin"};
  }
  std::unique_ptr<store::Database> database_;
};

TEST_F(Tables, KeepNeighbours) {
  ASSERT_TRUE(write([](store::Connection& c) { return Store::add(c, east()); }));
  auto same_region = east();
  same_region.name = "other";
  const auto twice = write([&](store::Connection& c) { return Store::add(c, same_region); });
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().message, HasSubstr("known already, as east"));
  EXPECT_EQ(write([](store::Connection& c) { return Store::add(c, east()); }).error().code,
            core::Code::kExists);
  auto changed = east();
  changed.grant = {1, "", {}};
  changed.addresses = {"c:3"};
  ASSERT_TRUE(write([&](store::Connection& c) { return Store::change(c, changed); }));
  const auto list = database_->read_blocking(Store::neighbours);
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ(list->front().addresses, changed.addresses);
  EXPECT_EQ(list->front().grant.may, 1);
  EXPECT_FALSE(list->front().grant.expires_at);
  EXPECT_EQ(list->front().least_role, 1);
  ASSERT_TRUE(write([](store::Connection& c) { return Store::remove(c, "east"); }));
  EXPECT_EQ(write([](store::Connection& c) { return Store::remove(c, "east"); }).error().code,
            core::Code::kNotFound);
}

TEST_F(Tables, ARunThatIsAskedForAgainIsTheSame) {
  RemoteRun run;
  run.neighbour = "east";
  run.user = "ann";
  run.key = "k1";
  run.state = "unknown";
  run.counts = "{}";
  run.asked_at = run.looked_at = kNow;
  const auto begin = [&] {
    return write([&](store::Connection& c) { return Store::begin_run(c, run); });
  };
  auto first = begin();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(begin()->id, first->id);
  first->run = "r1";
  first->state = "running";
  ASSERT_TRUE(write([&](store::Connection& c) { return Store::note_run(c, *first); }));
  EXPECT_EQ(begin()->run, "r1");
  run.user = "bob";
  EXPECT_EQ(begin()->id, first->id + 1);
  const auto listed = [&](std::optional<std::string> user) {
    return database_
        ->read_blocking([&](store::Connection& c) { return Store::runs(c, 10, {}, user); })
        ->size();
  };
  EXPECT_EQ(listed({}), 2U);
  EXPECT_EQ(listed("ann"), 1U);
  const auto open = [&] {
    return database_->read_blocking([](store::Connection& c) { return Store::open_runs(c, 10); });
  };
  ASSERT_EQ(open()->size(), 1U);
  first->state = "finished";
  ASSERT_TRUE(write([&](store::Connection& c) { return Store::note_run(c, *first); }));
  EXPECT_TRUE(open()->empty());
}

}  // namespace
}  // namespace muster::regions
