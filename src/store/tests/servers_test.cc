// SPDX-License-Identifier: Apache-2.0
//
// Two servers on one real PostgreSQL: who leads, and that nothing is written by who did. In the
// run without PostgreSQL (see cmake/muster.cmake) there is nothing of it to test.
#include "store/servers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "core/bytes.h"
#include "store/database.h"

namespace muster::store {
namespace {

using core::Code;
using namespace std::chrono_literals;

constexpr Migration kTables[] = {{1, "CREATE TABLE item(id INTEGER NOT NULL PRIMARY KEY);"}};
constexpr LeaseTimes kFast{.renew_every = 20ms,
                           .lasts = 400ms,
                           .margin = 50ms,
                           .head_start = 150ms,
                           .looks_apart_max = 300ms};

/// Several servers share PostgreSQL alone: only this module's second run has them.
std::vector<std::string> databases() {
  const char* url = std::getenv("MUSTER_TEST_DATABASE");
  return url ? std::vector<std::string>{url} : std::vector<std::string>{};
}

class ServersTest : public testing::TestWithParam<std::string> {
 protected:
  void TearDown() override {
    auto database = open(1'000'000);
    ASSERT_TRUE(database->write_blocking([&](Connection& connection) {
      return connection.script("DROP SCHEMA \"" + schema_ + "\" CASCADE");
    }));
  }

  std::unique_ptr<Servers> join(const std::string& name) {
    auto joined = Servers::open(url_, {name, {name + ":7443"}, "1"}, 5s, kFast, schema_);
    EXPECT_TRUE(joined) << joined.error().message;
    return joined ? std::move(*joined) : nullptr;
  }
  std::unique_ptr<Database> open(std::int64_t term) {
    Options options;
    options.url = url_;
    options.schema = schema_;
    options.term = term;
    options.migrations = {MigrationSet{"test", kTables}};
    auto opened = Database::open(std::move(options));
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  static core::Status add(Database& database, std::int64_t id) {
    return database.write_blocking([&](Connection& connection) -> core::Status {
      MUSTER_TRY(connection.execute("INSERT INTO item(id) VALUES(?)", {id}));
      return {};
    });
  }
  template <typename F>
  static void until(F condition) {
    const auto deadline = core::mono_now() + 20s;
    while (!condition()) {
      ASSERT_LT(core::mono_now(), deadline);
      std::this_thread::sleep_for(5ms);
    }
  }

  const std::string url_ = GetParam();
  const std::string schema_ = "muster_test_" + core::to_hex(core::random_bytes(6));
};

TEST_P(ServersTest, OneLeadsAllAreSeenAndWhatIsGivenUpIsTaken) {
  auto a = join("a"), b = join("b");
  EXPECT_EQ(a->view().term, 0) << "nobody who does not stand";
  a->stand();
  until([&] { return a->view().counts; });
  b->stand();
  until([&] { return b->view().servers.size() == 2 && b->view().leader(); });
  const auto seen = b->view();
  EXPECT_EQ(seen.leader()->self.name, "a");
  EXPECT_EQ(seen.leader()->self.addresses, std::vector<std::string>{"a:7443"});
  EXPECT_TRUE(seen.has_others());
  EXPECT_FALSE(seen.counts);
  a->stop();
  // It gives the lease up first and then its row: whoever looks in between still sees it.
  until([&] { return b->view().counts && b->view().servers.size() == 1; });
  EXPECT_EQ(b->view().term, 2);
}

TEST_P(ServersTest, ALivingServersNameIsRefusedAndADeadOnesIsNot) {
  auto a = join("a");
  auto second = Servers::open(url_, {"a", {}, "1"}, 1s, kFast, schema_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_NE(second.error().message.find("--name"), std::string::npos);
  a.reset();
  EXPECT_TRUE(join("a"));
}

TEST_P(ServersTest, TheLeaderBeforeIsCutOffAndWritesNothing) {
  auto a = join("a"), b = join("b");
  a->stand();
  until([&] { return a->view().counts; });
  auto first = open(a->view().term);
  ASSERT_TRUE(add(*first, 1));
  a->withdraw();
  b->stand();
  until([&] { return b->view().counts; });
  // Nothing has told `first`, and its session is whole: the term alone keeps it from writing.
  const auto late = add(*first, 2);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kUnavailable) << late.error().message;
  auto next = open(b->view().term);
  EXPECT_FALSE(add(*first, 3));
  EXPECT_TRUE(add(*next, 4));
  EXPECT_EQ(*next->read_blocking([](Connection& connection) {
    return connection.integer("SELECT CAST(sum(id) AS BIGINT) FROM item");
  }),
            5);
}

TEST_P(ServersTest, ATransactionUnderWayIsUndoneByTheNextLeader) {
  auto a = join("a"), b = join("b");
  a->stand();
  until([&] { return a->view().counts; });
  auto first = open(a->view().term);
  std::atomic<bool> inside{false}, go{false};
  core::Status outcome;
  std::thread asleep([&] {  // as a process that is stopped between two statements
    outcome = first->write_blocking([&](Connection& connection) -> core::Status {
      MUSTER_TRY(connection.execute("INSERT INTO item(id) VALUES(?)", {1}));
      inside = true;
      while (!go) std::this_thread::sleep_for(1ms);
      MUSTER_TRY(connection.execute("INSERT INTO item(id) VALUES(?)", {2}));
      return {};
    });
  });
  until([&] { return inside.load(); });
  a->withdraw();
  b->stand();
  until([&] { return b->view().counts; });
  auto next = open(b->view().term);
  ASSERT_TRUE(add(*next, 1)) << "the row is free";
  go = true;
  asleep.join();
  EXPECT_FALSE(outcome);
  EXPECT_FALSE(add(*first, 3));
  EXPECT_EQ(*next->read_blocking([](Connection& connection) {
    return connection.integer("SELECT count(*) FROM item");
  }),
            1);
}

TEST_P(ServersTest, WhatIsFencedHereFailsAtOnce) {
  auto a = join("a");
  a->stand();
  until([&] { return a->view().counts; });
  auto database = open(a->view().term);
  ASSERT_TRUE(add(*database, 1));
  database->fence();
  EXPECT_EQ(add(*database, 2).error().code, Code::kUnavailable);
}

TEST_P(ServersTest, WhatWentWellBeforeItsConnectionWasLostIsNotCalledDone) {
  const auto server = join("one");
  const auto database = open(1'000'000);
  const auto outcome = database->write_blocking([&](Connection& connection) -> core::Status {
    MUSTER_TRY(connection.execute("INSERT INTO item (id) VALUES (?)", {7}));
    MUSTER_ASSIGN(const auto session, connection.integer("SELECT pg_backend_pid()"));
    // It ends behind its last answer and before the commit.
    return database->read_blocking([session](Connection& other) -> core::Status {
      MUSTER_TRY(other.integer(
          "SELECT CASE WHEN pg_terminate_backend(CAST(? AS integer), 10000) THEN 1 ELSE 0 END",
          {session}));
      return {};
    });
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, core::Code::kUnavailable) << outcome.error().message;
  EXPECT_EQ(*database->read_blocking([](Connection& connection) {
    return connection.integer("SELECT COUNT(*) FROM item");
  }),
            0);
  EXPECT_TRUE(add(*database, 7));
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ServersTest);
INSTANTIATE_TEST_SUITE_P(PostgreSQL, ServersTest, testing::ValuesIn(databases()));

}  // namespace
}  // namespace muster::store
