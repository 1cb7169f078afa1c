// SPDX-License-Identifier: Apache-2.0
//
// A gateway sent every piece of a large result on at once: two hundred endpoints filled its
// connection, then the server's memory, and small answers waited behind them.
#include "gateway/chunk_queue.h"

#include <gtest/gtest.h>

namespace muster::gateway {
namespace {

wire::Chunk chunk(std::uint64_t run, std::size_t bytes) {
  wire::Chunk made;
  made.set_run(run);
  made.set_data(std::string(bytes, 'x'));
  return made;
}

class ChunkQueueTest : public ::testing::Test {
 protected:
  void push(std::uint64_t link, std::uint64_t run, std::size_t bytes) {
    queue.push(link, core::EndpointId{}, chunk(run, bytes));
  }
  std::vector<std::uint64_t> runs() {
    std::vector<std::uint64_t> list;
    while (const auto next = queue.next()) list.push_back(next->chunk.run());
    return list;
  }
  ChunkQueue queue{100};
};

TEST_F(ChunkQueueTest, OnlySoMuchGoesAheadOfTheServer) {
  for (std::uint64_t run = 1; run <= 5; ++run) push(1, run, 40);
  EXPECT_EQ(runs(), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(queue.ahead_bytes(), 80U);
  EXPECT_EQ(queue.taken(40), 40U);
  EXPECT_EQ(runs(), (std::vector<std::uint64_t>{3}));
  EXPECT_EQ(queue.taken(1000), 80U);  // no more than there was
  EXPECT_EQ(runs(), (std::vector<std::uint64_t>{4, 5}));
}

TEST_F(ChunkQueueTest, PieceLargerThanTheRoomGoesAlone) {
  push(1, 1, 300);
  push(1, 2, 1);
  EXPECT_EQ(runs(), (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(queue.taken(300), 300U);
  EXPECT_EQ(runs(), (std::vector<std::uint64_t>{2}));
}

TEST_F(ChunkQueueTest, WhatALinkLeftBehindIsThrownAway) {
  push(1, 7, 60);
  push(1, 7, 60);
  push(2, 8, 60);
  push(1, 9, 60);
  EXPECT_EQ(runs(), (std::vector<std::uint64_t>{7}));
  EXPECT_EQ(queue.drop(1, 7), 60U);  // what is ahead stays ahead
  EXPECT_EQ(queue.drop(1), 60U);
  EXPECT_EQ(queue.drop(1), 0U);
  EXPECT_EQ(queue.taken(60), 60U);
  EXPECT_EQ(runs(), (std::vector<std::uint64_t>{8}));
}

}  // namespace
}  // namespace muster::gateway
