// SPDX-License-Identifier: Apache-2.0
#include "cli/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace muster::cli {
namespace {

using ::testing::HasSubstr;

const Json kArchive = boost::json::parse(R"({"format":"muster-recording-1","steps":[
  {"run":"r1","after_ms":0,"request":{"selector":"role=web","command":{"argv":["ping","db1","not-db1"]}},
   "answers":[{"state":"succeeded","exit_code":0,"hosts":["web1","web2"],
               "stdout_sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}]},
  {"run":"r2","after_ms":9,"request":{"selector":"db1","method":{"digest":"00","arguments":
     {"peer":"web1","list":["db1",1],"password":"[hidden]"}}},"method":{"name":"m","version":"1"},
   "hidden":["password"],
   "answers":[{"state":"failed","exit_code":3,"hosts":["db1"]}]}]})");

std::string shown(const boost::json::object& object) {
  return boost::json::serialize(object);
}

TEST(Replay, MapsHostsArgumentsAndWholeWords) {
  ReplayOptions options;
  options.hosts = {{"web1", "t1"}, {"web2", "t2"}, {"db1", "t\"3"}};
  options.arguments = {"2.password=s3cret", "2.list:=[1,\"db1\"]"};
  const auto steps = plan_replay(kArchive, options);
  ASSERT_TRUE(steps) << steps.error().message;
  EXPECT_EQ(
      shown(steps->at(0).request),
      R"j({"selector":"name in (\"t1\",\"t2\")","command":{"argv":["ping","t\"3","not-db1"]}})j");
  EXPECT_THAT(shown(steps->at(1).request), HasSubstr(R"j("selector":"name in (\"t\\\"3\")")j"));
  EXPECT_THAT(shown(steps->at(1).request),
              HasSubstr(R"j({"peer":"t1","list":[1,"t\"3"],"password":"s3cret"})j"));
  EXPECT_EQ(steps->at(1).method, "m");
}

TEST(Replay, TellsAllThatIsMissingAtOnce) {
  ReplayOptions options;
  options.hosts = {{"web1", "t1"}};
  options.arguments = {"1.color=red", "size=1"};
  const auto steps = plan_replay(kArchive, options);
  ASSERT_FALSE(steps);
  for (const char* part :
       {"step 1: the host web2 has no counterpart", "step 2: the host db1",
        "step 2: the value of 'password' was secret", "argument 'color'", "argument 'size'"})
    EXPECT_THAT(steps.error().message, HasSubstr(part));
}

TEST(Replay, RefusesWhatItCannotRead) {
  ReplayOptions options;
  options.on = "all";
  for (const char* text : {"{}", "[]", "null", R"({"format":"muster-recording-2","steps":[]})",
                           R"({"format":"muster-recording-1","steps":[]})"})
    EXPECT_FALSE(plan_replay(boost::json::parse(text), options)) << text;
  for (const char* word :
       {"password", "=x", "2.=x", "x.password=y", "2.password:=[", "99999.p=1"}) {
    options.arguments = {word};
    EXPECT_FALSE(plan_replay(kArchive, options)) << word;
  }
}

TEST(Replay, AStepWithoutOrderOrHostsIsNamed) {
  ReplayOptions options;
  options.same_hosts = true;
  const auto steps =
      plan_replay(boost::json::parse(
                      R"j({"format":"muster-recording-1","steps":[5,{"request":{"ping":{}}}]})j"),
                  options);
  ASSERT_FALSE(steps);
  EXPECT_THAT(steps.error().message, HasSubstr("step 1: it says nothing of what was ordered"));
  EXPECT_THAT(steps.error().message, HasSubstr("step 2: no host is recorded"));
}

Json target(const char* name, const char* state, int code, const char* out = "") {
  return boost::json::object{
      {"name", name}, {"state", state}, {"exit_code", code}, {"stdout", out}};
}

TEST(Replay, ComparesEachHostWithItsCounterpart) {
  ReplayStep step;
  step.counterparts = {{"web1", "t1"}, {"web2", "t2"}};
  const Json& recorded = elements(kArchive, "steps").at(0);
  const std::vector<Json> same{target("t1", "succeeded", 0, "foo"),
                               target("t2", "succeeded", 0, "bar")};
  EXPECT_TRUE(differences(recorded, step, same, Compare::kOutcome).empty());
  const auto output = differences(recorded, step, same, Compare::kOutput);
  ASSERT_EQ(output.size(), 1U);
  EXPECT_EQ(output[0].host, "t2");
  const auto other = differences(recorded, step, {target("t1", "failed", 2)}, Compare::kOutcome);
  ASSERT_EQ(other.size(), 2U);
  EXPECT_EQ(other[0].now, "failed, exit code 2");
  EXPECT_EQ(other[1].now, "no such host");
}

TEST(Replay, OnOtherHostsAnyRecordedAnswerWillDo) {
  const ReplayStep step;
  const Json& recorded = elements(kArchive, "steps").at(1);
  EXPECT_TRUE(differences(recorded, step, {target("x", "failed", 3)}, Compare::kOutcome).empty());
  EXPECT_EQ(differences(recorded, step, {target("x", "succeeded", 0)}, Compare::kOutcome).size(),
            1U);
}

}  // namespace
}  // namespace muster::cli
