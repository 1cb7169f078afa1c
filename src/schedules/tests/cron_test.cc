// SPDX-License-Identifier: Apache-2.0
#include "schedules/cron.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schedules/tests/times.h"

namespace muster::schedules {
namespace {

using testing::at;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::zone;

/// The next `count` firings, as UTC.
std::vector<std::string> firings(std::string_view cron, const char* zone_name, const char* after,
                                 int count) {
  const auto parsed = Cron::parse(cron);
  if (!parsed) return {parsed.error().message};
  std::vector<std::string> found;
  auto next = parsed->next(at(after), zone(zone_name));
  for (int i = 0; i < count && next; ++i) {
    found.push_back(testing::minute_text(*next));
    next = parsed->next(*next, zone(zone_name));
  }
  return found;
}

std::string error_of(std::string_view cron) {
  const auto parsed = Cron::parse(cron);
  return parsed ? "" : parsed.error().message;
}

TEST(Cron, FieldsListsRangesStepsNames) {
  EXPECT_THAT(
      firings("*/20 8-10/2 * * *", "UTC", "2026-03-01T08:30:00Z", 4),
      ElementsAre("2026-03-01T08:40", "2026-03-01T10:00", "2026-03-01T10:20", "2026-03-01T10:40"));
  EXPECT_THAT(firings("5,50 23 * Feb,DEC mon-Wed", "UTC", "2026-12-29T23:05:00Z", 3),
              ElementsAre("2026-12-29T23:50", "2026-12-30T23:05", "2026-12-30T23:50"));
  EXPECT_THAT(firings("0 3 * * fri-sun", "UTC", "2026-11-22T03:00:00Z", 3),
              ElementsAre("2026-11-27T03:00", "2026-11-28T03:00", "2026-11-29T03:00"));
  EXPECT_THAT(firings("0 3 * * 7", "UTC", "2026-11-22T02:59:59.999Z", 2),
              ElementsAre("2026-11-22T03:00", "2026-11-29T03:00"));
  EXPECT_THAT(firings("  0\t0 31 * *  ", "UTC", "2026-01-31T00:00:00Z", 2),
              ElementsAre("2026-03-31T00:00", "2026-05-31T00:00"));
}

TEST(Cron, Words) {
  for (const auto& [word, next] :
       std::vector<std::pair<const char*, const char*>>{{"@hourly", "2026-11-22T14:00"},
                                                        {"@Daily", "2026-11-23T00:00"},
                                                        {"@midnight", "2026-11-23T00:00"},
                                                        {"@weekly", "2026-11-29T00:00"},
                                                        {"@monthly", "2026-12-01T00:00"},
                                                        {"@annually", "2027-01-01T00:00"},
                                                        {" @yearly ", "2027-01-01T00:00"}})
    EXPECT_THAT(firings(word, "UTC", "2026-11-22T13:07:00Z", 1), ElementsAre(next)) << word;
}

// Vixie's rule: two restricted day fields mean either; a field that begins with '*' is none.
TEST(Cron, TwoRestrictedDaysMeanEither) {
  EXPECT_THAT(firings("0 0 13 * fri", "UTC", "2026-11-06T00:00:00Z", 3),
              ElementsAre("2026-11-13T00:00", "2026-11-20T00:00", "2026-11-27T00:00"));
  EXPECT_THAT(firings("0 0 */2 * fri", "UTC", "2026-11-06T00:00:00Z", 3),
              ElementsAre("2026-11-13T00:00", "2026-11-27T00:00", "2026-12-11T00:00"));
  EXPECT_THAT(firings("0 0 1,15 * */3", "UTC", "2026-10-31T00:00:00Z", 2),
              ElementsAre("2026-11-01T00:00", "2026-11-15T00:00"));
}

TEST(Cron, RareDays) {
  EXPECT_THAT(firings("0 12 29 2 *", "UTC", "2096-02-29T12:00:00Z", 2),
              ElementsAre("2104-02-29T12:00", "2108-02-29T12:00"));
  EXPECT_THAT(error_of("0 0 30 2 *"), HasSubstr("never fires"));
  EXPECT_THAT(error_of("0 0 31 4,6,9,11 *"), HasSubstr("never fires"));
  EXPECT_EQ(error_of("0 0 30 2 mon"), "") << "Mondays of February";
}

TEST(Cron, MistakesNameFieldAndColumn) {
  EXPECT_EQ(error_of("60 * * * *"), "column 1: minute: 60 is not between 0 and 59");
  EXPECT_EQ(error_of("0 24 * * *"), "column 3: hour: 24 is not between 0 and 23");
  EXPECT_EQ(error_of("0 0 0 * *"), "column 5: day of month: 0 is not between 1 and 31");
  EXPECT_EQ(error_of("0 0 1 13 *"), "column 7: month: 13 is not between 1 and 12");
  EXPECT_EQ(error_of("0 0 * * 8"), "column 9: day of week: 8 is not between 0 and 7");
  EXPECT_EQ(error_of("0 0 * juli *"),
            "column 7: month: 'juli' is no name of one; they are jan to dec");
  EXPECT_THAT(error_of("0 22-2 * * *"), HasSubstr("column 3: hour: the range ends before"));
  EXPECT_THAT(error_of("5/10 * * * *"), HasSubstr("column 2: minute: a step needs a range"));
  EXPECT_THAT(error_of("*/0 * * * *"), HasSubstr("column 3: minute: a step is from 1 to 59"));
  EXPECT_THAT(error_of("*/ * * * *"), HasSubstr("column 3: minute: something is missing"));
  EXPECT_THAT(error_of("1,,2 * * * *"), HasSubstr("column 3: minute: ',' does not belong"));
  EXPECT_THAT(error_of("0 0 ? * *"), HasSubstr("column 5: day of month: '?' is not known"));
  EXPECT_THAT(error_of("0 0 L * *"), HasSubstr("column 5: day of month: 'L' is not known"));
  EXPECT_THAT(error_of("0 3 * *"), HasSubstr("column 8: the day of week is missing"));
  EXPECT_THAT(error_of(""), HasSubstr("column 1: the minute is missing"));
  EXPECT_THAT(error_of("0 0 3 * * *"), HasSubstr("column 11: there is more"));
  EXPECT_THAT(error_of("@reboot"), HasSubstr("on boot instead"));
  EXPECT_THAT(error_of("@daily x"), HasSubstr("column 8: nothing may stand behind @daily"));
  EXPECT_THAT(error_of("@often"), HasSubstr("no '@often'"));
  EXPECT_THAT(error_of(std::string(300, '*')), HasSubstr("longer than 256 bytes"));
  EXPECT_THAT(error_of("99999999999999999999 * * * *"), HasSubstr("column 1: minute: 999"));
}

// A time that does not exist fires once, right after the gap; one that is there twice
// fires the first time.
TEST(CronZones, NamedHoursFollowTheWall) {
  // Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00.
  EXPECT_THAT(firings("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 3),
              ElementsAre("2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"));
  EXPECT_THAT(firings("*/15 2 * * *", "Europe/Berlin", "2026-03-28T01:45:00Z", 2),
              ElementsAre("2026-03-29T01:00", "2026-03-30T00:00"))
      << "four times that do not exist are one firing";
  EXPECT_THAT(firings("0,30 2,3 * * *", "Europe/Berlin", "2026-03-28T23:00:00Z", 3),
              ElementsAre("2026-03-29T01:00", "2026-03-29T01:30", "2026-03-30T00:00"));
  EXPECT_THAT(firings("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
              ElementsAre("2026-10-25T00:30", "2026-10-26T01:30"));
  EXPECT_THAT(firings("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", 1),
              ElementsAre("2026-10-26T01:30"));
  EXPECT_THAT(firings("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", 1),
              ElementsAre("2026-10-26T01:30"))
      << "asked for between the two";
  EXPECT_THAT(firings("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2),
              ElementsAre("2026-11-01T05:30", "2026-11-02T06:30"));
  EXPECT_THAT(firings("30 2 * * sun", "America/New_York", "2026-03-01T12:00:00Z", 2),
              ElementsAre("2026-03-08T07:00", "2026-03-15T06:30"));
  EXPECT_THAT(firings("0 */2 * * *", "Europe/Berlin", "2026-03-28T23:00:00Z", 2),
              ElementsAre("2026-03-29T01:00", "2026-03-29T02:00"));
}

TEST(CronZones, EveryHourKeepsToTheTimeThatPasses) {
  EXPECT_THAT(firings("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3),
              ElementsAre("2026-03-29T00:30", "2026-03-29T01:30", "2026-03-29T02:30"));
  EXPECT_THAT(firings("0 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2),
              ElementsAre("2026-03-29T01:00", "2026-03-29T02:00"));
  EXPECT_THAT(firings("30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 3),
              ElementsAre("2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30"));
  EXPECT_THAT(
      firings("*/30 * * * *", "America/New_York", "2026-11-01T05:00:00Z", 4),
      ElementsAre("2026-11-01T05:30", "2026-11-01T06:00", "2026-11-01T06:30", "2026-11-01T07:00"));
}

// Lord Howe moves its clocks by half an hour: 2026-10-04 02:00 becomes 02:30 (from +10:30
// to +11), 2026-04-05 02:00 becomes 01:30.
TEST(CronZones, HalfAnHour) {
  EXPECT_THAT(firings("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T16:00:00Z", 2),
              ElementsAre("2026-10-03T15:30", "2026-10-04T15:15"));
  EXPECT_THAT(firings("45 2 * * *", "Australia/Lord_Howe", "2026-10-02T16:30:00Z", 1),
              ElementsAre("2026-10-03T15:45"));
  EXPECT_THAT(firings("45 1 * * *", "Australia/Lord_Howe", "2026-04-03T15:00:00Z", 3),
              ElementsAre("2026-04-04T14:45", "2026-04-05T15:15", "2026-04-06T15:15"));
  EXPECT_THAT(
      firings("*/15 * * * *", "Australia/Lord_Howe", "2026-10-03T15:00:00Z", 4),
      ElementsAre("2026-10-03T15:15", "2026-10-03T15:30", "2026-10-03T15:45", "2026-10-03T16:00"));
  EXPECT_THAT(firings("45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:30:00Z", 3),
              ElementsAre("2026-04-04T14:45", "2026-04-04T15:15", "2026-04-04T16:15"));
}

// Rules go on for ever in the zone's footer, not only as far as the table of its file.
TEST(CronZones, FarDates) {
  EXPECT_THAT(firings("0 12 1 1,7 *", "Europe/Berlin", "2120-01-01T00:00:00Z", 2),
              ElementsAre("2120-01-01T11:00", "2120-07-01T10:00"));
  EXPECT_THAT(firings("0 12 1 1,7 *", "America/New_York", "2200-01-01T00:00:00Z", 2),
              ElementsAre("2200-01-01T17:00", "2200-07-01T16:00"));
  EXPECT_THAT(firings("0 0 1 1 *", "UTC", "2500-06-01T00:00:00Z", 1),
              ElementsAre("2501-01-01T00:00"));
  // A zone that left out a day: Apia had no 30th of December 2011.
  EXPECT_THAT(firings("0 6 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", 1),
              ElementsAre("2011-12-30T10:00"));
}

// The slow way: every minute around the changes of the clocks, asked one by one.
TEST(CronZones, AgreesWithAWalkMinuteByMinute) {
  const std::pair<const char*, const char*> spans[] = {
      {"2026-03-25T00:00:00Z", "2026-04-07T00:00:00Z"},
      {"2026-10-02T00:00:00Z", "2026-10-06T00:00:00Z"},
      {"2026-10-23T00:00:00Z", "2026-11-03T00:00:00Z"}};
  for (const char* name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"}) {
    const Zone walked = zone(name);
    for (const char* text : {"7 * * * *", "*/20 0-23 * 3,4,10,11 sun"}) {
      const auto cron = Cron::parse(text);
      ASSERT_TRUE(cron);
      for (const auto& [from, to] : spans) {
        auto next = cron->next(at(from), walked);
        for (auto minute = at(from) + std::chrono::minutes(1); minute < at(to);
             minute += std::chrono::minutes(1)) {
          if (!cron->matches(walked.local(minute))) continue;
          ASSERT_EQ(next, minute) << name << " " << text;
          next = cron->next(minute, walked);
        }
      }
    }
  }
}

TEST(Zones, NamesThatAreNone) {
  for (const char* name :
       {"", "Europe/Atlantis", "../../etc/passwd", "/etc/localtime", "Europe",
        "right/Europe/Berlin", "posix/UTC", "europe/berlin", "file:x", "tzdata.zi", "leapseconds"})
    EXPECT_FALSE(Zone::find(name)) << name;
  EXPECT_THAT(Zone::find("Mars/Base").error().message, HasSubstr("'Mars/Base'; names are like"));
  EXPECT_TRUE(Zone::find("Etc/GMT+5"));
  EXPECT_TRUE(Zone::find("America/Argentina/Buenos_Aires"));
}

}  // namespace
}  // namespace muster::schedules
