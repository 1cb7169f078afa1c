// SPDX-License-Identifier: Apache-2.0
//
// The task modules of tests/tasks, packaged, laid out as an endpoint would, and run.
#include <gtest/gtest.h>
#include <sys/utsname.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>

#include "methods/features.h"
#include "methods/invocation.h"
#include "methods/package_builder.h"
#include "methods/parameters.h"
#include "methods/runner.h"
#include "methods/task_result.h"
#include "runtime/file.h"

namespace muster::methods {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

struct TasksRunTest : ::testing::Test, CommandObserver {
  runtime::Loop loop;
  Runner runner{loop, *this};
  Completion completion;
  fs::path folder = fs::temp_directory_path() / ("muster-tasks-" + std::to_string(getpid()));
  Strings features = {"linux", "python3", "shell", "x86_64"};
  std::uint64_t output_bytes_max = 0;

  TasksRunTest() { fs::remove_all(folder); }
  ~TasksRunTest() override { fs::remove_all(folder); }
  void command_started(core::RunId) override {}
  void command_output(core::RunId, Stream, std::uint64_t, std::string_view) override {}
  void command_done(core::RunId, Completion done) override {
    completion = std::move(done);
    loop.stop();
  }

  // What an endpoint does: the needed files only, in a folder of this run's own.
  void install(const BuiltPackage& built, const Implementation* implementation) {
    for (const PackageFile* file : built.package.needed(implementation)) {
      fs::create_directories((folder / file->path).parent_path());
      fs::copy_file(built.sources.at(file->path), folder / file->path);
      fs::permissions(folder / file->path, fs::perms(file->executable ? 0755 : 0644));
    }
  }

  TaskResult run(const std::string& module, const std::string& task, std::string_view arguments,
                 bool noop = false) {
    fs::remove_all(folder);
    const auto found = find_tasks(fs::path(MUSTER_TEST_TASKS) / module);
    EXPECT_TRUE(found);
    const auto at =
        std::ranges::find(found->found, task, [](const FoundTask& t) { return t.name.task; });
    const auto built = build_package(*found, *at);
    if (!built) return runner_error(kTaskFileError, built.error().message);
    const Package& package = built->package;
    std::vector<Problem> errors;
    std::vector<Problem> warnings;
    const auto checked =
        Parameters::compile("", package.metadata_text, package.metadata, errors, warnings)
            .check(json::parse(arguments).get_object());
    if (!checked) return runner_error("refused", checked.error().message);
    const auto chosen = select_implementation(package.name.shown(), package.metadata, features);
    if (!chosen) return runner_error("refused", chosen.error().message);
    install(*built, *chosen);
    const fs::path executable = folder / package.executable(*chosen).path;
    const auto invocation = make_invocation({&package, *chosen, *checked, noop, folder.string(),
                                             runtime::read_file(executable)->substr(0, 128)});
    if (!invocation) return runner_error("refused", invocation.error().message);
    Command command;
    command.argv = invocation->argv;
    command.stdin_bytes = invocation->stdin_bytes;
    command.environment = invocation->environment;
    command.limits.output_bytes_max = output_bytes_max;
    runner.run(core::RunId{5}, command);
    loop.context().restart();
    loop.run();
    EXPECT_EQ(completion.how, Completion::How::kExited) << completion.reason;
    const std::string called = package.name.shown();
    TaskOutput output;
    output.task = called;
    output.stdout_bytes = completion.stdout_bytes;
    output.stderr_bytes = completion.stderr_bytes;
    output.exit_code = completion.exit_code;
    output.signal = completion.signal;
    output.stdout_cut = completion.stdout_bytes_cut > 0;
    return parse_task_output(output);
  }
  static std::string text(const TaskResult& result) { return json::serialize(result.value); }
};

TEST_F(TasksRunTest, EnvironmentAndPlainText) {
  EXPECT_EQ(text(run("greet", "init", R"({"name": "A $x 'b'", "language": "de", "times": 2})")),
            R"({"_output":"Hallo, A $x 'b'!\nHallo, A $x 'b'!\n"})");
  EXPECT_EQ(text(run("greet", "init", R"({"name": "B"})")), R"({"_output":"Hello, B!\n"})");
}

TEST_F(TasksRunTest, StdinAndJson) {
  EXPECT_EQ(text(run("sum", "init", R"({"numbers": [1, 2, 3.5]})")),
            R"({"total":6.5E0,"count":3,"environment":[]})");
  const TaskResult much = run("sum", "init", R"({"numbers": [1, 2], "limit": 2})");
  EXPECT_FALSE(much.succeeded);
  EXPECT_EQ(much.error_message(), "3 is too much");
}

TEST_F(TasksRunTest, ImplementationsAndDryRuns) {
  const std::string file =
      (fs::temp_directory_path() / ("muster-service-" + std::to_string(getpid()))).string();
  const std::string arguments = R"({"file": ")" + file + R"("})";
  EXPECT_EQ(text(run("service_state", "set", arguments, true)),
            R"({"by":"python","noop":true,"ensure":"running"})");
  EXPECT_FALSE(fs::exists(file));
  features = {"linux", "shell"};
  EXPECT_EQ(text(run("service_state", "set", arguments, true)),
            R"({"by":"shell","noop":true,"ensure":"running"})");
  EXPECT_FALSE(fs::exists(file));
  EXPECT_EQ(text(run("service_state", "set", arguments)),
            R"({"by":"shell","noop":false,"ensure":"running"})");
  EXPECT_EQ(*runtime::read_file(file), "running");
  fs::remove(file);
  features = {"linux"};
  EXPECT_NE(run("service_state", "set", arguments).error_message().find("needs puppet-agent"),
            std::string::npos);
  EXPECT_NE(run("greet", "init", R"({"name": "a"})", true).error_message().find("no dry run"),
            std::string::npos);
}

TEST_F(TasksRunTest, FilesOfOtherModules) {
  const TaskResult shouted = run("motd", "write", R"({"banner": "kind", "shout": true})");
  EXPECT_EQ(shouted.value.at("_output"),
            "HAVE A VERY NICE DAY.\n-- the management\nfor motd::write\n");
}

TEST_F(TasksRunTest, Secrets) {
  const TaskResult rotated = run("secret", "rotate", R"({"old": "12345678", "token": "t"})");
  ASSERT_TRUE(rotated.succeeded) << rotated.error_message();
  EXPECT_TRUE(rotated.sensitive);
  EXPECT_EQ(json::serialize(rotated.shown()),
            R"({"length":16,"_output":"rotated","_sensitive":"[hidden]"})");
  const std::string refused =
      run("secret", "rotate", R"({"old": "short", "token": ""})").error_message();
  EXPECT_EQ(refused.find("short"), std::string::npos) << refused;
}

TEST_F(TasksRunTest, EveryWayToFail) {
  const auto message = [&](const std::string& task) {
    const TaskResult result = run("fails", task, "{}");
    EXPECT_FALSE(result.succeeded) << task;
    return result.error_message();
  };
  EXPECT_EQ(message("silent"), "The task failed with exit code 12 and no output");
  EXPECT_EQ(message("talks"), "The task failed with exit code 4");
  EXPECT_EQ(message("only_stderr"),
            "The task failed with exit code 1 and no stdout, but stderr contained:\nno such "
            "thing\n");
  EXPECT_EQ(message("own_error"), "it is full");
  EXPECT_EQ(message("error_with_success"), "not as it seems");
  EXPECT_TRUE(message("bad_error").starts_with("Invalid error returned from task"));
  EXPECT_EQ(message("not_utf8"), "The task result contained invalid UTF-8 on stdout");
  EXPECT_EQ(message("killed"), "The task was ended by signal 9 and no output");
  EXPECT_NE(message("missing").find("there is no implementation"), std::string::npos);
}

TEST_F(TasksRunTest, WhatIsNoJsonObjectIsText) {
  EXPECT_EQ(text(run("fails", "list", "{}")), R"({"_output":"[1, 2]\n"})");
  EXPECT_EQ(text(run("fails", "almost_json", "{}")), R"({"_output":"{\"a\": 1,}\n"})");
  output_bytes_max = 1000;
  const TaskResult cut = run("fails", "cut", "{}");
  EXPECT_TRUE(cut.succeeded);
  EXPECT_EQ(cut.value.at("_output").as_string().size(), 1000U);
}

TEST_F(TasksRunTest, OneExecutablePerMachine) {
  utsname system{};
  ASSERT_EQ(uname(&system), 0);
  const std::string machine = system.machine;
  features = {"linux", machine, "shell"};
  const bool built_for_it = machine == "x86_64" || machine == "aarch64";
  EXPECT_EQ(run("probe", "machine", "{}").value.at("built_for"),
            json::value(built_for_it ? machine : "any"));
  features = {"linux", "riscv64", "shell"};  // as another machine would choose
  EXPECT_EQ(run("probe", "machine", "{}").value.at("built_for"), "any");
}

TEST_F(TasksRunTest, NoMetadataNoShebang) {
  EXPECT_EQ(text(run("legacy", "say", R"({"word": "hello there"})")),
            R"({"_output":"legacy says hello there\n"})");
  EXPECT_EQ(text(run("legacy", "bare", "{}")), R"({"_output":"legacy::bare runs\n"})");
  EXPECT_TRUE(run("hostinfo", "hostinfo", "{}").structured);
}

}  // namespace
}  // namespace muster::methods
