// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "cli/exit_code.h"
#include "cli/render.h"
#include "cli/rollout_options.h"
#include "cli/tests/fakes.h"

namespace muster::cli {
namespace {

using ::testing::HasSubstr;
namespace json = boost::json;

std::string waves(std::string_view text) {
  const auto parsed = parse_waves(text);
  return parsed ? json::serialize(*parsed) : "error: " + parsed.error().message;
}

TEST(ParseWaves, KnowsFourKinds) {
  EXPECT_EQ(waves("1, 10% ,each:site,role=db"),
            R"([{"count":1},{"percent":10},{"each_label":"site"},{"selector":"role=db"}])");
  EXPECT_EQ(waves("name in (a, b),100%"), "[{\"selector\":\"name in (a, b)\"},{\"percent\":100}]");
  EXPECT_THAT(waves("1,,2"), HasSubstr("empty wave"));
  EXPECT_THAT(waves(""), HasSubstr("empty wave"));
  EXPECT_THAT(waves("1,"), HasSubstr("empty wave"));
}

TEST(AddRollout, MakesTheMemberOfTheRequest) {
  RolloutOptions options;
  json::object order;
  ASSERT_TRUE(add_rollout(options, order));
  EXPECT_TRUE(order.empty());
  options.waves = "1";
  options.parallel = 5;
  options.failures = "3%";
  options.on_failures = "pause";
  options.wait = std::chrono::seconds(2);
  options.count_unreachable = true;
  ASSERT_TRUE(add_rollout(options, order));
  EXPECT_EQ(json::serialize(order),
            R"({"rollout":{"waves":[{"count":1}],"parallel_max":5,"failures_percent_max":3,)"
            R"("on_failures":"pause","count_unreachable":true,"wait_between_ms":2000}})");
  options.failures = "some";
  EXPECT_THAT(add_rollout(options, order).error().message, HasSubstr("neither a number"));
}

Json run(const char* counts, const char* found) {
  return json::parse(std::string(R"({"id":"r1","targets":48,"counts":)") + counts +
                     R"(,"cancelled":{"by":"a","found":)" + found + "}}");
}

TEST(CancelText, SaysWhatWasFoundAndWhatBecameOfIt) {
  EXPECT_EQ(cancel_text(run(R"({"cancelled":42,"succeeded":5,"unknown":1})",
                            R"({"queued":12,"sent":1,"running":32,"finished":3})")),
            "12 were never sent, 30 were stopped, 2 ended before the cancel reached them, 1 did "
            "not answer, 3 had finished");
  EXPECT_EQ(cancel_text(run(R"({"cancelled":1,"running":1})",
                            R"({"queued":1,"sent":0,"running":1,"finished":0})")),
            "1 was never sent, 1 has not answered yet");
  EXPECT_EQ(cancel_text(json::parse(R"({"counts":{}})")), "");
}

TEST(HoldText, SaysWhatToDo) {
  EXPECT_EQ(hold_text(json::parse(R"({"id":"r1"})")), "");
  EXPECT_THAT(hold_text(json::parse(R"({"id":"r1","paused":{"by":"anne","reason":"lunch"}})")),
              HasSubstr("Paused by anne: lunch. muster runs resume r1"));
  EXPECT_THAT(hold_text(json::parse(R"({"id":"r1","stopped":{"by":"rollout","reason":"3 of 9"}})")),
              HasSubstr("Stopped: 3 of 9"));
}

TEST(StopEverything, TellsLoudly) {
  Program program;
  program.server.on("POST /v1/stop-everything",
                    R"({"stopped":true,"by":"anne","at":"2026-11-22T04:09:00.000Z","reason":"oops",
                        "runs":2,"kept":true})");
  EXPECT_EQ(program.run({"stop-everything", "--reason", "oops"}), kExitOk);
  EXPECT_THAT(program.terminal.output, HasSubstr("EVERYTHING IS STOPPED by anne"));
  EXPECT_THAT(program.terminal.output, HasSubstr("2 runs were open"));
  EXPECT_EQ(program.run({"stop-everything", "--lift", "--status"}), kExitUsage);
  EXPECT_EQ(program.run({"stop-everything", "--state", "/x"}), kExitUsage);
}

}  // namespace
}  // namespace muster::cli
