// SPDX-License-Identifier: Apache-2.0
#include "net/service_lookup.h"

#include <gtest/gtest.h>

#include <map>

namespace muster::net {
namespace {

std::string u16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

std::string dns_name(std::string_view dotted) {
  std::string bytes;
  while (!dotted.empty()) {
    const std::size_t end = std::min(dotted.find('.'), dotted.size());
    bytes += static_cast<char>(end) + std::string(dotted.substr(0, end));
    dotted.remove_prefix(std::min(end + 1, dotted.size()));
  }
  return bytes + '\0';
}

std::string answer(const std::vector<ServiceRecord>& records) {
  const std::string name = dns_name("_muster._tcp.example.org");
  std::string message = u16(1) + u16(0x8180) + u16(1) + u16(static_cast<unsigned>(records.size())) +
                        u16(0) + u16(0) + name + u16(33) + u16(1);
  for (const auto& record : records) {
    const std::string data =
        u16(record.priority) + u16(record.weight) + u16(record.port) + dns_name(record.target);
    message += u16(0xc00c) + u16(33) + u16(1) + u16(0) + u16(60) +
               u16(static_cast<unsigned>(data.size())) + data;
  }
  return message;
}

TEST(ServiceLookup, ReadsRecordsAndLeavesOutWhatIsNoHost) {
  const std::vector<ServiceRecord> good{{10, 1, 7443, "a.example.org"},
                                        {20, 0, 8443, "b.example.org"}};
  EXPECT_EQ(read_service_answer(answer(good)), good);
  auto more = good;
  more.push_back({1, 1, 0, "no-port.example.org"});
  more.push_back({1, 1, 1, ""});  // "there is none"
  more.push_back({1, 1, 1, "_loop._tcp.example.org"});
  more.push_back({1, 1, 1, "a b/c"});
  EXPECT_EQ(read_service_answer(answer(more)), good);
}

TEST(ServiceLookup, AMessageThatIsCutOrBentIsAnErrorAndNoCrash) {
  const std::string whole = answer({{10, 1, 7443, "a.example.org"}});
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(read_service_answer(whole.substr(0, size))) << size;
  for (std::size_t i = 0; i < whole.size() * 8; ++i) {
    std::string bent = whole;
    bent[i / 8] = static_cast<char>(bent[i / 8] ^ (1 << (i % 8)));
    (void)read_service_answer(bent);
  }
  EXPECT_FALSE(read_service_answer(""));
}

TEST(ServiceLookup, PriorityDecidesThenWeight) {
  core::Random random(7);
  std::map<std::string, int> first;
  for (int i = 0; i < 1000; ++i) {
    const auto order = in_order(
        {{20, 9, 1, "later"}, {10, 30, 2, "often"}, {10, 10, 3, "seldom"}, {10, 0, 4, "rare"}},
        random);
    ASSERT_EQ(order.size(), 4U);
    EXPECT_EQ(order.back().host, "later");
    ++first[order.front().host];
  }
  EXPECT_GT(first["often"], 600);
  EXPECT_GT(first["seldom"], 150);
  EXPECT_LT(first["rare"], 100);
  EXPECT_TRUE(in_order({}, random).empty());
}

}  // namespace
}  // namespace muster::net
