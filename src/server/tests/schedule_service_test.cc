// SPDX-License-Identifier: Apache-2.0
//
// Schedules fire once: with two servers on one database, with a crash between the claim
// and the order, with clocks that are set, and with many hosts that log in together.
#include "server/schedule_service.h"

#include "access/audit.h"
#include "server/json.h"
#include "server/tests/fixture.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Code;
using core::fail;
using schedules::Cause;
using schedules::Firing;
using schedules::FiringState;
using schedules::Missed;
using schedules::Schedule;
using schedules::ScheduleStore;
using schedules::TriggerKind;
using store::Connection;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::host;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

/// Sunday, 2026-11-22T12:00:00Z.
const core::WallTime kNoon = core::wall_from_unix_ms(1'795'348'800'000);

struct Order {
  access::Principal by;
  std::string request, key;
  ScheduleService::Targets only;
  friend void PrintTo(const Order& order, std::ostream* out) { *out << order.key; }
};

class ScheduleServiceTest : public ::testing::Test {
 protected:
  ScheduleServiceTest() {
    one = make();
    for (int i = 0; i < 4; ++i)
      EXPECT_TRUE(registry.add(host(i), {{"number", std::to_string(i)}}, kNoon));
  }
  ~ScheduleServiceTest() override {
    for (auto* service : {&one, &two})
      if (*service) end(**service);
    one.reset();
    two.reset();
    database->stop();
    loop.run_until_idle();
  }

  template <typename F>
  auto write(F work) {
    return database->write_blocking(std::move(work));
  }
  std::unique_ptr<ScheduleService> make() {
    ScheduleService::Ports ports;
    ports.clock = [this] { return now; };
    ports.rights =
        [this](schedules::Author author) -> runtime::Task<core::Result<access::Principal>> {
      if (refusal) co_return fail(Code::kDenied, *refusal);
      co_return access::Principal{author.name, access::Role::kOperator, author.selectors, "test"};
    };
    // As the real one: the same key is the same run.
    ports.order = [this](
                      access::Principal by, std::string request, std::string key,
                      ScheduleService::Targets only) -> runtime::Task<core::Result<core::RunId>> {
      if (failure) co_return fail(*failure, "the order failed");
      orders.push_back({std::move(by), std::move(request), key, std::move(only)});
      co_return core::RunId::make(core::unix_ms(now), orders.size());
    };
    auto made = std::make_unique<ScheduleService>(loop, *database, registry, std::move(ports));
    EXPECT_TRUE(made->restore());
    return made;
  }
  Schedule schedule(std::string name, std::string cron = "0 * * * *") {
    Schedule made;
    made.id = "id of " + name;
    made.name = std::move(name);
    made.terms.cron = std::move(cron);
    made.author = {"ada", 1, {}};
    made.request = R"({"selector":"all"})";
    made.selector = "all";
    made.created_at = made.changed_at = made.handled = now;
    return made;
  }
  void add(const Schedule& added) {
    ASSERT_TRUE(
        write([&](Connection& connection) { return ScheduleStore::insert(connection, added); }));
    for (auto* service : {&one, &two})
      if (*service) look(**service);
  }
  std::chrono::milliseconds look(ScheduleService& service) {
    return runtime::run_to_end(loop,
                               [](ScheduleService& s) -> runtime::Task<std::chrono::milliseconds> {
                                 const auto wait = co_await s.look();
                                 co_await s.settled();
                                 co_return wait;
                               }(service));
  }
  void look_together(ScheduleService& first, ScheduleService& second) {
    const auto looks = [](ScheduleService& service) -> runtime::Task<void> {
      (void)co_await service.look();
      co_await service.settled();
    };
    runtime::run_to_end(loop, [&]() -> runtime::Task<bool> {
      runtime::TaskGroup both(loop, "both");
      both.spawn(looks(first));
      both.spawn(looks(second));
      co_await both.wait();
      co_return true;
    }());
  }
  /// What a server leaves behind that ends between its claim and its order.
  void claim_and_die(const Schedule& schedule, core::WallTime due) {
    schedules::Decision decision;
    decision.handled = due;
    decision.fire = {{due, false, 1, ""}};
    const auto claimed = write([&](Connection& connection) {
      return ScheduleStore::claim(connection, schedule, decision, "dead", now);
    });
    ASSERT_TRUE(claimed) << claimed.error().message;
    ASSERT_THAT(*claimed, SizeIs(1));
  }
  void end(ScheduleService& service) {
    runtime::run_to_end(loop, [](ScheduleService& s) -> runtime::Task<bool> {
      co_await s.stop();
      co_return true;
    }(service));
  }
  std::vector<Firing> firings(const std::string& name) {
    return write([&](Connection& connection) {
             return ScheduleStore::firings(connection, "id of " + name, 1000, std::nullopt);
           })
        ->firings;
  }
  std::vector<std::string> audit() {
    std::vector<std::string> actions;
    EXPECT_TRUE(write([&](Connection& connection) {
      return connection.query("SELECT action FROM access_audit ORDER BY seq", {},
                              [&](const store::Row& row) { actions.push_back(row.string(0)); });
    }));
    return actions;
  }
  void log_in(ScheduleService& service, int number, std::chrono::milliseconds uptime = 1h) {
    service.logged_in(host(number), core::unix_ms(now - uptime), uptime);
  }

  core::WallTime now = kNoon;
  std::vector<Order> orders;
  std::optional<Code> failure;
  std::optional<std::string> refusal;
  runtime::Loop loop;
  std::unique_ptr<store::Database> database =
      store::Database::open_temporary(
          {access::migrations(), jobs::run_migrations(), schedules::migrations()})
          .value();
  fleet::Registry registry;
  std::unique_ptr<ScheduleService> one, two;
};

TEST_F(ScheduleServiceTest, FiresInTime) {
  add(schedule("hourly"));
  EXPECT_EQ(look(*one), ScheduleService::kLook) << "clocks are set: nobody sleeps for an hour";
  now = kNoon + 1h - 10s;
  EXPECT_EQ(look(*one), 10s + 1ms);
  EXPECT_THAT(orders, IsEmpty());
  now = kNoon + 1h;
  look(*one);
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_EQ(orders[0].by.name, "ada");
  EXPECT_EQ(orders[0].request, R"({"selector":"all"})");
  EXPECT_EQ(orders[0].key, "\x1fschedule/id of hourly/1795352400000");
  EXPECT_FALSE(orders[0].only);
  look(*one);
  EXPECT_THAT(orders, SizeIs(1));
  const auto made = firings("hourly");
  ASSERT_THAT(made, SizeIs(1));
  EXPECT_EQ(made[0].due, kNoon + 1h);
  EXPECT_EQ(made[0].state, FiringState::kOrdered);
  EXPECT_TRUE(made[0].run);
  EXPECT_THAT(audit(), ElementsAre("schedule.fire"));
  EXPECT_EQ(one->stats().ordered, 1U);
}

TEST_F(ScheduleServiceTest, TwoServersFireOnce) {
  two = make();
  add(schedule("hourly"));
  for (int i = 1; i <= 20; ++i) {
    now = kNoon + i * 1h;
    // Both look at the same moment; which one is first changes.
    look_together(i % 2 == 0 ? *one : *two, i % 2 == 0 ? *two : *one);
    EXPECT_THAT(orders, SizeIs(i));
  }
  std::set<std::string> keys;
  for (const auto& order : orders) keys.insert(order.key);
  EXPECT_THAT(keys, SizeIs(20));
  EXPECT_GT(one->stats().ordered, 0U);
  EXPECT_GT(two->stats().ordered, 0U);
}

TEST_F(ScheduleServiceTest, AnotherServersChangesHold) {
  two = make();
  add(schedule("hourly"));
  ASSERT_TRUE(write([&](Connection& connection) {
    return ScheduleStore::set_enabled(connection, "hourly", false, "ada", now);
  }));
  now = kNoon + 1h;
  look(*two);
  EXPECT_THAT(orders, IsEmpty());
  ASSERT_TRUE(write([&](Connection& connection) {
    return ScheduleStore::set_enabled(connection, "hourly", true, "ada", now);
  }));
  look(*two);
  EXPECT_THAT(orders, IsEmpty()) << "what came while it was disabled is not made up for";
  now = kNoon + 2h;
  look(*two);
  EXPECT_THAT(orders, SizeIs(1));
}

// A decision of before a change is void: the row that was decided upon is no more.
TEST_F(ScheduleServiceTest, AClaimOfAnOldVersionIsVoid) {
  const auto old = schedule("hourly");
  add(old);
  ASSERT_TRUE(
      write([&](Connection& connection) { return ScheduleStore::replace(connection, old); }));
  schedules::Decision decision;
  decision.handled = kNoon + 1h;
  decision.fire = {{kNoon + 1h, false, 1, ""}};
  const auto claimed = write([&](Connection& connection) {
    return ScheduleStore::claim(connection, old, decision, "other", now);
  });
  ASSERT_TRUE(claimed);
  EXPECT_THAT(*claimed, IsEmpty());
  EXPECT_THAT(firings("hourly"), IsEmpty());
}

TEST_F(ScheduleServiceTest, ACrashBetweenClaimAndOrderIsMadeUpFor) {
  add(schedule("hourly"));
  now = kNoon + 1h;
  claim_and_die(schedule("hourly"), now);
  now += 29s;
  look(*one);
  EXPECT_THAT(orders, IsEmpty()) << "its server may be alive";
  now += 2s;
  look(*one);
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_EQ(orders[0].key, "\x1fschedule/id of hourly/1795352400000");
  EXPECT_EQ(firings("hourly")[0].state, FiringState::kOrdered);
  now += 1min;
  look(*one);
  EXPECT_THAT(orders, SizeIs(1));
}

TEST_F(ScheduleServiceTest, ACrashBehindTheOrderFindsTheRun) {
  add(schedule("hourly"));
  now = kNoon + 1h;
  claim_and_die(schedule("hourly"), now);
  const auto run = core::RunId::make(core::unix_ms(now), 7);
  ASSERT_TRUE(write([&](Connection& connection) {
    return connection.execute(
        "INSERT INTO jobs_idempotency(created_by, name, run, digest) VALUES('ada', ?, ?, ?)",
        {"\x1fschedule/id of hourly/1795352400000", run.value(), store::Blob{"x"}});
  }));
  now += 1min;
  refusal = "gone";  // not even its author is needed
  look(*one);
  EXPECT_THAT(orders, IsEmpty());
  EXPECT_EQ(firings("hourly")[0].state, FiringState::kOrdered);
  EXPECT_EQ(firings("hourly")[0].run, run);
}

TEST_F(ScheduleServiceTest, WhatPassesIsTriedAgainUntilItIsHopeless) {
  add(schedule("hourly"));
  now = kNoon + 1h;
  failure = Code::kUnavailable;
  look(*one);
  EXPECT_EQ(firings("hourly")[0].state, FiringState::kOrdering);
  failure.reset();
  now += 31s;
  look(*one);
  EXPECT_THAT(orders, SizeIs(1));
  EXPECT_EQ(firings("hourly")[0].state, FiringState::kOrdered);

  now = kNoon + 2h;
  failure = Code::kUnavailable;
  for (int i = 0; i < 25; ++i, now += 31s) look(*one);
  EXPECT_EQ(firings("hourly")[0].state, FiringState::kFailed);
  EXPECT_EQ(firings("hourly")[0].reason, "the order failed");
}

TEST_F(ScheduleServiceTest, RightsAreThoseOfTheMoment) {
  add(schedule("hourly"));
  now = kNoon + 1h;
  refusal = "its author ada is no user any more";
  look(*one);
  EXPECT_THAT(orders, IsEmpty());
  const auto made = firings("hourly");
  ASSERT_THAT(made, SizeIs(1));
  EXPECT_EQ(made[0].state, FiringState::kFailed);
  EXPECT_THAT(made[0].reason, HasSubstr("no user any more"));
  EXPECT_THAT(audit(), ElementsAre("schedule.fail"));
  EXPECT_EQ(one->stats().failed, 1U);
}

TEST_F(ScheduleServiceTest, ARestartMakesUpAsTheScheduleSays) {
  for (const auto& [name, missed] :
       {std::pair{"skips", Missed::kSkip}, {"once", Missed::kOnce}, {"all", Missed::kAll}}) {
    auto made = schedule(name);
    made.terms.missed = missed;
    add(made);
  }
  end(*one);
  one.reset();
  now = kNoon + 5h + 10min;
  one = make();
  look(*one);
  EXPECT_THAT(orders, SizeIs(6));
  EXPECT_THAT(firings("all"), SizeIs(5));
  ASSERT_THAT(firings("once"), SizeIs(1));
  EXPECT_EQ(firings("once")[0].stands_for, 5U);
  EXPECT_EQ(firings("once")[0].cause, Cause::kMissed);
  ASSERT_THAT(firings("skips"), SizeIs(1));
  EXPECT_EQ(firings("skips")[0].state, FiringState::kSkipped);
  look(*one);
  EXPECT_THAT(orders, SizeIs(6));
}

TEST_F(ScheduleServiceTest, AClockThatIsSetRepeatsNothing) {
  add(schedule("hourly"));
  now = kNoon + 24h;  // by mistake
  look(*one);
  now = kNoon + 24h + 1h;
  look(*one);
  ASSERT_THAT(orders, SizeIs(2));
  now = kNoon + 1h - 1s;  // put right
  EXPECT_EQ(look(*one), 1ms) << "the cursor is drawn back";
  EXPECT_EQ(look(*one), 1s + 1ms);
  EXPECT_THAT(orders, SizeIs(2));
  for (int i = 1; i < 24; ++i) {
    now = kNoon + i * 1h;
    look(*one);
  }
  EXPECT_THAT(orders, SizeIs(25)) << "the hours that were leapt over";
  now = kNoon + 24h;
  look(*one);
  now = kNoon + 25h;
  look(*one);
  EXPECT_THAT(orders, SizeIs(25)) << "those have fired";
  now = kNoon + 26h;
  look(*one);
  EXPECT_THAT(orders, SizeIs(26));
}

TEST_F(ScheduleServiceTest, HistoryIsBounded) {
  add(schedule("minutely", "* * * * *"));
  for (std::size_t i = 1; i <= schedules::kFiringsKept + 50; ++i) {
    now = kNoon + static_cast<int>(i) * 1min;
    look(*one);
  }
  EXPECT_THAT(orders, SizeIs(schedules::kFiringsKept + 50));
  EXPECT_THAT(firings("minutely"), SizeIs(schedules::kFiringsKept));
  EXPECT_EQ(firings("minutely").front().due, now);
}

TEST_F(ScheduleServiceTest, ByHandWithNoMoreThanOnesOwnRights) {
  auto made = schedule("hourly");
  made.author.selectors = {"site=a"};
  made.enabled = false;
  add(made);
  const access::Principal by{"bob", access::Role::kOperator, {"site=b", "site=a"}, "token:1"};
  const auto fired = runtime::run_to_end(loop, one->fire(made, by));
  ASSERT_TRUE(fired) << fired.error().message;
  EXPECT_EQ(fired->state, FiringState::kOrdered);
  EXPECT_EQ(fired->cause, Cause::kHand);
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_EQ(orders[0].by.name, "ada");
  EXPECT_THAT(orders[0].by.selectors, ElementsAre("site=a", "site=b"));
  failure = Code::kUnavailable;
  const auto failed = runtime::run_to_end(loop, one->fire(made, by));
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->state, FiringState::kFailed) << "who asks is told, and asks again";
  EXPECT_THAT(firings("hourly"), SizeIs(2));
}

TEST_F(ScheduleServiceTest, AFiringByHandThatACrashLeftIsNotRepeated) {
  auto made = schedule("hourly");
  add(made);
  ASSERT_TRUE(write([&](Connection& connection) {
    return ScheduleStore::claim_by_hand(connection, made, "dead", now);
  }));
  now += 1min;
  look(*one);
  EXPECT_THAT(orders, IsEmpty());
  EXPECT_THAT(firings("hourly")[0].reason, HasSubstr("fire the schedule again"));
}

TEST_F(ScheduleServiceTest, HostsThatLogInTogetherAreOneRun) {
  auto made = schedule("welcome");
  made.terms.kind = TriggerKind::kLogin;
  made.terms.quiet = 1min;
  made.selector = "number!=2";
  add(made);
  for (int i = 0; i < 4; ++i) log_in(*one, i);
  log_in(*one, 9);  // not enrolled any more
  EXPECT_EQ(look(*one), ScheduleService::kGather + 1ms);
  EXPECT_THAT(orders, IsEmpty());
  now += ScheduleService::kGather;
  look(*one);
  ASSERT_THAT(orders, SizeIs(1));
  ASSERT_TRUE(orders[0].only);
  EXPECT_THAT(*orders[0].only, UnorderedElementsAre(host(0), host(1), host(3)));
  EXPECT_EQ(firings("welcome")[0].cause, Cause::kLogin);
  EXPECT_THAT(firings("welcome")[0].targets, IsEmpty()) << "the run knows them now";

  now += 30s;  // a link that flaps
  log_in(*one, 0);
  now += 2s;
  look(*one);
  EXPECT_THAT(orders, SizeIs(1));
  now += 1min;
  log_in(*one, 0);
  now += 2s;
  look(*one);
  ASSERT_THAT(orders, SizeIs(2));
  EXPECT_THAT(*orders[1].only, ElementsAre(host(0)));
}

TEST_F(ScheduleServiceTest, ABootFiresOnce) {
  auto made = schedule("booted");
  made.terms.kind = TriggerKind::kBoot;
  add(made);
  const auto logs_in = [&](std::int64_t raw_ms, std::chrono::milliseconds uptime) {
    one->logged_in(host(0), raw_ms, uptime);
    now += 2s;
    look(*one);
    return orders.size();
  };
  EXPECT_EQ(logs_in(1'000'000, 1h), 0U) << "it was up before there was a schedule";
  now += 1h;
  EXPECT_EQ(logs_in(9'000'000, 30s), 1U);
  EXPECT_EQ(firings("booted")[0].cause, Cause::kBoot);
  now += 1h;
  EXPECT_EQ(logs_in(9'000'000, 1h + 32s), 1U) << "the same boot";
  end(*one);
  one = make();  // the server was started anew
  look(*one);
  EXPECT_EQ(logs_in(9'000'000, 1h + 34s), 1U);
  EXPECT_EQ(logs_in(99'000'000, 1h + 36s), 1U) << "the host's clock was set";
  now += 2h;
  EXPECT_EQ(logs_in(9'000'000, 1h), 1U) << "the server's clock was set";
  EXPECT_EQ(logs_in(19'000'000, 10s), 2U) << "it has booted";
  one->logged_in(host(0), 0, std::nullopt);
  now += 2s;
  look(*one);
  EXPECT_THAT(orders, SizeIs(2)) << "it does not say when it booted";
}

TEST_F(ScheduleServiceTest, LoginsWaitForTheEndOfABlackoutOrAreDropped) {
  for (const auto& [name, policy] : {std::pair{"waits", schedules::InBlackout::kWait},
                                     {"skips", schedules::InBlackout::kSkip}}) {
    auto made = schedule(name);
    made.terms.kind = TriggerKind::kLogin;
    made.terms.blackouts = {"11:00-13:00"};
    made.terms.in_blackout = policy;
    add(made);
  }
  log_in(*one, 0);
  now += 2s;
  look(*one);
  EXPECT_THAT(orders, IsEmpty());
  EXPECT_EQ(firings("skips")[0].state, FiringState::kSkipped);
  now = kNoon + 30min;
  log_in(*one, 1);
  look(*one);
  now = kNoon + 1h;
  look(*one);
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_THAT(*orders[0].only, UnorderedElementsAre(host(0), host(1)));
}

TEST_F(ScheduleServiceTest, LoginsOfRemovedHostsAreForgotten) {
  auto made = schedule("welcome");
  made.terms.kind = TriggerKind::kLogin;
  add(made);
  for (int i = 0; i < 2; ++i) log_in(*one, i);
  now += 2s;
  look(*one);
  ASSERT_TRUE(registry.remove(host(0)));
  runtime::run_to_end(loop, [](ScheduleService& s) -> runtime::Task<bool> {
    co_await s.forget_hosts();
    co_return true;
  }(*one));
  const auto left =
      write([](Connection& connection) { return ScheduleStore::login_hosts(connection); });
  ASSERT_TRUE(left);
  EXPECT_THAT(*left, ElementsAre(host(1)));
}

TEST_F(ScheduleServiceTest, RemovedMeansGone) {
  add(schedule("hourly"));
  now = kNoon + 1h;
  claim_and_die(schedule("hourly"), now);
  ASSERT_TRUE(
      write([&](Connection& connection) { return ScheduleStore::remove(connection, "hourly"); }));
  now += 2h;
  look(*one);
  EXPECT_THAT(orders, IsEmpty());
  EXPECT_THAT(firings("hourly"), IsEmpty());
  EXPECT_EQ(write([&](Connection& c) { return ScheduleStore::remove(c, "hourly"); }).error().code,
            Code::kNotFound);
}

TEST_F(ScheduleServiceTest, TheRightsOfAnAuthor) {
  runtime::WorkerPool workers(1);
  access::Users users(*database, workers, core::wall_now);
  ASSERT_TRUE(users.make_first_admin());
  const auto rights = [&](schedules::Author author) {
    return runtime::run_to_end(loop, rights_of(users, std::move(author)));
  };
  // A token of the administrator that was narrowed stays as narrow.
  auto found = rights({"admin", 1, {"site=a"}});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->role, access::Role::kOperator);
  EXPECT_THAT(found->selectors, ElementsAre("site=a"));
  ASSERT_TRUE(write([](Connection& connection) {
    return connection.execute("UPDATE access_users SET selector = 'site=b'");
  }));
  found = rights({"admin", 2, {"site=a"}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->role, access::Role::kAdmin);
  EXPECT_THAT(found->selectors, ElementsAre("site=a", "site=b"));
  ASSERT_TRUE(write([](Connection& connection) {
    return connection.execute("UPDATE access_users SET role = 0");
  }));
  EXPECT_THAT(rights({"admin", 2, {}}).error().message, HasSubstr("may not order runs any more"));
  EXPECT_THAT(rights({"eve", 2, {}}).error().message, HasSubstr("no user any more"));
}

}  // namespace
}  // namespace muster::server
