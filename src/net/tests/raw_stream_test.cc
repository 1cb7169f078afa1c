// SPDX-License-Identifier: Apache-2.0
#include "net/raw_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/bytes.h"

namespace muster::net {
namespace {

using ::testing::HasSubstr;

struct End final : RawStreamHandler {
  std::string got;
  std::optional<core::Error> ended;
  int rooms = 0;
  void on_bytes(std::string_view bytes) override { got += bytes; }
  void on_room() override { ++rooms; }
  void on_ended(core::Error why) override { ended = std::move(why); }
};

class RawStreamTest : public ::testing::Test {
 protected:
  RawStreamTest() {
    auto ends = RawStream::pair(loop);
    a = std::make_unique<RawStream>(std::move(ends->first));
    b = std::make_unique<RawStream>(std::move(ends->second));
  }
  ~RawStreamTest() override {
    a.reset();
    b.reset();
    settle();
  }
  void settle() {
    loop.context().restart();
    while (loop.context().poll() > 0) {
    }
  }
  runtime::Loop loop;
  std::unique_ptr<RawStream> a, b;
  End at_a, at_b;
};

TEST_F(RawStreamTest, CarriesBytesBothWays) {
  EXPECT_TRUE(a->send("sent before anybody reads, "));
  a->start(at_a);
  b->start(at_b);
  EXPECT_TRUE(a->send("and after"));
  EXPECT_TRUE(b->send("back"));
  settle();
  EXPECT_EQ(at_b.got, "sent before anybody reads, and after");
  EXPECT_EQ(at_a.got, "back");
}

TEST_F(RawStreamTest, WhoDoesNotReadSlowsTheOtherDown) {
  a->start(at_a);
  b->start(at_b);
  b->pause_reading(true);
  std::string all;
  while (true) {
    const std::string part = core::random_bytes(64 * 1024);
    if (!a->send(part)) break;
    all += part;
    settle();
  }
  EXPECT_LE(a->queued_bytes(), RawStream::kQueueBytesMax);
  EXPECT_EQ(at_b.got, "");
  a->notify_below(1024);
  settle();
  EXPECT_EQ(at_a.rooms, 0);
  b->pause_reading(false);
  settle();
  EXPECT_EQ(at_b.got, all);
  EXPECT_EQ(at_a.rooms, 1);
  EXPECT_EQ(a->queued_bytes(), 0U);
}

TEST_F(RawStreamTest, RoomIsToldAtOnceButNotFromWithin) {
  a->start(at_a);
  a->notify_below(0);
  EXPECT_EQ(at_a.rooms, 0);
  settle();
  EXPECT_EQ(at_a.rooms, 1);
}

TEST_F(RawStreamTest, TheEndIsToldBehindTheBytes) {
  EXPECT_TRUE(a->send("last words"));
  a.reset();
  b->start(at_b);
  settle();
  EXPECT_EQ(at_b.got, "last words");
  ASSERT_TRUE(at_b.ended);
  EXPECT_THAT(at_b.ended->message, HasSubstr("has ended the connection"));
  EXPECT_FALSE(b->send("nobody is there"));
}

}  // namespace
}  // namespace muster::net
