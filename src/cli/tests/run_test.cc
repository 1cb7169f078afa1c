// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/exit_code.h"
#include "cli/render.h"
#include "cli/tests/fakes.h"

namespace muster::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kCheck = "POST /v1/selectors/check";
constexpr const char* kFolds = "GET /v1/runs/r1/folds?limit=1000";
constexpr const char* kTargets = "GET /v1/runs/r1/targets?limit=1000";

std::string run_json(const std::string& state, int succeeded, int failed, int running = 0) {
  return R"({"id":"r1","kind":"command","command":{"shell":"uptime"},"selector":"all","created_by":"a",)"
         R"("created_at":"2026-11-22T04:09:00.000Z","finished_at":"2026-11-22T04:09:03.200Z","state":")" +
         state + R"(","counts":{"succeeded":)" + std::to_string(succeeded) + R"(,"failed":)" +
         std::to_string(failed) + R"(,"running":)" + std::to_string(running) + R"(},"targets":)" +
         std::to_string(succeeded + failed + running) + "}";
}

/// Seven hosts, six of the same answer, one that failed.
void prepare(FakeServer& server) {
  server.on(kCheck, R"({"matched":7,"online":7,"unreachable_names":[]})");
  server.on("POST /v1/runs", run_json("running", 0, 0, 7), 201);
  server.events = {{"run", run_json("running", 3, 0, 4)}, {"end", run_json("finished", 6, 1)}};
  server.on(kFolds, R"({"folds":[
    {"state":"succeeded","exit_code":0,"count":6,"hosts":"web[1-5],db1","sample_endpoint":"e1",
     "stdout":"up 3 days\n","stdout_bytes":10,"stderr_bytes":0},
    {"state":"failed","exit_code":1,"count":1,"hosts":"db2","sample_endpoint":"e2",
     "stderr":"no such file","stdout_bytes":0,"stderr_bytes":12}],"next":null})");
}

TEST(Run, FoldsAnswersAndSumsUpTroubles) {
  Program program;
  prepare(program.server);
  EXPECT_EQ(program.run({"run", "--on", "all", "--", "uptime"}), kExitFailed);
  EXPECT_EQ(program.terminal.output,
            "---------------\nweb[1-5],db1 (6)\n---------------\nup 3 days\n");
  EXPECT_EQ(program.terminal.errors,
            "--- stderr: db2 (1)\nno such file\n"
            "failed      db2 (1): exit code 1\n"
            "6 succeeded, 1 failed in 3.2s  (muster runs show r1)\n");
  EXPECT_THAT(program.terminal.progress_lines.front(), HasSubstr("3/7 done · 3 succeeded"));
}

TEST(Run, WhatHostsSayOfTheirProgressIsAddedUp) {
  Program program;
  prepare(program.server);
  program.server.events = {
      {"run", run_json("running", 2, 0, 2)},
      {"progress", R"({"endpoint":"e1","name":"web1","percent":40,"text":"copying"})"},
      {"progress", R"({"endpoint":"e2","name":"web2","percent":80})"},
      {"target", R"({"endpoint":"e2","name":"web2","state":"succeeded"})"},
      {"run", run_json("running", 3, 0, 1)},
      {"end", run_json("finished", 6, 1)}};
  program.run({"run", "--on", "all", "--", "uptime"});
  const auto& lines = program.terminal.progress_lines;
  ASSERT_GE(lines.size(), 5U);
  EXPECT_THAT(lines[1], HasSubstr("60% of all · web1: 40% copying"));  // of four, two are done
  EXPECT_THAT(lines[2], HasSubstr("80% of all · web2: 80%"));
  EXPECT_THAT(lines[4], HasSubstr("85% of all"));
}

TEST(Run, HostsThatSayNothingAreOneLine) {
  Program program;
  prepare(program.server);
  program.server.events = {{"end", run_json("finished", 2, 1)}};
  program.server.on(kFolds, R"({"folds":[
    {"state":"succeeded","exit_code":0,"count":2,"hosts":"web[1-2]"},
    {"state":"unreachable","count":1,"hosts":"db1","reason":"offline"}]})");
  program.run({"run", "--on", "all", "--", "true"});
  EXPECT_EQ(program.terminal.output, "");
  EXPECT_THAT(program.terminal.errors, HasSubstr("web[1-2] (2): no output\n"));
  EXPECT_THAT(program.terminal.errors, HasSubstr("unreachable db1 (1): offline\n"));

  Program ping;
  prepare(ping.server);
  ping.server.events = program.server.events;
  ping.server.on(kFolds, R"({"folds":[{"state":"succeeded","count":3,"hosts":"web[1-3]"}]})");
  ping.run({"run", "--on", "all", "--ping"});
  EXPECT_EQ(ping.terminal.output, "web[1-3] (3): answered\n");
}

TEST(Run, SaysFirstWhoIsOfflineAndThatNobodyMatches) {
  Program program;
  prepare(program.server);
  program.server.on(kCheck, R"({"matched":5,"online":2,"unreachable_names":["db3","web7"]})");
  program.run({"run", "--on", "all", "--", "uptime"});
  EXPECT_THAT(program.terminal.errors,
              ::testing::StartsWith("3 of 5 matching hosts are offline: db3, web7, …\n"));
  EXPECT_THAT(program.terminal.errors, HasSubstr("--queue 1h"));

  Program twins;
  prepare(twins.server);
  twins.server.on(kCheck,
                  R"({"matched":2,"online":2,"unreachable_names":[],"shared_names":["web1"]})");
  twins.run({"run", "--on", "web1", "--", "uptime"});
  EXPECT_THAT(twins.terminal.errors, HasSubstr("Several of these hosts are called web1: ids"));

  Program nobody;
  nobody.server.on(kCheck, R"({"matched":0,"online":0})");
  EXPECT_EQ(nobody.run({"run", "--on", "all", "--", "uptime"}), kExitNoMatch);
  EXPECT_THAT(nobody.terminal.errors, HasSubstr("no host matches all; nothing was run"));
  EXPECT_FALSE(nobody.server.saw("POST", "/v1/runs"));
}

TEST(Run, ManyHostsAreAskedAbout) {
  Program program;
  prepare(program.server);
  program.server.on(kCheck, R"({"matched":5000,"online":5000})");
  program.terminal.in_is_terminal = true;
  program.terminal.answers.push("n");
  EXPECT_EQ(program.run({"run", "--on", "all", "--", "reboot"}), kExitInterrupted);
  EXPECT_FALSE(program.server.saw("POST", "/v1/runs"));
  EXPECT_EQ(program.run({"run", "--on", "all", "--yes", "--", "reboot"}), kExitFailed);
}

TEST(Run, LargeOutputIsFetchedWholeAndByteForByte) {
  Program program;
  prepare(program.server);
  program.server.events = {{"end", run_json("finished", 1, 0)}};
  program.server.on(kFolds, R"({"folds":[{"state":"succeeded","exit_code":0,"count":1,"hosts":"db1",
    "sample_endpoint":"e1","stdout_base64":"/w==","stdout_bytes":5,"stderr_bytes":0}]})");
  program.server.on("GET /v1/runs/r1/targets/e1/stdout", std::string("\xff\0\x1b[m", 5));
  EXPECT_EQ(program.run({"run", "--on", "all", "-q", "--", "cat", "x"}), kExitOk);
  EXPECT_EQ(program.terminal.output, std::string("\xff\0\x1b[m", 5));
  EXPECT_EQ(program.terminal.errors, "");
}

TEST(Run, ScreensNeverGetEscapeSequencesOfHosts) {
  Program program;
  prepare(program.server);
  program.terminal.out_is_terminal = program.terminal.err_is_terminal = true;
  program.server.on(
      kFolds, R"({"folds":[{"state":"failed","count":1,"hosts":"a\u001b[2J","reason":"\u001b]0;x",
    "sample_endpoint":"e1","stdout":"\u001b[31m","stderr":"\u001b[32m","stdout_bytes":5,"stderr_bytes":5}]})");
  program.run({"run", "--on", "all", "--", "evil"});
  EXPECT_THAT(program.terminal.output, Not(HasSubstr("\x1b")));
  EXPECT_THAT(program.terminal.errors, Not(HasSubstr("\x1b")));
  EXPECT_THAT(program.terminal.output, HasSubstr("\\x1b[31m"));
}

TEST(Run, LiveLinesCarryTheHost) {
  Program program;
  prepare(program.server);
  program.server.events = {
      {"output", R"({"endpoint":"e1","name":"web1","stream":"stdout","text":"one\ntw"})"},
      {"output", R"({"endpoint":"e2","name":"db1","stream":"stderr","text":"oh\n"})"},
      {"output", R"({"endpoint":"e1","name":"web1","stream":"stdout","text":"o"})"},
      {"end", run_json("finished", 2, 0)}};
  program.server.on(kTargets, R"({"targets":[{"endpoint":"e1","name":"web1","stdout_bytes":7},
    {"endpoint":"e2","name":"db1","stdout_bytes":0,"stderr_bytes":30}]})");
  EXPECT_EQ(program.run({"run", "--on", "all", "--live", "--", "x"}), kExitOk);
  EXPECT_EQ(program.terminal.output, "web1: one\nweb1: two\n");
  EXPECT_THAT(program.terminal.errors, HasSubstr("db1! oh\n"));
  EXPECT_THAT(program.terminal.errors, HasSubstr("Not all output was shown live for db1"));
}

TEST(Run, JsonIsOneDocumentOrOneLineAHost) {
  Program program;
  prepare(program.server);
  program.server.on(kTargets, R"({"targets":[{"endpoint":"e1"},{"endpoint":"e2"}],"next":null})");
  program.run({"run", "--on", "all", "--jsonl", "--", "x"});
  EXPECT_EQ(program.terminal.output, "{\"endpoint\":\"e1\"}\n{\"endpoint\":\"e2\"}\n");
  program.terminal.output.clear();
  program.run({"run", "--on", "all", "--json", "--", "x"});
  EXPECT_THAT(program.terminal.output, ::testing::StartsWith("{\n  \"run\": {\n"));
  EXPECT_THAT(program.terminal.output, HasSubstr("\"targets\": [\n"));
}

TEST(Run, CtrlCAsksOnATerminalAndDetachesElsewhere) {
  struct Case {
    const char* answer;
    int exit_code;
    bool cancels;
  };
  for (const Case& c : {Case{"c", kExitInterrupted, true}, Case{"d", kExitInterrupted, false},
                        Case{"", kExitFailed, false}, Case{"^C", kExitInterrupted, true}}) {
    Program program;
    prepare(program.server);
    program.server.on("POST /v1/runs/r1/cancel", run_json("running", 3, 0, 4));
    program.server.interrupt_after = 1;
    program.terminal.in_is_terminal = true;
    program.terminal.answers.push(c.answer);
    EXPECT_EQ(program.run({"run", "--on", "all", "--", "x"}), c.exit_code) << c.answer;
    EXPECT_EQ(program.server.saw("POST", "/v1/runs/r1/cancel"), c.cancels) << c.answer;
  }
  Program script;
  prepare(script.server);
  script.server.interrupt_after = 1;
  EXPECT_EQ(script.run({"run", "--on", "all", "--", "x"}), kExitInterrupted);
  EXPECT_FALSE(script.server.saw("POST", "/v1/runs/r1/cancel"));
  EXPECT_THAT(script.terminal.errors, HasSubstr("muster runs watch r1"));
}

TEST(Run, TheOrderCarriesEveryOption) {
  Program program;
  prepare(program.server);
  program.terminal.input = "in";
  program.run({"run", "--on",     "all", "--shell",      "a|b", "--timeout",     "30s",   "--queue",
               "1h",  "--user",   "u",   "--dir",        "/d",  "--env",         "A=1=2", "--stdin",
               "-",   "--memory", "1M",  "--output-max", "2K",  "--description", "why"});
  for (const Request& request : program.server.requests) {
    if (request.target != "/v1/runs") continue;
    EXPECT_EQ(
        request.body,
        R"({"command":{"shell":"a|b","user":"u","directory":"/d",)"
        R"("environment":{"A":"1=2"},"stdin_base64":"aW4="},"selector":"all","limits":{"timeout_ms":30000,)"
        R"("memory_bytes":1048576,"output_bytes_max":2048},"queue_for_ms":3600000,)"
        R"("description":"why"})");
    EXPECT_EQ(request.idempotency_key.size(), 26u);
  }
  EXPECT_TRUE(program.server.saw("POST", "/v1/runs"));
}

TEST(ExitCodes, FollowTheServersAnswer) {
  struct Case {
    const char* code;
    int status;
    int exit_code;
  };
  for (const Case& c :
       {Case{"invalid", 400, kExitUsage}, Case{"unauthorized", 401, kExitDenied},
        Case{"denied", 403, kExitDenied}, Case{"not_found", 404, kExitNoMatch},
        Case{"conflict", 409, kExitFailed}, Case{"limit", 429, kExitFailed},
        Case{"internal", 500, kExitFailed}, Case{"unavailable", 503, kExitUnreachable}}) {
    Program program;
    program.server.on(
        kCheck, std::string(R"({"error":{"code":")") + c.code + R"(","message":"the reason"}})",
        c.status);
    EXPECT_EQ(program.run({"run", "--on", "all", "--ping"}), c.exit_code) << c.code;
    EXPECT_THAT(program.terminal.errors, HasSubstr("the reason"));
    // The status alone decides where the body is not ours.
    program.server.on(kCheck, "<html>", c.status);
    EXPECT_EQ(program.run({"run", "--on", "all", "--ping"}), c.exit_code) << c.status;
  }
  Program gone;
  gone.server.failure = core::fail(core::Code::kUnavailable, "box:7443: cannot connect");
  EXPECT_EQ(gone.run({"hosts"}), kExitUnreachable);
  Program stranger;
  stranger.environment.erase("MUSTER_SERVER");
  EXPECT_EQ(stranger.run({"hosts"}), kExitDenied);
  EXPECT_THAT(stranger.terminal.errors, HasSubstr("muster login"));
  Program refused;
  refused.server.on("GET /v1/me",
                    R"({"error":{"code":"unauthorized","message":"the token is void"}})", 401);
  EXPECT_EQ(refused.run({"whoami"}), kExitDenied);
  EXPECT_THAT(refused.terminal.errors, HasSubstr("MUSTER_TOKEN"));
}

TEST(Runs, ShowPrintsOneHostByteForByte) {
  Program program;
  program.server.on("GET /v1/runs/r1", run_json("finished", 1, 0));
  program.server.on(kTargets, R"({"targets":[{"endpoint":"e1","name":"web1","state":"succeeded",
    "exit_code":0,"stdout":"no newline","stdout_bytes":10,"stderr_bytes":0}]})");
  EXPECT_EQ(program.run({"runs", "show", "r1", "--host", "web1"}), kExitOk);
  EXPECT_EQ(program.terminal.output, "no newline");
  EXPECT_EQ(program.run({"runs", "show", "r1", "--host", "web2"}), kExitNoMatch);
}

constexpr const char* kRunning = "GET /v1/runs/r1/targets?state=running&limit=1000";

TEST(Runs, ShowSaysHowFarRunningHostsAre) {
  Program program;
  program.server.on("GET /v1/runs/r1", run_json("running", 0, 0, 4));
  program.server.on(kFolds, R"({"folds":[],"next":null})");
  program.server.on(kRunning, R"({"targets":[
    {"endpoint":"e1","name":"web1","state":"running","progress":{"percent":40,"text":"copying"}},
    {"endpoint":"e2","name":"web2","state":"running"},
    {"endpoint":"e3","name":"db\u001b[2J","state":"running","progress":{"text":"wait\u001b[31m\ning"}}],
    "next":null})");
  EXPECT_EQ(program.run({"runs", "show", "r1"}), kExitOk);
  EXPECT_THAT(program.terminal.output, HasSubstr("RUNNING    DONE  SAYS\n"
                                                 "web1       40%   copying\n"
                                                 "db\\x1b[2J        wait\\x1b[31m\\x0aing\n"
                                                 "and 2 more\n"));
  // Who asks for answers only gets them.
  program.terminal.output.clear();
  EXPECT_EQ(program.run({"runs", "show", "r1", "-q"}), kExitOk);
  EXPECT_THAT(program.terminal.output, Not(HasSubstr("SAYS")));
}

TEST(Runs, ShowListsTwentyOfManyThatAreUnderWay) {
  Program program;
  program.server.on("GET /v1/runs/r1", run_json("running", 3, 0, 900));
  program.server.on(kFolds, R"({"folds":[],"next":null})");
  std::string targets;
  for (int i = 0; i < 25; ++i)
    targets += std::string(i == 0 ? "" : ",") + R"({"name":"web)" + std::to_string(i) +
               R"(","state":"running","progress":{"percent":7}})";
  program.server.on(kRunning, R"({"targets":[)" + targets + R"(],"next":"more"})");
  EXPECT_EQ(program.run({"runs", "show", "r1"}), kExitOk);
  EXPECT_THAT(program.terminal.output, HasSubstr("web19    7%\nand 880 more\n"));
  EXPECT_THAT(program.terminal.output, Not(HasSubstr("web20")));
}

TEST(Runs, ShowOfAFinishedRunAsksForNoProgress) {
  Program program;
  program.server.on("GET /v1/runs/r1", run_json("finished", 2, 0));
  program.server.on(kFolds, R"({"folds":[],"next":null})");
  EXPECT_EQ(program.run({"runs", "show", "r1"}), kExitOk);
  EXPECT_FALSE(program.server.saw("GET", "/v1/runs/r1/targets?state=running&limit=1000"));
}

TEST(Runs, OutcomesReadLikeSentences) {
  EXPECT_EQ(outcome_text({{"state", "failed"}, {"exit_code", 3}}), "exit code 3");
  EXPECT_EQ(outcome_text({{"state", "failed"}, {"signal", 9}}), "killed by signal 9 (KILL)");
  EXPECT_EQ(outcome_text({{"state", "refused"}, {"reason", "no user 'x'"}}), "no user 'x'");
  EXPECT_EQ(outcome_text({{"state", "succeeded"}, {"exit_code", 0}}), "");
  EXPECT_EQ(command_text({{"kind", "command"}, {"command", {{"argv", {"ls", "a b"}}}}}),
            "ls 'a b'");
  EXPECT_EQ(command_text({{"kind", "ping"}}), "(ping)");
}

TEST(Hosts, TableShowAndAmbiguousNames) {
  const char* host =
      R"({"id":"0a1b2c","name":"web1","online":true,"state":"active","labels":{"site":"a","role":"web"},
    "facts":{"distribution":"debian","distribution_version":"12","cpus":8,"memory_bytes":16777216000},
    "address":"192.0.2.17","last_contact":"2026-11-22T04:09:57.000Z","enrolled_at":"2026-11-20T04:10:00.000Z"})";
  Program program;
  program.server.on("GET /v1/hosts?limit=1000",
                    std::string(R"({"hosts":[)") + host + R"(],"next":null,"total":1,"online":1})");
  EXPECT_EQ(program.run({"hosts"}), kExitOk);
  EXPECT_EQ(program.terminal.output,
            "NAME  STATUS  SYSTEM     ADDRESS     LAST CONTACT  ID      LABELS\n"
            "web1  online  debian 12  192.0.2.17  3s ago        0a1b2c  role=web,site=a\n");
  const std::string twice = std::string(R"({"hosts":[)") + host + "," + host + R"(],"total":2})";
  program.server.on("GET /v1/hosts?selector=name%3D%22web1%22&limit=20", twice);
  EXPECT_EQ(program.run({"hosts", "show", "web1"}), kExitUsage);
  EXPECT_THAT(program.terminal.errors,
              HasSubstr("'web1' means 2 hosts; take the id:\n  0a1b2c  web1"));
}

TEST(Hosts, LabelsOfManyAreAskedAboutAndChangedTogether) {
  Program program;
  program.server.on(kCheck, R"({"matched":3,"online":1,"unreachable_names":["a","b"]})");
  program.server.on("POST /v1/hosts/labels", R"({"matched":3,"changed":2})");
  program.terminal.answers.push("n");
  EXPECT_EQ(program.run({"hosts", "label", "all", "x=1", "y-"}), kExitInterrupted);
  EXPECT_FALSE(program.server.saw("POST", "/v1/hosts/labels"));
  EXPECT_EQ(program.run({"hosts", "label", "all", "x=1", "y-", "--yes"}), kExitOk);
  EXPECT_EQ(program.server.requests.back().body,
            R"({"selector":"all","labels":{"set":{"x":"1"},"remove":["y"]}})");
  EXPECT_THAT(program.terminal.errors,
              HasSubstr("Labels changed on 2 hosts; 1 had them already\n"));

  program.server.on(kCheck, R"({"matched":0,"online":0,"unreachable_names":[]})");
  EXPECT_EQ(program.run({"hosts", "label", "os=hpux", "x=1"}), kExitNoMatch);
}

// By GET, hosts picked by hand passed the limit of an address at some 250 of them.
TEST(Run, ALongSelectorIsCheckedInABody) {
  Program program;
  prepare(program.server);
  std::string selector = "id in (";
  for (int i = 0; i < 500; ++i) selector += "00000000000000000000000000,";
  selector.back() = ')';
  program.run({"run", "--on", selector, "--", "true"});
  const auto& check = program.server.requests.front();
  EXPECT_EQ(check.method + " " + check.target, kCheck);
  EXPECT_THAT(check.body, HasSubstr(selector));
}

TEST(Lists, AllPagesAreRead) {
  Program program;
  program.server.on("GET /v1/audit?limit=1000",
                    R"({"entries":[{"seq":3,"action":"a"},{"seq":2,"action":"b"}],"next":2})");
  program.server.on("GET /v1/audit?limit=1000&before=2",
                    R"({"entries":[{"seq":1,"action":"c"}],"next":null})");
  EXPECT_EQ(program.run({"audit", "--limit", "0", "--jsonl"}), kExitOk);
  EXPECT_EQ(
      program.terminal.output,
      "{\"seq\":3,\"action\":\"a\"}\n{\"seq\":2,\"action\":\"b\"}\n{\"seq\":1,\"action\":\"c\"}\n");
}

TEST(Tokens, CreateShowsTheEnrolCommand) {
  Program program;
  program.server.on(
      "POST /v1/join-tokens",
      R"({"id":"t","token":"mjt1.t.s.f","uses_left":2,"expires_at":"2026-11-22T06:10:00.000Z","labels":{"site":"a"}})",
      201);
  EXPECT_EQ(program.run({"token", "create", "--uses", "2", "--expires", "2h", "--label", "site=a"}),
            kExitOk);
  EXPECT_EQ(program.server.requests.back().body,
            R"({"uses":2,"expires_in_s":7200,"labels":{"site":"a"}})");
  EXPECT_THAT(program.terminal.output, HasSubstr("for 2 hosts, expires in 2h"));
  EXPECT_THAT(
      program.terminal.output,
      HasSubstr("  muster-agent enrol --server box:7443 --token mjt1.t.s.f && muster-agent run\n"));
}

TEST(Audit, ABrokenLogFailsTheCommand) {
  Program program;
  program.server.on("GET /v1/audit/verify", R"({"ok":false,"entries":9,"head":"x","broken_at":4})");
  EXPECT_EQ(program.run({"audit", "verify"}), kExitFailed);
  EXPECT_THAT(program.terminal.output, HasSubstr("altered at entry 4"));
}

}  // namespace
}  // namespace muster::cli
