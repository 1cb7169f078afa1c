// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/exit_code.h"
#include "cli/tests/fakes.h"

namespace muster::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSchedule =
    R"({"name":"patch","enabled":true,"author":"ada","trigger":{"cron":"0 3 * * sun"},)"
    R"("zone":"Europe/Berlin","jitter_ms":600000,"blackouts":["sat","12-20..01-06"],)"
    R"("in_blackout":"wait","missed":"once","created_at":"2026-11-22T04:00:00.000Z",)"
    R"("changed_at":"2026-11-22T04:00:00.000Z","changed_by":"bob",)"
    R"("request":{"selector":"role=web","command":{"argv":["ls","/a b"]}},)"
    R"("next":["2026-11-29T02:00:00.000Z"],)"
    R"("last":{"due":"2026-11-22T02:00:00.000Z","cause":"time","state":"failed",)"
    R"("fired_at":"2026-11-22T02:10:00.000Z","stands_for":3,"reason":"no \u001b[31mhost"}})";

std::string body_of(const Program& program, std::string_view method, std::string_view target) {
  for (const Request& request : program.server.requests)
    if (request.method == method && request.target == target) return request.body;
  return "";
}

TEST(Schedule, CreateSendsWhatWasSaid) {
  Program program;
  program.server.on("POST /v1/schedules", kSchedule, 201);
  EXPECT_EQ(
      program.run(
          {"schedule",      "create",        "patch", "--cron",     "0 3 * * sun", "--zone",
           "Europe/Berlin", "--jitter",      "10m",   "--blackout", "sat",         "--blackout",
           "12-20..01-06",  "--in-blackout", "wait",  "--missed",   "once",        "--on",
           "role=web",      "--timeout",     "30s",   "--",         "ls",          "/a b"}),
      kExitOk);
  EXPECT_EQ(body_of(program, "POST", "/v1/schedules"),
            R"({"name":"patch","trigger":{"cron":"0 3 * * sun"},"enabled":true,)"
            R"("zone":"Europe/Berlin","jitter_ms":600000,"blackouts":["sat","12-20..01-06"],)"
            R"("in_blackout":"wait","missed":"once","request":{"command":{"argv":["ls","/a b"]},)"
            R"("selector":"role=web","limits":{"timeout_ms":30000}}})");
  EXPECT_EQ(program.terminal.output,
            "Schedule      patch\n"
            "When          0 3 * * sun  Europe/Berlin\n"
            "Jitter        up to 10m\n"
            "Blackouts     sat; 12-20..01-06 (firings wait for the end)\n"
            "Missed        one is made up for all\n"
            "On            role=web\n"
            "Runs          ls '/a b'\n"
            "Author        ada, changed 10m ago by bob\n"
            "Next          2026-11-29T02:00:00Z  in 6d\n");
}

TEST(Schedule, CreateOnLoginOfAMethod) {
  Program program;
  program.server.on("GET /v1/methods/greet",
                    R"({"name":"greet","version":"1.2","any_parameters":false,"parameters":[)"
                    R"({"name":"times","type":"Integer","required":true,"sensitive":false}]})");
  program.server.on("PUT /v1/schedules/hello", kSchedule);
  EXPECT_EQ(
      program.run({"schedule", "create", "hello", "--replace", "--on-login", "--at-most-every",
                   "1h", "--on", "all", "--method", "greet", "--arg", "times=3", "--disabled"}),
      kExitOk)
      << program.terminal.errors;
  EXPECT_EQ(body_of(program, "PUT", "/v1/schedules/hello"),
            R"({"name":"hello","trigger":{"on":"login","at_most_every_ms":3600000},)"
            R"("enabled":false,"request":{"method":{"name":"greet","arguments":{"times":3}},)"
            R"("selector":"all"}})");
  EXPECT_EQ(program.run({"schedule", "create", "x", "--on-boot", "--on", "all", "--method", "greet",
                         "--", "ls"}),
            kExitUsage);
  EXPECT_THAT(program.terminal.errors, HasSubstr("--method takes no COMMAND"));
}

TEST(Schedule, ListAndShow) {
  Program program;
  program.server.on("GET /v1/schedules", std::string(R"({"schedules":[)") + kSchedule + "]}");
  EXPECT_EQ(program.run({"schedule"}), kExitOk);
  EXPECT_EQ(program.terminal.output,
            "NAME   WHEN                        NEXT   LAST           BY   ON        COMMAND\n"
            "patch  0 3 * * sun  Europe/Berlin  in 6d  failed 2h ago  ada  role=web  ls '/a b'\n");
  Program shown;
  shown.server.on("GET /v1/schedules/patch", kSchedule);
  shown.server.on("GET /v1/schedules/patch/firings?limit=10",
                  R"({"firings":[{"due":"2026-11-22T02:00:00.000Z","cause":"missed",)"
                  R"("state":"failed","fired_at":"2026-11-22T02:10:00.000Z","stands_for":3,)"
                  R"("reason":"no \u001b[31mhost"}],"next":null})");
  EXPECT_EQ(shown.run({"schedule", "show", "patch"}), kExitOk);
  EXPECT_THAT(shown.terminal.output,
              HasSubstr("2026-11-22T02:00:00Z  2h ago  missed  failed (3)  -"));
  EXPECT_THAT(shown.terminal.output, Not(HasSubstr("\x1b[31m")));
}

TEST(Schedule, TheMarkStandsBelowTheMistake) {
  Program program;
  program.server.on("POST /v1/schedules",
                    R"({"error":{"code":"invalid","message":"cron: column 3: hour: 25 is not )"
                    R"(between 0 and 23"}})",
                    400);
  EXPECT_EQ(
      program.run({"schedule", "create", "x", "--cron", "0 25 * * *", "--on", "all", "--ping"}),
      kExitUsage);
  EXPECT_THAT(program.terminal.errors, HasSubstr("\n  0 25 * * *\n    ^"));
}

TEST(Schedule, FireEnableRemove) {
  Program program;
  program.server.on("POST /v1/schedules/patch/fire", R"({"run":"r1","state":"ordered"})", 201);
  program.server.on("PATCH /v1/schedules/patch", kSchedule);
  program.server.on("DELETE /v1/schedules/patch", "", 204);
  EXPECT_EQ(program.run({"schedule", "fire", "patch"}), kExitOk);
  EXPECT_EQ(program.terminal.output, "r1\n");
  EXPECT_EQ(program.run({"schedule", "disable", "patch"}), kExitOk);
  EXPECT_EQ(body_of(program, "PATCH", "/v1/schedules/patch"), R"({"enabled":false})");
  EXPECT_EQ(program.run({"schedule", "remove", "patch"}), kExitOk);
  EXPECT_THAT(program.terminal.errors, HasSubstr("Removed patch\n"));
}

}  // namespace
}  // namespace muster::cli
