// SPDX-License-Identifier: Apache-2.0
#include "gateway/link_table.h"

#include <gtest/gtest.h>

#include <set>

namespace muster::gateway {
namespace {

struct FakeLink {
  std::uint64_t number() const { return number_; }
  std::uint64_t number_;
};

std::uint64_t add(LinkTable<FakeLink>& table) {
  return table.put(std::make_unique<FakeLink>(table.next_number())).number();
}

TEST(LinkTable, FindsWhatIsThereAndNothingElse) {
  LinkTable<FakeLink> table;
  EXPECT_EQ(table.find(0), nullptr);
  EXPECT_EQ(table.find(~0ULL), nullptr);
  const auto first = add(table), second = add(table);
  ASSERT_NE(table.find(first), nullptr);
  EXPECT_EQ(table.find(first)->number(), first);
  EXPECT_EQ(table.find(second)->number(), second);
  EXPECT_EQ(table.find(0), nullptr);
  table.erase(first);
  table.erase(first);
  EXPECT_EQ(table.find(first), nullptr);
  EXPECT_NE(table.find(second), nullptr);
}

TEST(LinkTable, WhoTakesAPlaceHasAnotherNumber) {
  LinkTable<FakeLink> table;
  std::set<std::uint64_t> numbers;
  for (int i = 0; i < 100; ++i) {
    const auto number = add(table);
    EXPECT_NE(number, 0U);
    EXPECT_TRUE(numbers.insert(number).second);
    if (i % 3 != 0) table.erase(number);
  }
  std::size_t left = 0;
  table.each([&](const FakeLink& link) { left += numbers.contains(link.number()); });
  EXPECT_EQ(left, 34U);
  for (const auto number : numbers) {
    const FakeLink* link = table.find(number);
    if (link) EXPECT_EQ(link->number(), number);
  }
}

}  // namespace
}  // namespace muster::gateway
