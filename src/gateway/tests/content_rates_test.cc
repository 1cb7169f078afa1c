// SPDX-License-Identifier: Apache-2.0
#include "gateway/content_rates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace muster::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ContentRates, SayWhatLimits) {
  ContentRates rates;
  EXPECT_THAT(rates.sentences(), IsEmpty());
  rates.hosts = *content::RateTable::parse("08:00-18:00 2 MB/s, otherwise 20 MB/s");
  rates.each_gateway = content::RateTable(1024);
  EXPECT_THAT(rates.sentences(),
              ElementsAre("to its hosts together: 08:00-18:00 2M, otherwise 20M a second",
                          "to each gateway behind it: 1K a second"));
}

TEST(ContentRates, AreThoseOfTheMinute) {
  ContentRates rates;
  rates.gateways = *content::RateTable::parse("08:00-18:00 100, otherwise 200");
  EXPECT_EQ(rates_at(rates, 8 * 60), (RatesNow{.gateways = 100}));
  EXPECT_EQ(rates_at(rates, 18 * 60), (RatesNow{.gateways = 200}));
}

TEST(ContentRates, TheMinuteIsTheMachinesOwn) {
  const auto noon = core::wall_from_unix_ms(12 * 3'600'000LL + 34 * 60'000 + 59'999);
  const char* before = std::getenv("TZ");
  const std::string kept = before ? before : "";
  ::setenv("TZ", "Test-3:30", 1);
  ::tzset();
  EXPECT_EQ(minute_of_day(noon), 16U * 60 + 4);
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  EXPECT_EQ(minute_of_day(noon), 12U * 60 + 34);
  before ? ::setenv("TZ", kept.c_str(), 1) : ::unsetenv("TZ");
  ::tzset();
}

}  // namespace
}  // namespace muster::gateway
