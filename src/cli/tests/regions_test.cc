// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/exit_code.h"
#include "cli/region_choice.h"
#include "cli/tests/fakes.h"

namespace muster::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kOverview =
    R"({"regions":[{"name":"here","state":"up","hosts":[{"id":"h1","name":"w1","online":true}],"total":1,"online":1},
    {"name":"north","state":"down","error":{"code":"unavailable","message":"the region north is down since 10:00"}}]})";

TEST(Regions, AnyCommandAsksAnotherRegionThroughThisOne) {
  Program program;
  program.server.on(
      "GET /v1/regions/east/v1/hosts?limit=1000",
      R"({"hosts":[{"id":"h1","name":"web1","online":true}],"total":1,"online":1,"next":null})");
  EXPECT_EQ(program.run({"--region", "east", "hosts"}), kExitOk);
  EXPECT_THAT(program.terminal.output, HasSubstr("web1"));
  EXPECT_EQ(program.run({"hosts", "--region", "east"}), kExitOk);
  EXPECT_EQ(program.run({"--region", "no/such", "hosts"}), kExitUsage);
  EXPECT_EQ(program.run({"--region", "all", "hosts"}), kExitUsage);
  EXPECT_THAT(program.terminal.errors, HasSubstr("stand behind 'hosts' and 'run'"));
}

TEST(Regions, HostsOfAllShowsWhoIsDownAndTheOthers) {
  Program program;
  program.server.on("GET /v1/regions/hosts?regions=all&selector=os%3Dlinux&limit=1000", kOverview);
  EXPECT_EQ(program.run({"hosts", "--region", "all", "os=linux"}), kExitUnreachable);
  EXPECT_THAT(program.terminal.output, HasSubstr("w1"));
  EXPECT_THAT(program.terminal.errors, HasSubstr("north is down since"));
}

TEST(Regions, ARunInSeveralFollowsEachInItsPlace) {
  Program program;
  const std::string run =
      R"({"id":"r1","kind":"command","command":{"shell":"x"},"selector":"all","created_by":"a",)"
      R"("created_at":"2026-11-22T04:09:00.000Z","finished_at":"2026-11-22T04:09:03.200Z",)"
      R"("state":"finished","counts":{"succeeded":1},"targets":1})";
  program.server.on(
      "POST /v1/regions/runs",
      R"({"regions":[{"name":"east","state":"up","run":)" + run +
          R"(},{"name":"north","state":"down","error":{"code":"unavailable","message":"it is down"}}]})");
  program.server.events = {{"end", run}};
  program.server.on(
      "GET /v1/regions/east/v1/runs/r1/folds?limit=1000",
      R"({"folds":[{"state":"succeeded","exit_code":0,"count":1,"hosts":"a1","sample_endpoint":"e1",)"
      R"("stdout":"there\n","stdout_bytes":6,"stderr_bytes":0}],"next":null})");
  EXPECT_EQ(program.run({"run", "--region", "east,north", "--on", "all", "--", "x"}),
            kExitUnreachable);
  EXPECT_THAT(program.terminal.output, HasSubstr("there"));
  EXPECT_THAT(program.terminal.errors, HasSubstr("north: it is down"));
  EXPECT_EQ(program.run({"run", "--region", "east,north", "--json", "--on", "all", "--", "x"}),
            kExitUsage);
}

TEST(Regions, WithoutAFingerprintThatFitsNothingIsAdded) {
  Program program;
  EXPECT_EQ(program.run({"regions", "add", "/dev/null"}), kExitUsage);
  EXPECT_THAT(program.terminal.errors, HasSubstr("no region's card"));
  EXPECT_THAT(program.server.requests, ::testing::IsEmpty());
  EXPECT_EQ(program.run({"regions", "change", "east"}), kExitUsage);
}

TEST(Regions, NamesAreTakenApart) {
  EXPECT_EQ(region_names("a,b"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(region_names(",a,,"), (std::vector<std::string>{"a"}));
  EXPECT_TRUE(region_names("").empty());
}

}  // namespace
}  // namespace muster::cli
