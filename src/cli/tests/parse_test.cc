// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "cli/completion.h"
#include "cli/exit_code.h"
#include "cli/tests/fakes.h"

namespace muster::cli {
namespace {

using ::testing::HasSubstr;

struct Mistake {
  std::vector<std::string> words;
  const char* message;
};

class Mistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, AreNamedWithTheUsageAndRunNothing) {
  Program program;
  EXPECT_EQ(program.run(GetParam().words), kExitUsage);
  EXPECT_THAT(program.terminal.errors, HasSubstr(GetParam().message));
  EXPECT_EQ(program.terminal.output, "");
  EXPECT_TRUE(program.server.requests.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Parse, Mistakes,
    ::testing::Values(
        Mistake{{"hostss"}, "unknown command 'hostss'; did you mean hosts?"},
        Mistake{{"frobnicate"}, "unknown command 'frobnicate'"},
        Mistake{{"run", "--no", "all"}, "unknown option '--no'"},
        Mistake{{"run", "--tiemout", "5s"}, "did you mean --timeout?"},
        Mistake{{"run", "--on", "all", "--timeout", "5"}, "not a duration: '5'"},
        Mistake{{"run", "--on", "all", "--memory", "lots"}, "not a size: 'lots'"},
        Mistake{{"run", "--on", "all", "--on", "b", "--ping"}, "--on is given more than once"},
        Mistake{{"run", "--ping"}, "--on SELECTOR is missing"},
        Mistake{{"run", "--on", "all"}, "what to run is missing"},
        Mistake{{"run", "--on", "all", "uptime"}, "unexpected argument 'uptime'"},
        Mistake{{"run", "--on", "all", "--ping", "--", "ls"}, "only one of"},
        Mistake{{"run", "--on", "all", "--json", "--jsonl", "--ping"}, "only one of --json"},
        Mistake{{"run", "--on", "all", "--ping", "--user", "x"}, "--ping runs nothing"},
        Mistake{{"run", "--on"}, "--on"}, Mistake{{"hosts", "show"}, "HOST is missing"},
        Mistake{{"hosts", "list", "a", "b"}, "unexpected argument 'b'"},
        Mistake{{"hosts", "list", "--", "b"}, "nothing after --"},
        Mistake{{"hosts", "--limit", "many"}, "not a whole number"},
        Mistake{{"hosts", "label", "all", "nonsense"}, "changes no label"},
        Mistake{{"user", "add", "x", "--role", "king"},
                "'king' is none of viewer, operator, admin"},
        Mistake{{"completion", "tcsh"}, "'tcsh' is none of bash, zsh, fish"},
        Mistake{{"token", "create", "--label", "x"}, "not of the form key=value"},
        Mistake{{"login", "http://box"}, "HTTPS only"}));

TEST(Parse, HostsMayBeCalledLikeCommandsAndBrackets) {
  for (const std::string name : {"run", "token", "show", "[a,b]"}) {
    Program program;
    program.run({"hosts", "show", name});
    ASSERT_FALSE(program.server.requests.empty()) << program.terminal.errors;
    const std::string encoded = name == "[a,b]" ? "%5Ba%2Cb%5D" : name;
    EXPECT_THAT(program.server.requests[0].target, HasSubstr("name%3D%22" + encoded + "%22"));
  }
}

TEST(Parse, WhatFollowsTheDashesIsUntouched) {
  Program program;
  program.server.on("POST /v1/selectors/check", R"({"matched":1,"online":1})");
  program.server.on("POST /v1/runs", R"({"id":"r","state":"finished","targets":0})", 201);
  program.run({"run", "--on=all", "-d", "--", "ls", "--on", "[a]", "--", "-h"});
  EXPECT_THAT(program.server.requests.back().body, HasSubstr(R"(["ls","--on","[a]","--","-h"])"));
  EXPECT_EQ(program.terminal.output, "r\n");
}

void walk(const Command& command, const std::function<void(const Command&)>& visit) {
  visit(command);
  for (const auto& child : command.children()) walk(*child, visit);
}

TEST(Help, EveryCommandHasExamplesAndFitsTheScreen) {
  walk(*build_tree(), [](const Command& command) {
    const std::string help = command.help();
    EXPECT_THAT(help, HasSubstr("Usage: muster"));
    EXPECT_THAT(help, HasSubstr("Examples:")) << command.full_name();
    std::size_t start = 0;
    while (start < help.size()) {
      const auto end = help.find('\n', start);
      const std::string line = help.substr(start, end - start);
      EXPECT_LE(line.find("  muster") == 0 ? 0 : line.size(), 84u) << line;
      start = end + 1;
    }
  });
}

TEST(Help, IsNoMistake) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {}, {"--help"}, {"-h"}, {"run", "--help"}, {"hosts", "show", "-h"}, {"token", "-h"}}) {
    Program program;
    EXPECT_EQ(program.run(words), kExitOk);
    EXPECT_THAT(program.terminal.output, HasSubstr("Usage: muster"));
  }
}

TEST(Help, ANounAloneLists) {
  const std::pair<const char*, const char*> nouns[] = {{"hosts", "/v1/hosts?limit=1000"},
                                                       {"runs", "/v1/runs?limit=20"},
                                                       {"token", "/v1/join-tokens"},
                                                       {"api-token", "/v1/api-tokens"},
                                                       {"user", "/v1/users"},
                                                       {"gateways", "/v1/gateways"},
                                                       {"policy", "/v1/policy"},
                                                       {"audit", "/v1/audit?limit=50"}};
  for (const auto& [noun, target] : nouns) {
    Program program;
    program.server.on(std::string("GET ") + target, "{}");
    EXPECT_EQ(program.run({noun}), kExitOk) << noun;
    EXPECT_TRUE(program.server.saw("GET", target)) << noun;
  }
}

TEST(Parse, SaysWhereTheCommandStandsAndWhatWasMeant) {
  Program program;
  EXPECT_EQ(program.run({"run", "--on", "all", "uptime"}), kExitUsage);
  EXPECT_THAT(program.terminal.errors,
              HasSubstr("unexpected argument 'uptime'; COMMAND stands behind --"));
  Program typo;
  typo.server.on("GET /v1/hosts?selector=shw&limit=1000", R"({"hosts":[],"total":0})");
  EXPECT_EQ(typo.run({"hosts", "shw"}), kExitNoMatch);
  EXPECT_THAT(typo.terminal.errors, HasSubstr("did you mean muster hosts show?"));
}

// "3: no host matches" is what a script would have taken a missing file for.
TEST(ExitCodes, AMissingFileIsAMistakeInTheCommandLine) {
  Program program;
  program.server.on("POST /v1/selectors/check", R"({"matched":1,"online":1})");
  EXPECT_EQ(program.run({"run", "--on", "all", "--stdin", "/nosuch/file", "--", "cat"}),
            kExitUsage);
  EXPECT_THAT(program.terminal.errors, HasSubstr("--stdin: opening /nosuch/file"));
}

TEST(ExitCodes, AWrongTokenSaysWhereItCameFrom) {
  Program program;
  program.server.on("GET /v1/hosts?limit=1000",
                    R"({"error":{"code":"unauthorized","message":"unknown or expired API token"}})",
                    401);
  EXPECT_EQ(program.run({"hosts"}), kExitDenied);
  EXPECT_THAT(program.terminal.errors, HasSubstr("The token comes from MUSTER_TOKEN"));
}

/// Runs a shell's syntax check over `script`; true also where that shell is not installed.
bool shell_accepts(const char* shell, const std::string& script) {
  if (std::system((std::string("command -v ") + shell + " >/dev/null").c_str()) != 0) return true;
  char path[] = "/tmp/muster_completion_XXXXXX";
  const int descriptor = ::mkstemp(path);
  EXPECT_GE(descriptor, 0);
  ::close(descriptor);
  std::ofstream(path) << script;
  const bool good = std::system((std::string(shell) + " -n " + path).c_str()) == 0;
  ::unlink(path);
  return good;
}

TEST(Completion, ScriptsAreWellFormed) {
  const auto tree = build_tree();
  EXPECT_TRUE(shell_accepts("bash", bash_completion(*tree)));
  EXPECT_TRUE(shell_accepts("zsh", zsh_completion(*tree)));
  EXPECT_TRUE(shell_accepts("fish", fish_completion(*tree)));
  EXPECT_FALSE(shell_accepts("bash", "case x in"));  // the check can fail
}

TEST(Completion, BashOffersWhatTheTreeHas) {
  char path[] = "/tmp/muster_completion_XXXXXX";
  ::close(::mkstemp(path));
  std::ofstream(path) << bash_completion(*build_tree())
                      << "COMP_WORDS=(muster hosts sh); COMP_CWORD=2; _muster\n"
                         "[[ ${COMPREPLY[*]} == show ]] || exit 1\n"
                         "COMP_WORDS=(muster user add x --role o); COMP_CWORD=5; _muster\n"
                         "[[ ${COMPREPLY[*]} == operator ]] || exit 2\n"
                         "COMP_WORDS=(muster run --time); COMP_CWORD=2; _muster\n"
                         "[[ ${COMPREPLY[*]} == --timeout ]] || exit 3\n";
  EXPECT_EQ(std::system((std::string("bash ") + path).c_str()), 0);
  ::unlink(path);
}

}  // namespace
}  // namespace muster::cli
