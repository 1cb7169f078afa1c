// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "intake/items.h"
#include "intake/queue.h"
#include "intake/spool.h"
#include "intake/store.h"
#include "store/database.h"

namespace muster::intake {
namespace {

using namespace std::chrono_literals;
using core::Code;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

core::EndpointId host(int number) {
  return core::EndpointId::of_public_key("host " + std::to_string(number));
}

TEST(Items, SayWhatIsWrong) {
  const auto event = read_event(R"({"kind":"disk.full","severity":"error","text":"a\u0007b",
                                    "data":{"free":0},"key":"sda1"})");
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->severity, Severity::kError);
  EXPECT_THAT(event->text, Not(HasSubstr("\a")));
  EXPECT_EQ(event->data, R"({"free":0})");
  EXPECT_EQ(read_event(R"({"kind":"x"})")->severity, Severity::kInfo);
  const std::pair<std::string, const char*> bad[] = {
      {"", "JSON object"},
      {"[]", "JSON object"},
      {"{}", "kind must be"},
      {R"({"kind":"a b"})", "kind must be"},
      {R"({"kind":7})", "kind must be a text"},
      {R"({"kind":"x","severity":"bad"})", "severity must be"},
      {R"({"kind":"x","text":7})", "text must be"},
      {R"({"kind":"x","text":")" + std::string(1025, 'x') + "\"}", "1025 bytes, 1024"},
      {R"({"kind":"x","data":[1]})", "data must be an object"},
      {R"({"kind":"x","data":{"a":")" + std::string(4096, 'x') + "\"}}", "4096 are allowed"},
      {R"({"kind":"x","key":""})", "key must be"},
      {R"({"kind":"x","colour":1})", "no member 'colour'"},
      {R"({"kind":"x","data":)" + std::string(100, '[') + std::string(100, ']') + "}", "JSON"},
      {R"({"kind":"x","data":{"n":[-1e400]}})", "a number in it is too large"},
  };
  for (const auto& [body, why] : bad) {
    const auto read = read_event(body);
    ASSERT_FALSE(read) << body;
    EXPECT_THAT(read.error().message, HasSubstr(why)) << body;
  }
  EXPECT_EQ(read_inventory(R"({"table":"disks","data":[{"name":"sda"}]})")->data,
            R"([{"name":"sda"}])");
  EXPECT_FALSE(read_inventory(R"({"table":"disks"})"));
  EXPECT_FALSE(read_inventory(R"({"table":"../x","data":1})"));
  EXPECT_EQ(
      read_inventory(R"({"table":"x","data":")" + std::string(49 * 1024, 'x') + "\"}").error().code,
      Code::kLimit);
}

wire::IntakeItem item(int from, std::string body = R"({"kind":"x"})",
                      std::string_view call = kEventCall, std::uint64_t run = 1) {
  wire::IntakeItem made;
  made.set_endpoint(std::string(host(from).bytes()));
  made.set_run(run);
  made.set_call(std::string(call));
  made.set_body(std::move(body));
  return made;
}

wire::IntakeTaken answer(const wire::IntakeUp& batch) {
  wire::IntakeTaken taken;
  taken.set_queue(batch.queue());
  taken.set_sequence(batch.items(batch.items_size() - 1).sequence());
  return taken;
}

class QueueTest : public ::testing::Test {
 protected:
  core::Status put(int from, std::size_t bytes = 100) {
    MUSTER_TRY(queue.admit(host(from), bytes, now));
    queue.push(item(from, std::string(bytes, 'x')));
    return {};
  }

  QueueLimits limits = [] {
    QueueLimits small;
    small.bytes_max = 20'000;
    small.items_max = 50;
    small.endpoint_bytes_max = 5'000;
    small.endpoint_at_once = 10;
    small.batch_items_max = 4;
    return small;
  }();
  Queue queue{std::string(16, 'q'), 1, limits};
  core::MonoTime now{1h};
};

TEST_F(QueueTest, OneBatchAtATimeInOrder) {
  EXPECT_FALSE(queue.next_batch(now));
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(put(i));
  const auto first = queue.next_batch(now);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->items_size(), 4);
  EXPECT_EQ(first->items(0).sequence(), 1u);
  EXPECT_FALSE(queue.next_batch(now)) << "one is under way";
  EXPECT_TRUE(queue.taken(answer(*first)));
  const auto second = queue.next_batch(now);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->items(0).sequence(), 5u);
  EXPECT_TRUE(queue.taken(answer(*second)));
  EXPECT_FALSE(queue.taken(answer(*second)));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.due(), core::MonoTime::max());
  EXPECT_EQ(queue.stats().bytes, 0u);
}

TEST_F(QueueTest, WhatIsNotAnsweredGoesAgain) {
  ASSERT_TRUE(put(1));
  const auto first = queue.next_batch(now);
  EXPECT_EQ(queue.due(), now + limits.answer_patience);
  EXPECT_FALSE(queue.next_batch(now + 29s));
  EXPECT_EQ(queue.next_batch(now + 30s)->items(0).sequence(), 1u);
  queue.server_lost();
  EXPECT_EQ(queue.next_batch(now + 31s)->items(0).sequence(), 1u);
  EXPECT_EQ(queue.stats().sent_again, 2u);
  wire::IntakeTaken foreign = answer(*first);
  foreign.set_queue(std::string(16, 'z'));
  EXPECT_FALSE(queue.taken(foreign));
  foreign.set_queue(first->queue());
  foreign.set_sequence(99);
  EXPECT_FALSE(queue.taken(foreign)) << "it never left";
  EXPECT_FALSE(queue.empty());
}

TEST_F(QueueTest, HasLimits) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(put(1)) << i;
  EXPECT_THAT(put(1).error().message, HasSubstr("too fast"));
  now += 1s;
  EXPECT_TRUE(put(1));
  EXPECT_THAT(put(2, 5'000).error().message, HasSubstr("of this host"));
  int others = 0;
  while (put(10 + others, 1'000)) ++others;
  EXPECT_THAT(put(9, 1'000).error().message, HasSubstr("as much for the server as it may"));
  EXPECT_LE(queue.stats().bytes, limits.bytes_max);
  EXPECT_GT(queue.stats().refused, 2u);
}

class SpoolTest : public ::testing::Test {
 protected:
  SpoolTest() {
    char name[] = "/tmp/muster-spool-XXXXXX";
    folder = mkdtemp(name);
  }
  ~SpoolTest() override { std::filesystem::remove_all(folder); }
  Spool open() { return std::move(*Spool::open(file(), 1 << 20, found)); }
  std::filesystem::path file() const { return folder / "intake"; }
  static wire::IntakeItem numbered(std::uint64_t number, std::size_t bytes = 10) {
    wire::IntakeItem made = item(1, std::string(bytes, 'x'));
    made.set_sequence(number);
    return made;
  }
  static core::Status append(Spool& spool, const wire::IntakeItem& one) {
    return spool.append({one}, one.sequence() + 1);
  }
  std::vector<std::uint64_t> numbers() const {
    std::vector<std::uint64_t> list;
    for (const auto& one : found.items) list.push_back(one.sequence());
    return list;
  }

  std::filesystem::path folder;
  Spool::Found found;
};

TEST_F(SpoolTest, IsFoundAgain) {
  {
    Spool spool = open();
    EXPECT_THAT(found.items, IsEmpty());
    for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(append(spool, numbered(i)));
  }
  const std::string queue = found.queue;
  {
    Spool spool = open();
    EXPECT_EQ(found.queue, queue);
    EXPECT_THAT(numbers(), ElementsAre(1, 2, 3));
    EXPECT_EQ(found.next, 4u);
    ASSERT_TRUE(append(spool, numbered(4)));
  }
  open();
  EXPECT_THAT(numbers(), ElementsAre(1, 2, 3, 4));
}

TEST_F(SpoolTest, OpensWhereNothingCanBeWrittenAndKeepsAllOnceItCan) {
  {
    Spool spool = open();
    ASSERT_TRUE(append(spool, numbered(1)));
  }
  const auto in_the_way = folder / "intake.new";
  std::filesystem::create_directory(in_the_way);
  Spool spool = open();
  EXPECT_THAT(numbers(), ElementsAre(1));
  EXPECT_FALSE(spool.append({numbered(1), numbered(2)}, 3));
  std::filesystem::remove(in_the_way);
  ASSERT_TRUE(spool.append({numbered(1), numbered(2)}, 3));
  ASSERT_TRUE(append(spool, numbered(3)));
  open();
  EXPECT_THAT(numbers(), ElementsAre(1, 2, 3));
}

TEST_F(SpoolTest, ADamagedEndTakesNothingElse) {
  {
    Spool spool = open();
    for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(append(spool, numbered(i)));
  }
  const std::string queue = found.queue;
  std::filesystem::resize_file(file(), std::filesystem::file_size(file()) - 3);
  open();
  EXPECT_THAT(numbers(), ElementsAre(1, 2));
  EXPECT_EQ(found.queue, queue);
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << "something else entirely";
  open();
  EXPECT_THAT(numbers(), IsEmpty());
  EXPECT_NE(found.queue, queue) << "numbers begin anew, so it is another queue";
}

TEST_F(SpoolTest, ShrinksAndNeverUsesANumberTwice) {
  Spool spool = open();
  for (std::uint64_t i = 1; i <= 20; ++i) ASSERT_TRUE(append(spool, numbered(i, 60'000)));
  EXPECT_GT(std::filesystem::file_size(file()), 1'000'000u);
  spool.left({numbered(20, 60'000)}, 21);
  EXPECT_LT(std::filesystem::file_size(file()), 100'000u);
  ASSERT_TRUE(append(spool, numbered(21, 60'000)));
  spool.left({}, 22);
  EXPECT_LT(std::filesystem::file_size(file()), 100u);
  open();
  EXPECT_EQ(found.next, 22u);
}

class StoreTest : public ::testing::Test {
 protected:
  wire::IntakeUp batch(std::vector<wire::IntakeItem> items, char queue = 'q') {
    wire::IntakeUp made;
    made.set_queue(std::string(16, queue));
    for (auto& one : items) {
      one.set_sequence(++last[queue]);
      *made.add_items() = one;
    }
    return made;
  }
  Outcome apply(const wire::IntakeUp& what, core::WallTime when = core::wall_from_unix_ms(1000)) {
    auto outcome = database->write_blocking(
        [&](store::Connection& connection) { return Store::apply(connection, "gw", what, when); });
    EXPECT_TRUE(outcome) << outcome.error().message;
    return outcome.value_or(Outcome{});
  }
  std::vector<std::string> kinds(const EventFilter& filter = {}) {
    auto events = database->read_blocking(
        [&](store::Connection& connection) { return Store::events(connection, filter, 100, {}); });
    EXPECT_TRUE(events) << events.error().message;
    std::vector<std::string> list;
    for (const auto& event : *events) list.push_back(event.event.kind);
    return list;
  }
  std::string table(int from, const std::string& name) {
    const auto tables = database->read_blocking(
        [&](store::Connection& connection) { return Store::inventory(connection, host(from)); });
    for (const auto& one : *tables)
      if (one.inventory.table == name) return one.inventory.data;
    return "";
  }

  std::map<char, std::uint64_t> last;
  std::unique_ptr<store::Database> database =
      store::Database::open_temporary({migrations()}).value();
};

TEST_F(StoreTest, ABatchThatComesAgainIsStoredOnce) {
  const auto first = batch({item(1, R"({"kind":"a"})"), item(2, R"({"kind":"b"})")});
  EXPECT_EQ(apply(first).events, 2u);
  EXPECT_EQ(apply(first).repeated, 2u);
  auto longer = first;
  *longer.add_items() = item(1, R"({"kind":"c"})");
  longer.mutable_items(2)->set_sequence(3);
  const Outcome outcome = apply(longer);
  EXPECT_EQ(outcome.events, 1u);
  EXPECT_EQ(outcome.repeated, 2u);
  EXPECT_THAT(kinds(), ElementsAre("c", "b", "a"));
}

TEST_F(StoreTest, AKeyIsOneEventWhicheverWayItCame) {
  const std::string body = R"({"kind":"a","key":"k"})";
  EXPECT_EQ(apply(batch({item(1, body), item(2, body)}, 'q')).events, 2u);
  EXPECT_EQ(apply(batch({item(1, body)}, 'z')).repeated, 1u);
  EXPECT_THAT(kinds(), SizeIs(2));
}

TEST_F(StoreTest, Filters) {
  apply(batch({item(1, R"({"kind":"a","severity":"debug"})"),
               item(1, R"({"kind":"b","severity":"error"})", kEventCall, 7),
               item(2, R"({"kind":"b","severity":"critical"})")}));
  EventFilter by_host, by_run, by_severity, by_kind;
  by_host.endpoint = host(1);
  by_run.run = core::RunId(7);
  by_severity.at_least = Severity::kError;
  by_kind.kind = "a";
  EXPECT_THAT(kinds(by_host), ElementsAre("b", "a"));
  EXPECT_THAT(kinds(by_run), ElementsAre("b"));
  EXPECT_THAT(kinds(by_severity), ElementsAre("b", "b"));
  EXPECT_THAT(kinds(by_kind), ElementsAre("a"));
}

TEST_F(StoreTest, TheNewerRunsTableHolds) {
  const auto report = [](const char* data, std::uint64_t run) {
    return item(1, std::string(R"({"table":"t","data":)") + data + "}", kInventoryCall, run);
  };
  apply(batch({report("1", 5)}));
  apply(batch({report("2", 6)}));
  EXPECT_EQ(table(1, "t"), "2");
  apply(batch({report("3", 5)}, 'z'));
  EXPECT_EQ(table(1, "t"), "2") << "it came late, by another gateway";
  apply(batch({report("4", 6)}));
  EXPECT_EQ(table(1, "t"), "4");
  std::vector<wire::IntakeItem> many;
  for (std::size_t i = 0; i < kTablesMax; ++i)
    many.push_back(
        item(2, R"({"table":"t)" + std::to_string(i) + R"(","data":0})", kInventoryCall));
  many.push_back(item(2, R"({"table":"one-too-many","data":0})", kInventoryCall));
  const Outcome outcome = apply(batch(std::move(many)));
  EXPECT_EQ(outcome.tables, kTablesMax);
  EXPECT_EQ(outcome.dropped, 1u);
}

TEST_F(StoreTest, OldEventsGo) {
  const auto start = core::wall_from_unix_ms(1'800'000'000'000);
  apply(batch({item(1, R"({"kind":"old"})")}), start);
  apply(batch({item(1, R"({"kind":"new"})"), item(1, "nonsense")}), start + kEventsKept);
  const auto more = database->write_blocking([&](store::Connection& connection) {
    return Store::retain(connection, start + kEventsKept + 1s);
  });
  ASSERT_TRUE(more) << more.error().message;
  EXPECT_FALSE(*more);
  EXPECT_THAT(kinds(), ElementsAre("new"));
}

}  // namespace
}  // namespace muster::intake
