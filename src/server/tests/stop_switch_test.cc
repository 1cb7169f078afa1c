// SPDX-License-Identifier: Apache-2.0
#include "server/stop_switch.h"

#include <gmock/gmock.h>

#include <fstream>

#include "server/tests/fixture.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class StopSwitchTest : public ::testing::Test {
 protected:
  std::unique_ptr<StopSwitch> make() {
    auto made = std::make_unique<StopSwitch>(
        loop, folder.path, [this](const std::optional<jobs::Hold>& order, const std::string& by) {
          acts.push_back((order ? "stop " : "lift ") + by);
          return 7u;
        });
    EXPECT_TRUE(made->open());
    return made;
  }
  jobs::Hold hold(const char* by) {
    return {by, "why", core::wall_from_unix_ms(1'800'000'000'000)};
  }
  template <typename T>
  T run(runtime::Task<T> task) {
    return runtime::run_to_end(loop, std::move(task));
  }

  testing::TemporaryFolder folder;
  runtime::Loop loop;
  std::vector<std::string> acts;
};

TEST(StopOrder, IsReadAsItWasWritten) {
  testing::TemporaryFolder folder;
  EXPECT_FALSE(StopOrder::read(folder.path));
  const StopOrder order{{"anne", "why", core::wall_from_unix_ms(1'800'000'000'000)}, true, 3};
  ASSERT_TRUE(order.write(folder.path));
  const auto read = StopOrder::read(folder.path);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->hold, order.hold);
  EXPECT_TRUE(read->taken);
  EXPECT_EQ(read->runs, 3u);
  EXPECT_TRUE(StopOrder::remove(folder.path));
  EXPECT_EQ(StopOrder::remove(folder.path).error().code, core::Code::kNotFound);
}

// Whoever left such a file wanted to stop.
TEST(StopOrder, DamagedIsAnOrderToo) {
  testing::TemporaryFolder folder;
  for (const char* text : {"", "{", "[]", "7", R"({"by":1,"reason":[],"at_ms":"x","runs":-1})",
                           "{\"by\":\"a\\u001b[31m\"}"}) {
    std::ofstream(folder.path / StopOrder::kFileName) << text;
    const auto read = StopOrder::read(folder.path);
    ASSERT_TRUE(read) << text;
    EXPECT_FALSE(read->hold.by.empty());
    EXPECT_EQ(read->hold.by.find('\x1b'), std::string::npos);
    EXPECT_FALSE(read->taken);
  }
}

TEST_F(StopSwitchTest, HoldsAtOnceAndOverARestart) {
  auto first = make();
  EXPECT_FALSE(first->stopped());
  const auto done = run(first->stop(hold("anne"), 20s));
  EXPECT_EQ(done.runs, 7u);
  EXPECT_TRUE(done.kept);
  EXPECT_EQ(run(first->stop(hold("bert"), 20s)).runs, 7u);
  EXPECT_EQ(first->stopped()->by, "anne") << "the first order stays";
  EXPECT_THAT(acts, ::testing::ElementsAre("stop anne"));
  first.reset();
  auto second = make();
  ASSERT_TRUE(second->stopped());
  EXPECT_EQ(second->stopped()->reason, "why");
  EXPECT_TRUE(run(second->lift("bert")));
  EXPECT_FALSE(second->stopped());
  EXPECT_EQ(run(second->lift("bert")).error().code, core::Code::kNotFound);
  EXPECT_FALSE(StopOrder::read(folder.path));
  EXPECT_THAT(acts, ::testing::ElementsAre("stop anne", "stop anne", "lift bert"));
}

TEST_F(StopSwitchTest, TakesWhatSomebodyPutsThere) {
  auto made = make();
  ASSERT_TRUE((StopOrder{hold("local:root"), false, 0}.write(folder.path)));
  testing::run_until(loop, [&] { return made->stopped().has_value(); });
  testing::run_until(loop, [&] {
    const auto order = StopOrder::read(folder.path);
    return order && order->taken;
  });
  EXPECT_EQ(StopOrder::read(folder.path)->runs, 7u);
  ASSERT_TRUE(StopOrder::remove(folder.path));
  testing::run_until(loop, [&] { return !made->stopped(); });
  EXPECT_EQ(acts.size(), 2u);
}

TEST_F(StopSwitchTest, HoldsWhereItCannotBeWritten) {
  auto made = make();
  std::filesystem::remove_all(folder.path);
  const auto done = run(made->stop(hold("anne"), 20s));
  EXPECT_FALSE(done.kept);
  EXPECT_TRUE(made->stopped()) << "also while no file says so";
}

}  // namespace
}  // namespace muster::server
