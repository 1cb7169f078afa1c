// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <semaphore>
#include <string>
#include <thread>

#include "runtime/task_group.h"
#include "runtime/testing.h"
#include "store/database.h"

namespace muster::store {
namespace {

using core::Code;
using testing::HasSubstr;

constexpr Migration kTables[] = {
    {1, "CREATE TABLE item(id INTEGER PRIMARY KEY, word TEXT UNIQUE, body BLOB, weight REAL);"},
    {2, "CREATE TABLE part(item INTEGER NOT NULL REFERENCES item(id), n INTEGER CHECK(n < 10));"}};

std::unique_ptr<Database> temporary() {
  auto opened = Database::open_temporary({MigrationSet{"test", kTables}});
  EXPECT_TRUE(opened) << opened.error().message;
  return std::move(*opened);
}

core::Status add(Connection& connection, std::int64_t id, std::string_view word) {
  MUSTER_TRY(connection.execute("INSERT INTO item(id, word) VALUES(?, ?)", {id, word}));
  return {};
}

std::int64_t count(Database& database) {
  auto found = database.read_blocking(
      [](Connection& connection) { return connection.integer("SELECT count(*) FROM item"); });
  EXPECT_TRUE(found) << found.error().message;
  return found.value_or(-1);
}

TEST(Connection, EveryTypeComesBackAsItWent) {
  auto database = temporary();
  const std::string bytes("\0\xff\x80 x", 5);
  auto done = database->write_blocking([&](Connection& connection) -> core::Status {
    MUSTER_TRY(connection.execute(
        "INSERT INTO item(id, word, body, weight) VALUES(?, ?, ?, ?)",
        {std::numeric_limits<std::int64_t>::min(), "größer", Blob{bytes}, 0.25}));
    MUSTER_TRY(connection.execute("INSERT INTO item(id, word, body, weight) VALUES(?, ?, ?, ?)",
                                  {1, "", Blob{""}, nullptr}));
    MUSTER_TRY(connection.execute("INSERT INTO item(id, word, body) VALUES(?, ?, ?)",
                                  {2, std::optional<std::string>(), std::nullopt}));
    int rows = 0;
    MUSTER_TRY(connection.query(
        "SELECT id, word, body, weight FROM item ORDER BY id", {}, [&](const Row& row) {
          ++rows;
          if (rows == 1) {
            EXPECT_EQ(row.integer(0), std::numeric_limits<std::int64_t>::min());
            EXPECT_EQ(row.text(1), "größer");
            EXPECT_EQ(row.blob(2), bytes);
            EXPECT_EQ(row.real(3), 0.25);
          } else if (rows == 2) {
            EXPECT_FALSE(row.is_null(1));
            EXPECT_FALSE(row.is_null(2));
            EXPECT_TRUE(row.is_null(3));
          } else {
            EXPECT_TRUE(row.is_null(1));
            EXPECT_TRUE(row.is_null(2));
            EXPECT_EQ(row.maybe_integer(3), std::nullopt);
          }
        }));
    EXPECT_EQ(rows, 3);
    return {};
  });
  ASSERT_TRUE(done) << done.error().message;
}

// A hostile endpoint's reason with a NUL in it would be refused by PostgreSQL for ever, and with
// it every batch of the ledger that it is in.
TEST(Connection, TextThatIsNoneIsKeptAsWellAsItCanBe) {
  auto database = temporary();
  const std::string hostile("a\0b\xff\xc3\xe2\x82ü", 9);
  auto done = database->write_blocking([&](Connection& c) -> core::Status {
    MUSTER_TRY(add(c, 1, hostile));
    MUSTER_TRY(add(c, 2, "whole"));
    return c.query("SELECT id, word FROM item ORDER BY id", {}, [&](const Row& row) {
      const auto bad = "a\uFFFDb\uFFFD\uFFFD\uFFFD\uFFFDü";
      EXPECT_EQ(row.text(1), row.integer(0) == 1 ? bad : "whole");
    });
  });
  ASSERT_TRUE(done) << done.error().message;
  auto found = database->read_blocking([&](Connection& c) {
    return c.integer("SELECT count(*) FROM item WHERE word = ?", {hostile});
  });
  EXPECT_EQ(found, 1);
}

TEST(Connection, BrokenConstraintsHaveTheirCodes) {
  auto database = temporary();
  ASSERT_TRUE(database->write_blocking([](Connection& c) { return add(c, 1, "a"); }));
  auto twice = database->write_blocking([](Connection& c) { return add(c, 2, "a"); });
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Code::kExists);
  auto orphan = database->write_blocking(
      [](Connection& c) { return c.execute("INSERT INTO part(item, n) VALUES(?, ?)", {99, 1}); });
  ASSERT_FALSE(orphan);
  EXPECT_EQ(orphan.error().code, Code::kConflict);
  auto unchecked = database->write_blocking(
      [](Connection& c) { return c.execute("INSERT INTO part(item, n) VALUES(?, ?)", {1, 10}); });
  ASSERT_FALSE(unchecked);
  EXPECT_EQ(unchecked.error().code, Code::kConflict);
}

TEST(Connection, OurOwnMistakesAreNamed) {
  auto database = temporary();
  for (std::string_view sql : {"SELEKT 1", "SELECT 1; SELECT 2", "", "SELECT ?"}) {
    auto failed = database->write_blocking([&](Connection& c) { return c.execute(sql); });
    ASSERT_FALSE(failed) << sql;
    EXPECT_EQ(failed.error().code, Code::kInternal) << sql;
  }
}

TEST(Connection, AQueryMayRunWithinItself) {
  auto database = temporary();
  auto done = database->write_blocking([](Connection& c) -> core::Status {
    MUSTER_TRY(add(c, 1, "a"));
    MUSTER_TRY(add(c, 2, "b"));
    int pairs = 0;
    const std::string_view sql = "SELECT id FROM item";
    MUSTER_TRY(c.query(sql, {},
                       [&](const Row&) { return c.query(sql, {}, [&](const Row&) { ++pairs; }); }));
    EXPECT_EQ(pairs, 4);
    return {};
  });
  ASSERT_TRUE(done) << done.error().message;
}

TEST(Connection, AQueryEndsWhenItsRowSaysSo) {
  auto database = temporary();
  auto done = database->write_blocking([](Connection& c) -> core::Status {
    MUSTER_TRY(add(c, 1, "a"));
    MUSTER_TRY(add(c, 2, "b"));
    int rows = 0;
    MUSTER_TRY(c.query("SELECT id FROM item", {}, [&](const Row&) { return ++rows < 1; }));
    EXPECT_EQ(rows, 1);
    return c.query("SELECT id FROM item", {}, [&](const Row&) -> core::Status {
      return core::fail(Code::kTimeout, "enough");
    });
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kTimeout);
}

TEST(Connection, MoreStatementsThanTheCacheHolds) {
  auto database = temporary();
  auto sum = database->read_blocking([](Connection& c) -> core::Result<std::int64_t> {
    std::int64_t total = 0;
    for (int i = 0; i < 1200; ++i) {
      MUSTER_ASSIGN(auto value, c.integer("SELECT " + std::to_string(i)));
      total += value;
    }
    return total;
  });
  ASSERT_TRUE(sum);
  EXPECT_EQ(*sum, 1200 * 1199 / 2);
}

TEST(Connection, AReaderCannotWrite) {
  auto database = temporary();
  auto failed = database->read_blocking([](Connection& c) { return add(c, 1, "a"); });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kDenied);
}

TEST(Database, WorkThatFailsIsUndoneAloneAndTheGroupGoesOn) {
  runtime::Loop loop;  // outlives the database, whose threads let go of it late
  auto database = temporary();
  std::binary_semaphore running(0), gate(0);
  std::vector<std::string> order;
  const auto note = [&](std::string name) {
    return [&order, name](core::Status status) { order.push_back(name + (status ? "+" : "-")); };
  };
  // Holds the writer until all four are queued, so that they share a transaction.
  database->write_then(
      loop,
      [&](Connection&) -> core::Status {
        return running.release(), gate.acquire(), core::Status{};
      },
      note("gate"));
  running.acquire();  // the writer has taken this piece alone
  database->write_then(loop, [](Connection& c) { return add(c, 1, "a"); }, note("one"));
  database->write_then(
      loop,
      [](Connection& c) -> core::Status {
        MUSTER_TRY(add(c, 2, "b"));
        return core::fail(Code::kInvalid, "changed its mind");
      },
      note("two"));
  database->write_then(loop, [](Connection& c) { return add(c, 3, "b"); }, note("three"));
  database->write_then(
      loop, [](Connection&) -> core::Status { throw std::runtime_error("thrown"); }, note("four"));
  gate.release();
  loop.run_until_idle();
  EXPECT_THAT(order, testing::ElementsAre("gate+", "one+", "two-", "three+", "four-"));
  EXPECT_EQ(count(*database), 2);
  EXPECT_EQ(database->stats().failures, 2u);
  EXPECT_EQ(database->stats().commits, 2u);
}

TEST(Database, AThousandWritesWaitingShareFewCommits) {
  runtime::Loop loop;  // outlives the database, whose threads let go of it late
  auto database = temporary();
  std::binary_semaphore running(0), gate(0);
  int done = 0;
  database->write_then(
      loop,
      [&](Connection&) -> core::Status {
        return running.release(), gate.acquire(), core::Status{};
      },
      [](core::Status) {});
  running.acquire();
  for (int i = 0; i < 1000; ++i) {
    database->write_then(
        loop, [i](Connection& c) { return add(c, i, std::to_string(i)); },
        [&](core::Status status) { done += status ? 1 : 0; });
  }
  gate.release();
  loop.run_until_idle();
  EXPECT_EQ(done, 1000);
  EXPECT_EQ(database->stats().commits, 2u);
}

TEST(Database, TasksGetTheirValuesOnTheirLoop) {
  runtime::Loop loop;  // outlives the database, whose threads let go of it late
  auto database = temporary();
  const auto thread = std::this_thread::get_id();
  const bool finished = runtime::run_to_end(loop, [&]() -> runtime::Task<bool> {
    auto id = co_await database->write([&](Connection& c) -> core::Result<std::int64_t> {
      EXPECT_NE(std::this_thread::get_id(), thread);
      return c.integer("INSERT INTO item(word) VALUES('x') RETURNING id");
    });
    EXPECT_TRUE(id);
    EXPECT_EQ(std::this_thread::get_id(), thread);
    auto word = co_await database->read([id](Connection& c) {
      return c.first("SELECT word FROM item WHERE id = ?", {*id},
                     [](const Row& row) { return row.string(0); });
    });
    EXPECT_TRUE(word && *word == "x");
    auto failed = co_await database->write(
        [](Connection&) -> core::Status { return core::fail(Code::kNotFound, "no"); });
    EXPECT_EQ(failed.error().code, Code::kNotFound);
    co_return true;
  }());
  EXPECT_TRUE(finished);
}

TEST(Database, ManyLoopsAndThreadsAtOnce) {
  auto database = temporary();
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      runtime::Loop loop;
      int mine = 0;  // touched by this loop's thread only
      for (int i = 0; i < 200; ++i) {
        database->write_then(
            loop, [=](Connection& c) { return add(c, t * 1000 + i, std::to_string(t * 1000 + i)); },
            [&mine](core::Status status) { mine += status ? 1 : 0; });
        if (i % 20 == 0) EXPECT_GE(count(*database), 0);
      }
      loop.run_until_idle();
      done += mine;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, 800);
  EXPECT_EQ(count(*database), 800);
}

TEST(Database, AFullQueueRefuses) {
  auto folder =
      std::filesystem::temp_directory_path() / ("muster-queue-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  {
    auto database = Database::open({.path = folder / "q.db", .queue_max = 2});
    ASSERT_TRUE(database) << database.error().message;
    runtime::Loop loop;
    std::binary_semaphore running(0), gate(0);
    std::vector<Code> refused;
    int good = 0;
    const auto note = [&](core::Status status) {
      status ? void(++good) : refused.push_back(status.error().code);
    };
    (*database)->write_then(
        loop,
        [&](Connection&) -> core::Status {
          running.release();
          gate.acquire();
          return {};
        },
        note);
    running.acquire();
    for (int i = 0; i < 4; ++i) {
      (*database)->write_then(loop, [](Connection&) -> core::Status { return {}; }, note);
    }
    gate.release();
    loop.run_until_idle();
    EXPECT_EQ(good, 3);
    EXPECT_THAT(refused, testing::ElementsAre(Code::kLimit, Code::kLimit));
    EXPECT_EQ((*database)->stats().refused, 2u);
  }
  std::filesystem::remove_all(folder);
}

TEST(Database, WhatMustBeReadFirstIsReadBeforeAllThatWaits) {
  auto folder =
      std::filesystem::temp_directory_path() / ("store_first_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  {
    runtime::Loop loop;
    auto database = Database::open({.path = folder / "f.db", .readers = 1, .queue_max = 4});
    ASSERT_TRUE(database) << database.error().message;
    std::binary_semaphore running(0), gate(0);
    std::string order;  // the one reader's
    runtime::TaskGroup tasks(loop, "reads");
    const auto read = [&](char name, bool first) -> runtime::Task<void> {
      const auto work = [&order, name](Connection&) -> core::Status {
        return order += name, core::Status{};
      };
      const auto done =
          first ? co_await (*database)->read_first(work) : co_await (*database)->read(work);
      EXPECT_TRUE(done);
    };
    const auto hold = [&]() -> runtime::Task<void> {
      EXPECT_TRUE(co_await (*database)->read([&](Connection&) -> core::Status {
        return running.release(), gate.acquire(), core::Status{};
      }));
    };
    tasks.spawn(hold());
    loop.context().poll();
    running.acquire();  // the reader has taken this piece
    for (const char name : {'a', 'b', 'c', 'd'}) tasks.spawn(read(name, false));
    tasks.spawn(read('!', true));  // beyond the limit, too
    loop.context().poll();
    gate.release();
    loop.run_until_idle();
    EXPECT_EQ(order, "!abcd");
  }
  std::filesystem::remove_all(folder);
}

TEST(Database, StopFinishesWhatIsQueuedAndRefusesTheRest) {
  runtime::Loop loop;  // outlives the database, whose threads let go of it late
  auto database = temporary();
  int good = 0;
  for (int i = 0; i < 50; ++i) {
    database->write_then(
        loop, [i](Connection& c) { return add(c, i, std::to_string(i)); },
        [&](core::Status status) { good += status ? 1 : 0; });
  }
  database->stop();
  auto late = database->write_blocking([](Connection& c) { return add(c, 99, "late"); });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kCancelled);
  loop.run_until_idle();
  EXPECT_EQ(good, 50);
}

}  // namespace
}  // namespace muster::store
