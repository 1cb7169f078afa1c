// SPDX-License-Identifier: Apache-2.0
#include "schedules/timetable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schedules/instant.h"
#include "schedules/tests/times.h"

namespace muster::schedules {
namespace {

using namespace std::chrono_literals;
using testing::at;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::zone;

Terms cron(std::string expression) {
  Terms terms;
  terms.cron = std::move(expression);
  return terms;
}
Timetable table(const Terms& terms) {
  auto made = Timetable::make(terms, "an id");
  EXPECT_TRUE(made) << made.error().message;
  return *made;
}
std::vector<std::string> times(const std::vector<Due>& list) {
  std::vector<std::string> texts;
  for (const Due& due : list) texts.push_back(testing::minute_text(due.due));
  return texts;
}
std::vector<std::string> times(const std::vector<core::WallTime>& list) {
  std::vector<std::string> texts;
  for (const auto& time : list) texts.push_back(testing::minute_text(time));
  return texts;
}
std::string error_of(const Terms& terms, const char* now = "2026-11-22T12:00:00Z") {
  const auto made = Timetable::make(terms, "an id");
  if (!made) return made.error().message;
  const auto good = made->check(at(now));
  return good ? "" : good.error().message;
}

TEST(Timetable, FiresInTimeAndSaysWhenNext) {
  const auto hourly = table(cron("0 * * * *"));
  auto decision = hourly.decide(at("2026-11-22T11:30:00Z"), at("2026-11-22T11:59:59.999Z"));
  EXPECT_THAT(decision.fire, IsEmpty());
  EXPECT_FALSE(decision.changes(at("2026-11-22T11:30:00Z")));
  EXPECT_EQ(decision.next_at, at("2026-11-22T12:00:00Z"));
  decision = hourly.decide(decision.handled, at("2026-11-22T12:00:00Z"));
  EXPECT_THAT(times(decision.fire), ElementsAre("2026-11-22T12:00"));
  EXPECT_FALSE(decision.fire[0].late);
  decision = hourly.decide(decision.handled, at("2026-11-22T12:00:01Z"));
  EXPECT_THAT(decision.fire, IsEmpty());
  EXPECT_EQ(decision.next_at, at("2026-11-22T13:00:00Z"));
}

TEST(Timetable, MissedAsTheScheduleSays) {
  Terms terms = cron("0 * * * *");
  const auto from = at("2026-11-22T08:00:00Z"), now = at("2026-11-22T12:10:00Z");
  auto decision = table(terms).decide(from, now);
  EXPECT_THAT(decision.fire, IsEmpty());
  ASSERT_THAT(decision.skipped, SizeIs(1));
  EXPECT_EQ(decision.skipped[0].stands_for, 4U);
  EXPECT_THAT(decision.skipped[0].reason, HasSubstr("missed"));
  EXPECT_EQ(decision.handled, at("2026-11-22T12:00:00Z"));
  EXPECT_EQ(decision.next_at, at("2026-11-22T13:00:00Z"));

  terms.missed = Missed::kOnce;
  decision = table(terms).decide(from, now);
  EXPECT_THAT(times(decision.fire), ElementsAre("2026-11-22T12:00"));
  EXPECT_TRUE(decision.fire[0].late);
  EXPECT_EQ(decision.fire[0].stands_for, 4U);
  decision = table(terms).decide(from, at("2026-11-22T12:00:30Z"));
  EXPECT_THAT(times(decision.fire), ElementsAre("2026-11-22T12:00"));
  EXPECT_FALSE(decision.fire[0].late) << "what is due right now does for them";
  EXPECT_EQ(decision.fire[0].stands_for, 4U);

  terms.missed = Missed::kAll;
  decision = table(terms).decide(from, now);
  EXPECT_THAT(times(decision.fire), ElementsAre("2026-11-22T09:00", "2026-11-22T10:00",
                                                "2026-11-22T11:00", "2026-11-22T12:00"));
}

TEST(Timetable, YearsWithoutAServerAreBounded) {
  Terms terms = cron("* * * * *");
  terms.missed = Missed::kAll;
  const auto now = at("2026-11-22T12:00:30Z");
  auto decision = table(terms).decide(at("2006-01-01T00:00:00Z"), now);
  EXPECT_THAT(decision.fire, SizeIs(kMissedMax + 1));  // and the one that is due now
  EXPECT_EQ(decision.fire.back().due, at("2026-11-22T12:00:00Z"));
  EXPECT_EQ(decision.fire.front().due, at("2026-11-22T10:20:00Z"));
  EXPECT_THAT(decision.fire.front().reason, HasSubstr("older"));
  terms.missed = Missed::kOnce;
  decision = table(terms).decide(at("2006-01-01T00:00:00Z"), now);
  EXPECT_THAT(times(decision.fire), ElementsAre("2026-11-22T12:00"));
  EXPECT_THAT(decision.fire[0].reason, HasSubstr("more"));
  // A crowded day long ago.
  terms.cron = "* * 1 1 *";
  decision = table(terms).decide(at("2006-01-01T00:00:00Z"), now);
  EXPECT_THAT(times(decision.fire), ElementsAre("2026-01-01T23:59"));
}

TEST(Timetable, OnceAtAnInstant) {
  Terms terms;
  terms.kind = TriggerKind::kAt;
  terms.at = at("2026-12-01T03:00:00Z");
  const auto once = table(terms);
  EXPECT_EQ(once.decide(at("2026-11-22T12:00:00Z"), at("2026-11-30T00:00:00Z")).next_at, terms.at);
  auto decision = once.decide(at("2026-11-22T12:00:00Z"), at("2026-12-01T03:00:10Z"));
  EXPECT_THAT(times(decision.fire), ElementsAre("2026-12-01T03:00"));
  decision = once.decide(decision.handled, at("2026-12-01T03:00:20Z"));
  EXPECT_THAT(decision.fire, IsEmpty());
  EXPECT_FALSE(decision.next_at);
  EXPECT_THAT(once.upcoming(at("2026-11-22T12:00:00Z"), 5), ElementsAre(terms.at));
  EXPECT_THAT(error_of(terms, "2026-12-01T03:00:00Z"), HasSubstr("has passed already"));
}

// A clock that was set forward by mistake and back again must neither repeat what has
// fired (its name is known) nor wait until it is as late once more.
TEST(Timetable, TheClockIsSetBack) {
  const auto hourly = table(cron("0 * * * *"));
  const auto decision = hourly.decide(at("2031-01-01T00:00:00Z"), at("2026-11-22T12:10:00Z"));
  EXPECT_THAT(decision.fire, IsEmpty());
  EXPECT_EQ(decision.handled, at("2026-11-22T12:10:00Z"));
  EXPECT_TRUE(decision.changes(at("2031-01-01T00:00:00Z")));
  EXPECT_EQ(decision.next_at, at("2026-11-22T13:00:00Z"));
}

TEST(Timetable, BlackoutDropsOrMoves) {
  Terms terms = cron("0 * * * *");
  terms.zone = "Europe/Berlin";
  terms.blackouts = {"22:00-02:30"};
  const auto evening = at("2026-11-22T20:30:00Z");  // 21:30 in Berlin
  EXPECT_THAT(times(table(terms).upcoming(evening, 2)),
              ElementsAre("2026-11-23T02:00", "2026-11-23T03:00"));
  auto decision = table(terms).decide(evening, at("2026-11-23T00:00:30Z"));
  EXPECT_THAT(decision.fire, IsEmpty());
  ASSERT_THAT(decision.skipped, SizeIs(1)) << "one line for one window";
  EXPECT_EQ(decision.skipped[0].stands_for, 4U);
  EXPECT_THAT(decision.skipped[0].reason, HasSubstr("'22:00-02:30'"));

  terms.in_blackout = InBlackout::kWait;
  EXPECT_THAT(times(table(terms).upcoming(evening, 3)),
              ElementsAre("2026-11-23T01:30", "2026-11-23T02:00", "2026-11-23T03:00"));
  decision = table(terms).decide(evening, at("2026-11-23T01:29:59Z"));
  EXPECT_THAT(decision.fire, IsEmpty());
  EXPECT_EQ(decision.next_at, at("2026-11-23T01:30:00Z"));
  decision = table(terms).decide(decision.handled, at("2026-11-23T01:30:00Z"));
  EXPECT_THAT(times(decision.fire), ElementsAre("2026-11-23T01:30")) << "five wait, one fires";
  decision = table(terms).decide(decision.handled, at("2026-11-23T02:00:00Z"));
  EXPECT_THAT(times(decision.fire), ElementsAre("2026-11-23T02:00"));
}

TEST(Timetable, EventsInABlackout) {
  Terms terms;
  terms.kind = TriggerKind::kLogin;
  terms.blackouts = {"sat,sun"};
  const auto sunday = at("2026-11-22T12:00:00Z"), monday = at("2026-11-23T12:00:00Z");
  EXPECT_EQ(table(terms).event_at(monday), monday);
  EXPECT_EQ(table(terms).event_at(sunday), std::nullopt);
  terms.in_blackout = InBlackout::kWait;
  EXPECT_EQ(table(terms).event_at(sunday), at("2026-11-23T00:00:00Z"));
  EXPECT_THAT(table(terms).upcoming(sunday, 5), IsEmpty());
}

TEST(Timetable, JitterMovesTheMomentNotTheName) {
  Terms terms = cron("0 3 * * *");
  terms.jitter = 10min;
  const auto one = table(terms);
  const auto other = *Timetable::make(terms, "another id");
  const auto from = at("2026-11-22T12:00:00Z");
  const auto due = at("2026-11-23T03:00:00Z");
  const auto moment = *one.decide(from, from).next_at;
  EXPECT_GE(moment, due);
  EXPECT_LE(moment, due + 10min);
  EXPECT_EQ(*table(terms).decide(from, from).next_at, moment) << "the same on every server";
  EXPECT_NE(*other.decide(from, from).next_at, moment);
  EXPECT_THAT(one.decide(from, moment - 1ms).fire, IsEmpty());
  EXPECT_THAT(one.decide(from, moment).fire, ElementsAre(Due{due, false, 1, ""}));
  terms.blackouts = {"03:00-03:10"};
  terms.in_blackout = InBlackout::kWait;
  EXPECT_GE(*table(terms).decide(from, from).next_at, due + 10min);
  terms.blackouts = {"03:01-23:00"};
  EXPECT_LE(*table(terms).decide(from, from).next_at, due + 1min) << "not into the window";
}

TEST(Timetable, MistakesAreTold) {
  Terms terms = cron("0 25 * * *");
  EXPECT_THAT(error_of(terms), HasSubstr("cron: column 3: hour: 25"));
  terms = cron("0 3 * * *");
  terms.zone = "Berlin";
  EXPECT_THAT(error_of(terms), HasSubstr("zone: the server knows no time zone 'Berlin'"));
  terms = cron("*/5 * * * *");
  terms.jitter = 5min;
  EXPECT_THAT(error_of(terms), HasSubstr("between two firings, which is 5m"));
  terms.jitter = 25h;
  EXPECT_THAT(error_of(terms), HasSubstr("24 hours at most"));
  terms = cron("0 3 * * sat");
  terms.blackouts = {"sat,sun"};
  EXPECT_THAT(error_of(terms), HasSubstr("every firing lies in one of the windows"));
  terms.blackouts = std::vector<std::string>(kWindowsMax + 1, "sat");
  EXPECT_THAT(error_of(terms), HasSubstr("at most 32"));
  terms.blackouts = {"sun"};
  EXPECT_EQ(error_of(terms), "");
  terms.kind = TriggerKind::kBoot;
  terms.blackouts = {"mon-sun"};
  EXPECT_THAT(error_of(terms), HasSubstr("leave no time"));
}

TEST(Windows, WhatIsInside) {
  const auto inside = [](const char* window, const char* time) {
    const auto made = Blackouts::parse({window});
    EXPECT_TRUE(made) << window;
    return made && made->around(at(time), zone("UTC")) != nullptr;
  };
  EXPECT_TRUE(inside("08:00-18:00", "2026-11-22T08:00:00Z"));
  EXPECT_FALSE(inside("08:00-18:00", "2026-11-22T18:00:00Z"));
  EXPECT_TRUE(inside("22:00-06:00", "2026-11-22T05:59:59Z"));
  EXPECT_FALSE(inside("mon 22:00-06:00", "2026-11-23T05:00:00Z")) << "Sunday's night";
  EXPECT_TRUE(inside("mon 22:00-06:00", "2026-11-24T05:00:00Z"));
  EXPECT_TRUE(inside("Fri-Mon", "2026-11-22T00:00:00Z"));
  EXPECT_FALSE(inside("fri-mon", "2026-11-24T00:00:00Z"));
  EXPECT_TRUE(inside("18:00-24:00", "2026-11-22T23:59:00Z"));
  for (const char* time : {"2026-12-20T00:00:00Z", "2026-12-31T23:59:59Z", "2027-01-06T23:00:00Z"})
    EXPECT_TRUE(inside("12-20..01-06", time)) << time;
  EXPECT_FALSE(inside("12-20..01-06", "2027-01-07T00:00:00Z"));
  EXPECT_FALSE(inside("2026-12-20..2027-01-06", "2027-12-24T00:00:00Z"));
  EXPECT_TRUE(inside("2026-12-20..2027-01-06", "2027-01-06T23:00:00Z"));
  const auto free = [](const char* window, const char* time, const char* name = "UTC") {
    const auto found = Blackouts::parse({window})->free_from(at(time), zone(name));
    return found ? testing::minute_text(*found) : "never";
  };
  EXPECT_EQ(free("12-20..01-06", "2026-12-24T10:00:00Z"), "2027-01-07T00:00");
  EXPECT_EQ(free("02-01..02-29", "2027-02-10T10:00:00Z"), "2027-03-01T00:00");
  EXPECT_EQ(free("fri-sun", "2026-11-20T10:00:00Z"), "2026-11-23T00:00");
  EXPECT_EQ(free("00:00-12:00", "2026-11-20T13:00:00Z"), "2026-11-20T13:00");
  EXPECT_EQ(free("mon-sun", "2026-11-20T13:00:00Z"), "never");
  // The clocks of Berlin go back from 03:00 to 02:00, into the window once more.
  EXPECT_EQ(free("01:00-02:30", "2026-10-24T23:30:00Z", "Europe/Berlin"), "2026-10-25T00:30");
  EXPECT_EQ(free("01:00-02:30", "2026-10-25T01:10:00Z", "Europe/Berlin"), "2026-10-25T01:30");
}

TEST(Windows, WhatIsNone) {
  for (const char* text :
       {"", "mo", "mon-", "25:00-26:00", "08:00", "08:00-08:00", "8:00-9:00", "mon,08:00-09:00",
        "mon  08:00-09:00", "24:00-06:00", "13-01..14-01", "2026-02-30..2026-03-01",
        "2026-03-02..2026-03-01", "12-20..", "sat,sun x"}) {
    const auto window = Window::parse(text);
    ASSERT_FALSE(window) << text;
    EXPECT_THAT(window.error().message, HasSubstr("mon-fri 08:00-18:00")) << text;
  }
}

TEST(Instants, AreRead) {
  const auto read = [](const char* text, const char* name = "Europe/Berlin") {
    const auto found = read_instant(text, zone(name));
    return found ? core::to_rfc3339(*found) : found.error().message;
  };
  EXPECT_EQ(read("2026-12-01T03:00:00.250Z"), "2026-12-01T03:00:00.250Z");
  EXPECT_EQ(read("2026-12-01T03:00+01:00"), "2026-12-01T02:00:00.000Z");
  EXPECT_EQ(read("2026-12-01 03:00:07-05:30"), "2026-12-01T08:30:07.000Z");
  EXPECT_EQ(read("2026-07-01 03:00"), "2026-07-01T01:00:00.000Z");
  EXPECT_EQ(read("2026-03-29T02:30"), "2026-03-29T01:00:00.000Z");
  EXPECT_EQ(read("2026-10-25T02:30"), "2026-10-25T00:30:00.000Z");
  for (const char* text : {"", "tomorrow", "2026-12-01", "2026-13-01T00:00", "2026-02-29T00:00",
                           "2026-12-01T24:00", "2026-12-01T03:00:00Zx", "2026-12-01T03:00+99:00"})
    EXPECT_THAT(read(text), HasSubstr("is no time; write")) << text;
}

}  // namespace
}  // namespace muster::schedules
