// SPDX-License-Identifier: Apache-2.0
#include "fleet/site_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "fleet/placement.h"

namespace muster::fleet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kExample = R"(
new_hosts = "hold"

[[admission]]
selector = "role=web"
new_hosts = "add"

[[gateway]]
name = "north-*"
capacity = 100
addresses = ["gw.north.example:7443"]

[[site]]
name = "lab"
subnets = ["10.1.7.0/24"]
gateways = ["lab"]
fallback = ["north"]
new_hosts = "refuse"

[[site]]
name = "north"
subnets = ["10.1.0.0/16", "fd00:1::/32"]
selector = "site=north"
gateways = ["north-a", "north-*"]
fallback = ["rest"]

[[site]]
name = "rest"
gateways = ["main"]
)";

SitePolicy policy_of(std::string_view text) {
  auto policy = SitePolicy::parse(text);
  EXPECT_TRUE(policy) << policy.error().message;
  return policy ? std::move(*policy) : SitePolicy();
}

std::string error_of(std::string_view text) {
  const auto policy = SitePolicy::parse(text);
  return policy ? "" : policy.error().message;
}

/// A host as policies see it.
struct Host {
  explicit Host(std::string of_address, Labels of_labels = {})
      : address(std::move(of_address)), labels(std::move(of_labels)) {
    subject.id = &id;
    subject.platform = &platform;
    subject.address = address;
    subject.labels = labels;
  }
  core::EndpointId id = core::EndpointId::of_public_key("a host");
  Platform platform;
  std::string address;
  Labels labels;
  Subject subject;
};

std::string site_name(const SitePolicy& policy, const Host& host) {
  const auto site = site_of(policy, host.subject);
  return site ? policy.sites[*site].name : "-";
}

GatewayView gateway(std::string name, std::size_t links = 0, GatewayState state = GatewayState::kUp,
                    std::uint32_t capacity = 100) {
  return {std::move(name), state, capacity, links, 0};
}

TEST(Subnet, HoldsWhatItsBitsSay) {
  const auto in = [](const char* subnet, const char* address) {
    const auto parsed = Subnet::parse(subnet);
    const auto at = IpAddress::parse(address);
    return parsed && at && parsed->contains(*at);
  };
  EXPECT_TRUE(in("10.1.0.0/16", "10.1.255.255"));
  EXPECT_FALSE(in("10.1.0.0/16", "10.2.0.0"));
  EXPECT_TRUE(in("10.1.128.0/17", "10.1.128.1"));
  EXPECT_FALSE(in("10.1.128.0/17", "10.1.127.255"));
  EXPECT_TRUE(in("0.0.0.0/0", "192.0.2.1"));
  EXPECT_FALSE(in("0.0.0.0/0", "fd00::1"));
  EXPECT_TRUE(in("10.1.2.3", "::ffff:10.1.2.3"));
  EXPECT_TRUE(in("fd00:1::/32", "fd00:1:ffff::1"));
  EXPECT_FALSE(in("fd00:1::/32", "fd00:2::1"));
  EXPECT_TRUE(in("fe80::/10", "fe80::1%eth0"));
  EXPECT_EQ(Subnet::parse("fd00:1::/32")->str(), "fd00:1::/32");
}

TEST(Subnet, CountsItsMachines) {
  const auto of = [](const char* text) {
    const Subnet subnet = *Subnet::parse(text);
    std::string told = std::to_string(subnet.machines());
    told += " " + subnet.machine(0).str() + " " + subnet.machine(subnet.machines() - 1).str();
    return told;
  };
  EXPECT_EQ(of("10.1.7.0/24"), "254 10.1.7.1 10.1.7.254");
  EXPECT_EQ(of("10.1.4.0/22"), "1022 10.1.4.1 10.1.7.254");
  EXPECT_EQ(of("10.1.7.2/31"), "2 10.1.7.2 10.1.7.3");
  EXPECT_EQ(of("10.1.7.9"), "1 10.1.7.9 10.1.7.9");
  EXPECT_EQ(of("fd00::1:0/112"), "65536 fd00::1:0 fd00::1:ffff");
  EXPECT_EQ(Subnet::parse("fd00::/8")->machines(), 1ULL << 32);
  EXPECT_EQ(Subnet::parse("0.0.0.0/0")->machines(), (1ULL << 32) - 2);
}

TEST(Subnet, HoldsSmallerOnes) {
  const auto in = [](const char* outer, const char* inner) {
    return Subnet::parse(outer)->contains(*Subnet::parse(inner));
  };
  EXPECT_TRUE(in("10.1.0.0/16", "10.1.7.0/24"));
  EXPECT_TRUE(in("10.1.0.0/16", "10.1.0.0/16"));
  EXPECT_FALSE(in("10.1.7.0/24", "10.1.0.0/16"));
  EXPECT_FALSE(in("0.0.0.0/0", "fd00::/112"));
}

TEST(Subnet, SaysWhatToWrite) {
  const auto why = [](const char* text) { return Subnet::parse(text).error().message; };
  EXPECT_THAT(why("10.1.0.1/16"), HasSubstr("write 10.1.0.0/16"));
  EXPECT_THAT(why("10.1.0.0/33"), HasSubstr("0 to 32"));
  EXPECT_THAT(why("10.1.0.0/"), HasSubstr("0 to 32"));
  EXPECT_THAT(why("north"), HasSubstr("10.1.0.0/16"));
  EXPECT_THAT(why(""), HasSubstr("10.1.0.0/16"));
}

TEST(SitePolicy, ReadsAll) {
  const SitePolicy policy = policy_of(kExample);
  EXPECT_EQ(policy.new_hosts, NewHosts::kHold);
  ASSERT_EQ(policy.sites.size(), 3U);
  EXPECT_THAT(policy.sites[0].fallback, ElementsAre(1U));
  EXPECT_THAT(policy.sites[1].gateways, ElementsAre("north-a", "north-*"));
  ASSERT_NE(policy.rule_of("north-7"), nullptr);
  EXPECT_EQ(policy.rule_of("north-7")->capacity, 100U);
  EXPECT_EQ(policy.rule_of("south-1"), nullptr);
  EXPECT_TRUE(policy_of("").sites.empty());
  const SitePolicy open = policy_of("discover = [\"10.1.0.0/16\", \"fd00::/112\"]");
  ASSERT_EQ(open.discover.size(), 2U);
  EXPECT_EQ(open.discover[1].str(), "fd00::/112");
  EXPECT_THAT(SitePolicy::parse("discover = [\"10.1.0.1/16\"]").error().message,
              StartsWith("line 1, column 13: "));
}

TEST(SitePolicy, SaysWhereAndWhat) {
  EXPECT_THAT(error_of("new_hosts = \"maybe\""),
              testing::AllOf(StartsWith("line 1, column 13: "), HasSubstr("\"hold\"")));
  EXPECT_THAT(error_of("a = "), StartsWith("line 1, column"));
  // The library took this for impossible and aborted.
  EXPECT_THAT(error_of("new_hosts = \"add\"\n [[[site]]\n"),
              testing::AllOf(StartsWith("line 2, column 4: "), HasSubstr("[[site]]")));
  EXPECT_THAT(error_of("\n\n[[site]]\nname = \"a\"\ngateway = [\"x\"]"),
              testing::AllOf(StartsWith("line 5, column 1: "), HasSubstr("'gateway' is not known"),
                             HasSubstr("gateways")));
  EXPECT_THAT(error_of("[[site]]\nname = \"a\"\ngateways = [\"x\"]\nsubnets = [\"10.0.0.1/8\"]"),
              testing::AllOf(StartsWith("line 4, column 12: "), HasSubstr("write 10.0.0.0/8")));
  EXPECT_THAT(error_of("[[site]]\nname = \"a\"\ngateways = [\"x\"]\nselector = \"os=\""),
              testing::AllOf(StartsWith("line 4, column 12: "), HasSubstr("column 4")));
  EXPECT_THAT(error_of("[[site]]\nname = \"a\"\ngateways = [\"x\"]\nfallback = [\"b\"]"),
              HasSubstr("no site named 'b'"));
  EXPECT_THAT(error_of("[[site]]\nname = \"a\"\ngateways = [\"x\"]\nfallback = [\"a\"]"),
              HasSubstr("to itself"));
  EXPECT_THAT(error_of("[[site]]\nname = \"a\"\ngateways = [\"x\"]\n"
                       "[[site]]\nname = \"a\"\ngateways = [\"x\"]"),
              testing::AllOf(StartsWith("line 5"), HasSubstr("two sites named 'a'")));
  EXPECT_THAT(error_of("[[site]]\nname = \"a\""), HasSubstr("needs gateways"));
  EXPECT_THAT(error_of("[site]\nname = \"a\""), HasSubstr("[[site]]"));
  EXPECT_THAT(error_of("[[gateway]]\nname = \"x\"\ncapacity = 0"), HasSubstr("1 to 1000000"));
  EXPECT_THAT(error_of("[[gateway]]\nname = \"x y\""), HasSubstr("no name of a gateway"));
  EXPECT_THAT(error_of("[[gateway]]\nname = \"x\"\naddresses = [\"a b\"]"), HasSubstr("HOST:PORT"));
  EXPECT_THAT(error_of("[[admission]]\nselector = \"all\""), HasSubstr("an admission needs"));
  EXPECT_THAT(error_of(std::string(kPolicyBytesMax + 1, '#')), HasSubstr("at most"));
}

TEST(Placement, HostBelongsToTheFirstSiteThatFits) {
  const SitePolicy policy = policy_of(kExample);
  EXPECT_EQ(site_name(policy, Host("10.1.7.9")), "lab");
  EXPECT_EQ(site_name(policy, Host("10.1.8.9")), "north");
  EXPECT_EQ(site_name(policy, Host("fd00:1::7")), "north");
  EXPECT_EQ(site_name(policy, Host("192.0.2.1", {{"site", "north"}})), "north");
  EXPECT_EQ(site_name(policy, Host("192.0.2.1")), "rest");
  EXPECT_EQ(site_name(policy, Host("no address")), "rest");
  EXPECT_EQ(site_name(SitePolicy(), Host("10.1.7.9")), "-");
}

TEST(Placement, StepsGoInTheOrderOfTheListThenToTheFallback) {
  const SitePolicy policy = policy_of(kExample);
  const Host host("10.1.8.9");
  std::vector<GatewayView> gateways{gateway("main"), gateway("north-a"), gateway("north-b", 10),
                                    gateway("north-c", 5)};
  const auto chosen = [&](Standing standing = {}) {
    return explain(policy, host.subject, gateways, standing).gateway;
  };
  EXPECT_EQ(chosen(), "north-a");
  gateways[1].links = 100;
  EXPECT_EQ(chosen(), "north-c") << "the emptiest of the second step";
  gateways[3].expected = 6;
  EXPECT_EQ(chosen(), "north-b") << "who is expected counts";
  const std::vector<std::string> avoid{"north-b"};
  EXPECT_EQ(chosen({.avoid = avoid}), "north-c");
  gateways[2].state = GatewayState::kDraining;
  gateways[3].state = GatewayState::kAway;
  EXPECT_EQ(chosen(), "main");
  gateways[0].state = GatewayState::kDraining;
  EXPECT_EQ(chosen(), "");
  gateways[1].links = 99;
  gateways[1].has_address = false;
  EXPECT_EQ(chosen(), "") << "nobody can be told where it is";
  EXPECT_EQ(chosen({.at = 1}), "north-a");
}

TEST(Placement, HostStaysUnlessAnotherIsMuchEmptier) {
  const SitePolicy policy = policy_of("[[site]]\nname = \"a\"\ngateways = [\"*\"]");
  const Host host("192.0.2.1");
  std::vector<GatewayView> gateways{gateway("a", 40), gateway("b", 20)};
  const Standing at_a{.at = 0, .counted = true};
  EXPECT_EQ(explain(policy, host.subject, gateways, at_a).gateway, "a");
  gateways[0].links = 41;
  EXPECT_EQ(explain(policy, host.subject, gateways, at_a).gateway, "b");
  gateways[0].links = 100;  // full with it: that is no reason to leave
  gateways[1].links = 90;
  EXPECT_EQ(explain(policy, host.subject, gateways, at_a).gateway, "a");
  EXPECT_EQ(explain(policy, host.subject, gateways, {.at = 0}).gateway, "b");
  // Without a policy nobody is moved for balance, only away from what is drained.
  gateways[1].links = 0;
  EXPECT_EQ(explain({}, host.subject, gateways, at_a).gateway, "a");
  gateways[0].state = GatewayState::kDraining;
  EXPECT_EQ(explain({}, host.subject, gateways, at_a).gateway, "b");
}

TEST(Placement, ReasonsAreTold) {
  const SitePolicy policy = policy_of(kExample);
  const std::vector<GatewayView> gateways{
      gateway("main", 7), gateway("north-a", 3, GatewayState::kAway), gateway("north-b", 100)};
  const Host host("10.1.7.9");
  const auto told = explain(policy, host.subject, gateways, {.at = 0});
  EXPECT_EQ(told.site, "lab");
  EXPECT_THAT(told.why,
              ElementsAre("site lab: its address 10.1.7.9 is in 10.1.7.0/24",
                          "'lab' of site lab: no gateway of that name is known",
                          "'north-a' of site north: north-a is away",
                          "'north-*' of site north: north-a is away, north-b is full (100 of 100 "
                          "links)",
                          "main: any gateway, and the host asks there (7 of 100 links, 7 %)"));
}

TEST(Placement, NewHostsAreAddedHeldOrRefused) {
  const SitePolicy policy = policy_of(kExample);
  EXPECT_EQ(admission_of(policy, Host("10.1.7.9").subject).what, NewHosts::kRefuse);
  EXPECT_EQ(admission_of(policy, Host("10.1.7.9", {{"role", "web"}}).subject).what, NewHosts::kAdd);
  EXPECT_EQ(admission_of(policy, Host("10.1.8.9").subject).what, NewHosts::kHold);
  EXPECT_EQ(admission_of({}, Host("10.1.8.9").subject).what, NewHosts::kAdd);
  EXPECT_THAT(admission_of(policy, Host("10.1.7.9").subject).why, HasSubstr("site lab"));
}

}  // namespace
}  // namespace muster::fleet
