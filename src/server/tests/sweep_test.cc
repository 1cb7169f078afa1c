// SPDX-License-Identifier: Apache-2.0
//
// A look through 127.0.0.0/8's corner, where this test puts machines.
#include "server/sweep.h"

#include <gmock/gmock.h>

#include "discovery/service.h"
#include "server/tests/fixture.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Code;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A service at an address of its own that says something to whoever connects.
class Service {
 public:
  Service(runtime::Loop& loop, const std::string& address, std::string says)
      : acceptor_(loop.context(), {boost::asio::ip::make_address(address), 0}),
        says_(std::move(says)) {
    accept();
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  void accept() {
    acceptor_.async_accept([this](auto failed, auto socket) {
      if (failed) return;
      boost::system::error_code ignored;
      socket.write_some(boost::asio::buffer(says_), ignored);
      accept();
    });
  }
  boost::asio::ip::tcp::acceptor acceptor_;
  std::string says_;
};

class SweepTest : public testing::ServerTest {
 protected:
  void until_ended(std::shared_ptr<const Sweep> sweep) {
    run([](std::shared_ptr<const Sweep> of) -> runtime::Task<core::Status> {
      while (of->running && co_await runtime::sleep_for(10ms)) {
      }
      co_return core::Status();
    }(std::move(sweep)));
  }
  std::shared_ptr<const Sweep> sweep(const char* network, std::vector<std::uint16_t> ports) {
    auto begun = sweeper.start({*fleet::Subnet::parse(network)}, std::move(ports));
    if (!begun) {
      ADD_FAILURE() << begun.error().message;
      return std::make_shared<Sweep>();
    }
    until_ended(*begun);
    return *begun;
  }
  ~SweepTest() override {
    run([](Sweeper* of) -> runtime::Task<core::Status> {
      co_await of->end();
      co_return core::Status();
    }(&sweeper));
  }

  discovery::RegionKey key{core::random_bytes(32)};
  Sweeper sweeper{loop, registry, key};
};

TEST_F(SweepTest, FindsWhatListensAndWhatRefuses) {
  Service service(loop, "127.77.0.2", "hello\r\n");
  const auto result = sweep("127.77.0.0/29", {service.port()});
  EXPECT_EQ(result->addresses, 6U);
  EXPECT_EQ(result->looked_at, 6U);
  ASSERT_EQ(result->found.size(), 6U);  // on this machine every address of 127/8 answers
  for (const auto& [address, found] : result->found) {
    EXPECT_EQ(found.kind(), "other");
    EXPECT_EQ(found.open.size(), address.str() == "127.77.0.2" ? 1U : 0U) << address.str();
  }
}

TEST_F(SweepTest, AHostOfTheRegionIsKnownByItsAddressAndItsAgentsAnswer) {
  add_hosts(2);
  auto& main = hub->connect("main", a);
  auto up = testing::link_up(testing::host(0), 1);
  up.set_address("127.77.1.1");
  main.link_up(std::move(up));
  settle();
  discovery::Answering agent(loop, key, discovery::kEndpoints);
  agent.set_answer({.endpoint = testing::host(1), .link_open = true});
  ASSERT_TRUE(agent.start(discovery::kAgentPort));
  const auto result = sweep("127.77.1.0/30", {1});
  ASSERT_EQ(result->found.size(), 2U);
  const Found& first = result->found.begin()->second;
  EXPECT_EQ(first.kind(), "endpoint");
  const Found& second = result->found.rbegin()->second;
  EXPECT_EQ(second.endpoint, testing::host(1));
  EXPECT_TRUE(second.answers);
  EXPECT_TRUE(second.link_open);
}

TEST_F(SweepTest, OneAtATimeAndOfABoundedSize) {
  const auto big = sweeper.start({*fleet::Subnet::parse("10.0.0.0/8")}, {22});
  EXPECT_EQ(big.error().code, Code::kLimit);
  const auto first = sweeper.start({*fleet::Subnet::parse("127.77.2.0/24")}, {1});
  ASSERT_TRUE(first);
  EXPECT_EQ(sweeper.start({*fleet::Subnet::parse("127.77.3.0/24")}, {1}).error().code,
            Code::kConflict);
  sweeper.stop((*first)->id);
  until_ended(*first);
  EXPECT_TRUE((*first)->stopped);
  EXPECT_LT((*first)->looked_at, 254U);
  EXPECT_EQ(sweeper.find((*first)->id), *first);
  EXPECT_EQ(sweeper.find(99), nullptr);
}

}  // namespace
}  // namespace muster::server
