// SPDX-License-Identifier: Apache-2.0
#include "content/rate_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster::content {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kMiB = 1024 * 1024;

std::uint64_t rate(std::string_view text, unsigned hour, unsigned minute = 0) {
  const auto table = RateTable::parse(text);
  EXPECT_TRUE(table) << text;
  return table ? table->at(hour * 60 + minute) : 1;
}

std::string mistake(std::string_view text) {
  const auto table = RateTable::parse(text);
  EXPECT_FALSE(table) << text;
  return table ? "" : table.error().message;
}

TEST(RateTable, OneRateHoldsAllDay) {
  EXPECT_EQ(rate("10M", 3), 10 * kMiB);
  EXPECT_EQ(rate("10485760", 23, 59), 10 * kMiB);
  EXPECT_EQ(rate("2 MB/s", 0), 2 * kMiB);
  EXPECT_EQ(rate("unlimited", 12), 0U);
  EXPECT_EQ(rate("0", 12), 0U);
  EXPECT_EQ(RateTable().at(5), 0U);
  EXPECT_EQ(RateTable(7).at(5), 7U);
}

TEST(RateTable, TheFirstSpanThatHoldsTheTimeCounts) {
  constexpr std::string_view kText = "12:00-13:00 8M, 08:00-18:00 2 MB/s, otherwise 20MB/s";
  EXPECT_EQ(rate(kText, 7, 59), 20 * kMiB);
  EXPECT_EQ(rate(kText, 8, 0), 2 * kMiB);
  EXPECT_EQ(rate(kText, 12, 30), 8 * kMiB);
  EXPECT_EQ(rate(kText, 17, 59), 2 * kMiB);
  EXPECT_EQ(rate(kText, 18, 0), 20 * kMiB);
}

TEST(RateTable, ASpanReachesOverMidnight) {
  constexpr std::string_view kText = "22:00-6:00 unlimited, otherwise 512K";
  EXPECT_EQ(rate(kText, 23), 0U);
  EXPECT_EQ(rate(kText, 5, 59), 0U);
  EXPECT_EQ(rate(kText, 6), 512U * 1024);
  EXPECT_EQ(rate("18:00-24:00 1M", 23, 59), kMiB);
  EXPECT_EQ(rate("18:00-24:00 1M", 0), 0U);  // nothing said: not limited
}

TEST(RateTable, SaysWhatIsWrong) {
  EXPECT_THAT(mistake(""), HasSubstr("is no rate"));
  EXPECT_THAT(mistake("fast"), HasSubstr("'fast' is no rate"));
  EXPECT_THAT(mistake("-5M"), HasSubstr("is no rate"));
  EXPECT_THAT(mistake("08:00-18:00"), HasSubstr("has no rate"));
  EXPECT_THAT(mistake("08:00-18:00 0"), HasSubstr("would stop"));
  EXPECT_THAT(mistake("08:00-18:00 many"), HasSubstr("a rate that is none"));
  EXPECT_THAT(mistake("08:00-25:00 1M"), HasSubstr("no times from 00:00 to 24:00"));
  EXPECT_THAT(mistake("24:00-08:00 1M"), HasSubstr("no times"));
  EXPECT_THAT(mistake("8:60-9:00 1M"), HasSubstr("no times"));
  EXPECT_THAT(mistake("08:00-08:00 1M"), HasSubstr("ends when it begins"));
  EXPECT_THAT(mistake("otherwise 1M, 08:00-18:00 2M"), HasSubstr("comes too late"));
  EXPECT_THAT(mistake("1M, 2M"), HasSubstr("comes too late"));
  EXPECT_THAT(mistake("08:00-18:00 2M, 5M"), HasSubstr("'otherwise' is missing"));
  EXPECT_THAT(mistake("08:00-18:00 2M,"), HasSubstr("is no rate"));
  std::string many;
  for (std::size_t i = 0; i <= RateTable::kSpansMax; ++i) many += "01:00-02:00 1M, ";
  EXPECT_THAT(mistake(many + "otherwise 1M"), HasSubstr("one too many"));
  EXPECT_THAT(mistake(std::string(2000, ' ')), HasSubstr("at most 1024 bytes"));
}

TEST(RateTable, IsWrittenAsItIsRead) {
  for (const char* text : {"10M", "unlimited", "08:00-18:00 2M, otherwise 20M",
                           "22:00-06:00 unlimited, otherwise 512K", "00:00-24:00 1025"}) {
    const auto table = RateTable::parse(text);
    ASSERT_TRUE(table) << text;
    EXPECT_EQ(table->str(), text);
    EXPECT_EQ(table->limits(), std::string_view(text) != "unlimited");
  }
}

}  // namespace
}  // namespace muster::content
