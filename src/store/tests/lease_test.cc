// SPDX-License-Identifier: Apache-2.0
//
// The lease among two and three servers, in simulated time: a table row, servers that look at it
// when they like, stop, sleep and lose their connections.
#include "store/lease.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace muster::store {
namespace {

using namespace std::chrono_literals;
using Step = Lease::Step;

/// The database: one row, and whose session is there.
struct Table {
  LeaseRow row;
  std::vector<std::string> connected;

  LeaseRow read() const {
    LeaseRow seen = row;
    seen.connected = std::ranges::find(connected, row.holder) != connected.end();
    return seen;
  }
  /// The check that every transaction of a leader makes.
  bool may_write(std::int64_t term) const { return row.term == term; }
};

struct Server {
  Server(Table& to, std::string instance_name, std::string server_name)
      : table(to), instance(instance_name), name(server_name), lease(instance, name) {
    table.connected.push_back(instance);
  }
  void look(core::MonoTime now) {
    const LeaseRow seen = table.read();
    switch (lease.looked(seen, now)) {
      case Step::kWait:
        return;
      case Step::kRenew:
        if (table.row.term != lease.term() || table.row.holder != instance) return lease.lost();
        ++table.row.renewals;
        return lease.holds(lease.term(), now);
      case Step::kTake:
        if (table.row.term != seen.term || table.row.renewals != seen.renewals) return;
        table.row = {seen.term + 1, instance, name, 0, true};
        return lease.holds(table.row.term, now);
    }
  }
  void disconnect() { std::erase(table.connected, instance); }
  void connect() { table.connected.push_back(instance); }
  bool leads(core::MonoTime now) const { return lease.counts(now); }

  Table& table;
  std::string instance, name;
  Lease lease;
};

class LeaseTest : public testing::Test {
 protected:
  /// Those who are awake look every second, for so long.
  void pass(core::Duration time, const std::vector<Server*>& awake) {
    for (const auto end = now + time; now < end; now += 1s) {
      for (Server* server : awake) server->look(now);
      const auto leading =
          std::ranges::count_if(awake, [&](const Server* server) { return server->leads(now); });
      EXPECT_LE(leading, 1);
    }
  }
  core::MonoTime now = core::MonoTime(1h);
  Table table;
};

TEST_F(LeaseTest, TheFirstLeadsAtOnceAndTheSecondWaits) {
  Server a(table, "a1", "a"), b(table, "b1", "b");
  a.look(now);
  EXPECT_TRUE(a.leads(now));
  pass(60s, {&a, &b});
  EXPECT_TRUE(a.leads(now));
  EXPECT_FALSE(b.leads(now));
  EXPECT_EQ(table.row.term, 1);
}

TEST_F(LeaseTest, OneWhoseSessionHasEndedIsReplacedSoon) {
  Server a(table, "a1", "a"), b(table, "b1", "b"), c(table, "c1", "c");
  pass(10s, {&a, &b, &c});
  a.disconnect();
  pass(4s, {&b, &c});
  EXPECT_TRUE(b.leads(now));
  EXPECT_EQ(table.row.term, 2);
  pass(60s, {&b, &c});
  EXPECT_EQ(table.row.term, 2);
}

TEST_F(LeaseTest, ASleeperIsPassedOverAndWritesNothingWhenItWakes) {
  Server a(table, "a1", "a"), b(table, "b1", "b");
  pass(10s, {&a, &b});
  const auto term = a.lease.term();
  pass(5s, {&b});
  EXPECT_FALSE(b.leads(now)) << "the lease lasts 6 s";
  EXPECT_FALSE(a.leads(now)) << "its own clock says so first";
  pass(3s, {&b});
  EXPECT_TRUE(b.leads(now));
  EXPECT_FALSE(table.may_write(term));
  a.look(now);  // it wakes
  EXPECT_FALSE(a.leads(now));
  EXPECT_EQ(a.lease.term(), 0);
  pass(60s, {&a, &b});
  EXPECT_TRUE(b.leads(now));
  EXPECT_EQ(table.row.term, 2);
}

TEST_F(LeaseTest, WhoWasAsleepWithTheLeaderDoesNotTakeWhatItHasNotWatched) {
  Server a(table, "a1", "a"), b(table, "b1", "b");
  pass(10s, {&a, &b});
  now += 10min;  // both machines are suspended
  b.look(now);
  EXPECT_FALSE(b.leads(now));
  a.look(now);
  EXPECT_TRUE(a.leads(now));
  EXPECT_EQ(table.row.term, 1);
}

TEST_F(LeaseTest, ADatabaseThatWasAwayLeavesTheLeaderItsTurn) {
  Server a(table, "a1", "a"), b(table, "b1", "b");
  pass(10s, {&a, &b});
  a.disconnect();
  b.disconnect();
  now += 40s;
  b.connect();
  b.look(now);
  EXPECT_FALSE(b.leads(now));
  now += 1s;
  a.connect();
  a.look(now);
  EXPECT_TRUE(a.leads(now));
  EXPECT_EQ(table.row.term, 1);
}

TEST_F(LeaseTest, ARestartedServerNeedNotWaitForItself) {
  Server a(table, "a1", "a"), b(table, "b1", "b");
  pass(10s, {&a, &b});
  a.disconnect();
  Server again(table, "a2", "a");
  again.look(now);
  EXPECT_TRUE(again.leads(now));
  EXPECT_EQ(table.row.term, 2);
}

TEST_F(LeaseTest, WhatWasGivenUpIsTakenAtOnce) {
  Server a(table, "a1", "a"), b(table, "b1", "b");
  pass(10s, {&a, &b});
  table.row.holder = table.row.name = "";
  a.lease.lost();
  b.look(now);
  EXPECT_TRUE(b.leads(now));
}

TEST_F(LeaseTest, AStepWhoseAnswerWasLostIsTakenAgainUnderAnotherTerm) {
  Server a(table, "a1", "a");
  table.row = {7, "a1", "a", 0, true};  // it was done, and nobody heard of it
  EXPECT_FALSE(a.leads(now));
  a.look(now);
  EXPECT_TRUE(a.leads(now));
  EXPECT_EQ(table.row.term, 8);
}

TEST_F(LeaseTest, OfTwoThatTakeInTheSameMomentOneWins) {
  Server a(table, "a1", "a"), b(table, "b1", "b"), c(table, "c1", "c");
  pass(10s, {&a, &b, &c});
  a.disconnect();
  const LeaseRow seen = table.read();
  for (core::Duration waited = 1s; waited < 3s; waited += 500ms) {
    EXPECT_EQ(b.lease.looked(seen, now), waited < 2500ms ? Step::kWait : Step::kTake);
    EXPECT_EQ(c.lease.looked(seen, now), waited < 2500ms ? Step::kWait : Step::kTake);
    now += 500ms;
  }
  b.look(now);
  c.look(now);
  EXPECT_TRUE(b.leads(now));
  EXPECT_FALSE(c.leads(now));
}

}  // namespace
}  // namespace muster::store
