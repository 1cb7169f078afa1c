// SPDX-License-Identifier: Apache-2.0
#include "discovery/service.h"

#include <gtest/gtest.h>

#include "runtime/testing.h"

namespace muster::discovery {
namespace {

TEST(Service, OpensAndSharesItsPort) {
  runtime::Loop loop;
  const RegionKey key(core::random_bytes(32));
  Answering answering(loop, key, kServers);
  answering.set_answer({.places = {{kServers, "", 1234}}});
  ASSERT_TRUE(answering.start(0));  // any port: it cannot be asked, but it opens, joins and ends
  Answering shared(loop, key, kServers), also(loop, key, kServers);
  EXPECT_TRUE(shared.start(kPort));
  EXPECT_TRUE(also.start(kPort));
}

// On a machine without a network this finds nobody, which is what it says, too.
TEST(Service, SeekEndsByItselfWhereNobodyAnswers) {
  runtime::Loop loop;
  const auto found =
      runtime::run_to_end(loop, seek(loop, RegionKey(core::random_bytes(32)), kServers));
  EXPECT_TRUE(found.empty());
}

/// How many of some questions to "::1" were answered until as many to 127.0.0.1 were.
int answers_by_ipv6(bool on_ipv6) {
  runtime::Loop loop;
  const RegionKey key(core::random_bytes(32));
  const std::string nonce = core::random_bytes(kNonceBytes);
  Answering answering(loop, key, kServers);
  answering.set_answer({.places = {{kServers, "", 1234}}});
  EXPECT_TRUE(answering.start(kAgentPort, on_ipv6));
  int by_ipv4 = 0, by_ipv6 = 0;
  const auto open = [&](net::DatagramSocket::Family family, int& count) {
    return net::DatagramSocket::open(loop, family, 0, [&](std::string_view bytes, const auto&) {
      if (read_answer(key, nonce, bytes)) ++count;
      if (by_ipv4 >= 3) loop.stop();
      return true;
    });
  };
  auto four = open(net::DatagramSocket::Family::kIpv4, by_ipv4);
  auto six = open(net::DatagramSocket::Family::kIpv6, by_ipv6);
  EXPECT_TRUE(four);
  runtime::Timer again(loop);
  std::function<void()> ask = [&] {
    const std::string question = write_question(key, {kServers, nonce});
    if (six) (void)(*six)->send(question, *net::DatagramAddress::parse("::1", kAgentPort));
    EXPECT_TRUE((*four)->send(question, *net::DatagramAddress::parse("127.0.0.1", kAgentPort)));
    again.start(std::chrono::milliseconds(20), ask);
  };
  ask();
  loop.run();
  again.cancel();
  return six ? by_ipv6 : -1;
}

TEST(Service, WhoListensOnIpv4AloneIsNotFoundByIpv6) {
  const int both = answers_by_ipv6(true);
  if (both < 0) GTEST_SKIP() << "this machine has no IPv6";
  EXPECT_GT(both, 0);
  EXPECT_EQ(answers_by_ipv6(false), 0);
}

TEST(Service, ADatagramIsAnsweredToWhoSentIt) {
  runtime::Loop loop;
  const RegionKey key(core::random_bytes(32));
  const std::string nonce = core::random_bytes(kNonceBytes);
  Answering answering(loop, key, kEndpoints);
  const auto id = core::EndpointId::of_public_key("key");
  answering.set_answer({.endpoint = id, .link_open = true});
  ASSERT_TRUE(answering.start(kAgentPort));
  std::optional<Answer> got;
  std::string host;
  auto asking = net::DatagramSocket::open(loop, net::DatagramSocket::Family::kIpv4, 0,
                                          [&](std::string_view bytes, const auto& from) {
                                            got = read_answer(key, nonce, bytes);
                                            host = from.host();
                                            loop.stop();
                                            return true;
                                          });
  ASSERT_TRUE(asking);
  const auto to = net::DatagramAddress::parse("127.0.0.1", kAgentPort);
  ASSERT_TRUE(to);
  runtime::Timer again(loop);  // another process of this machine may have got the first ones
  std::function<void()> ask = [&] {
    EXPECT_TRUE((*asking)->send(write_question(key, {kEndpoints, nonce}), *to));
    again.start(std::chrono::milliseconds(20), ask);
  };
  ask();
  loop.run();
  again.cancel();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->endpoint, id);
  EXPECT_TRUE(got->link_open);
  EXPECT_EQ(host, "127.0.0.1");
}

}  // namespace
}  // namespace muster::discovery
