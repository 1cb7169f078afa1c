// SPDX-License-Identifier: Apache-2.0
#include "methods/channel.h"

#include <gtest/gtest.h>

namespace muster::methods {
namespace {

using namespace std::chrono_literals;

struct ChannelTest : ::testing::Test {
  Channel channel;
  core::MonoTime now = core::mono_now();
  Channel::Heard hear(std::string_view bytes) { return channel.receive(bytes, now); }
};

std::string call(int id, std::string_view name = "a.b") {
  return R"({"type":"call","id":)" + std::to_string(id) + R"(,"name":")" + std::string(name) +
         R"(","body":{"x":[1]}})" + "\n";
}

TEST_F(ChannelTest, ProgressGoesOnAtOnceThenPaced) {
  EXPECT_EQ(channel.progress_due(), core::MonoTime::max());
  hear(R"({"type":"progress","percent":1.9,"text":"be)");
  EXPECT_FALSE(channel.take_progress(now));
  hear("gun\\n\"}\n");
  auto progress = channel.take_progress(now);
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->percent, 1U);
  EXPECT_EQ(progress->text.find('\n'), std::string::npos);
  hear("{\"type\":\"progress\",\"percent\":2}\n{\"type\":\"progress\",\"percent\":3}\n");
  EXPECT_FALSE(channel.take_progress(now + 999ms));
  EXPECT_EQ(channel.progress_due(), now + kProgressPause);
  progress = channel.take_progress(now + 1s);
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->percent, 3U);  // the newest
  EXPECT_FALSE(channel.take_progress(now + 5s));
}

TEST_F(ChannelTest, CallsAreAnsweredInOneForm) {
  const auto heard = hear(call(7));
  ASSERT_EQ(heard.calls.size(), 1U);
  EXPECT_EQ(heard.calls[0].id, 7U);
  EXPECT_EQ(heard.calls[0].name, "a.b");
  EXPECT_EQ(heard.calls[0].body, R"({"x":[1]})");
  EXPECT_EQ(channel.reply(7, "{ \"a\" :\n 1}"),
            "{\"type\":\"reply\",\"id\":7,\"body\":{\"a\":1}}\n");
  EXPECT_EQ(
      channel.reply(8, core::fail(core::Code::kNotFound, "none")),
      "{\"type\":\"reply\",\"id\":8,\"error\":{\"code\":\"not_found\",\"message\":\"none\"}}\n");
  EXPECT_NE(channel.reply(9, "no json").find("\"internal\""), std::string::npos);
  EXPECT_NE(
      channel.reply(9, "\"" + std::string(kChannelLineBytesMax, 'x') + "\"").find("\"limit\""),
      std::string::npos);
  EXPECT_EQ(hear("{\"type\":\"call\",\"id\":1,\"name\":\"n\"}\n").calls.at(0).body, "null");
}

TEST_F(ChannelTest, FewCallsAtATimeAndASecond) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(hear(call(i)).calls.size(), 1U);
  const auto refused = hear(call(5));
  EXPECT_TRUE(refused.calls.empty());
  EXPECT_NE(refused.replies.find("\"id\":5,\"error\":{\"code\":\"limit\""), std::string::npos);
  int taken = 4;
  for (int i = 0; i < 20; ++i) {
    (void)channel.reply(1, "1");
    taken += static_cast<int>(hear(call(i)).calls.size());
  }
  EXPECT_EQ(taken, kChannelCallsPerSecond);
  now += 1s;
  EXPECT_EQ(hear(call(1)).calls.size(), 1U);
}

TEST_F(ChannelTest, LinesBeyondTheirNumberAreThrownAway) {
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += "{\"type\":\"progress\",\"percent\":5}\n";
  hear(flood);
  EXPECT_EQ(channel.dropped(), 1000U - kChannelLinesPerSecond);
  EXPECT_FALSE(channel.deaf());
  now += 1s;
  hear("{\"type\":\"progress\",\"percent\":6}\n");
  EXPECT_EQ(channel.take_progress(now)->percent, 6U);
}

TEST_F(ChannelTest, NonsenseIsHeardForAWhileOnly) {
  for (const char* bad :
       {"", "hello", "[1]", "{}", "{\"type\":1}", "{\"type\":\"progress\"}",
        "{\"type\":\"progress\",\"percent\":101}", "{\"type\":\"progress\",\"percent\":-1}",
        "{\"type\":\"call\"}", "{\"type\":\"call\",\"id\":-1,\"name\":\"x\"}",
        "{\"type\":\"call\",\"id\":1.5,\"name\":\"x\"}",
        "{\"type\":\"call\",\"id\":1,\"name\":\"\"}",
        "{\"type\":\"call\",\"id\":\"1\",\"name\":\"x\"}", "\xff\xfe"}) {
    const auto heard = hear(std::string(bad) + "\n");
    EXPECT_TRUE(heard.calls.empty()) << bad;
    EXPECT_FALSE(channel.take_progress(now)) << bad;
  }
  EXPECT_EQ(channel.dropped(), 14U);
  hear("{\"type\":\"of a newer library\"}\n");
  EXPECT_EQ(channel.dropped(), 14U);
  EXPECT_FALSE(channel.deaf());
  hear("x\ny\n");
  EXPECT_TRUE(channel.deaf());
  EXPECT_TRUE(hear(call(1)).calls.empty());
}

TEST_F(ChannelTest, AHugeLineIsTheLast) {
  hear(std::string(kChannelLineBytesMax - 1, ' '));
  EXPECT_FALSE(channel.deaf());
  hear(" ");
  EXPECT_TRUE(channel.deaf());
  EXPECT_TRUE(hear("\n" + call(1)).calls.empty());
}

}  // namespace
}  // namespace muster::methods
