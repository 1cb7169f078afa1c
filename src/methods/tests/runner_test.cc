// SPDX-License-Identifier: Apache-2.0
//
// Real processes; everything waited for is an event of the loop.
#include "methods/runner.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <map>
#include <optional>

#include "core/bytes.h"
#include "methods/detail/process_tree.h"
#include "wire/limits.h"

namespace muster::methods {
namespace {

struct RunnerTest : ::testing::Test, CommandObserver {
  runtime::Loop loop;
  std::optional<Runner> only{std::in_place, loop, *this};  // one per process
  Runner& runner = *only;
  std::map<core::RunId, Completion> done;
  std::string live;
  std::string cancel_when;  // cancel as soon as the output holds this
  int started = 0;

  void command_started(core::RunId) override { ++started; }
  void command_output(core::RunId run, Stream, std::uint64_t, std::string_view data) override {
    live += data;
    if (!cancel_when.empty() && live.find(cancel_when) != std::string::npos)
      runner.cancel(run, "cancelled by a test");
  }
  std::function<void(std::string_view)> on_channel = [](std::string_view) {};
  void command_channel(core::RunId, std::string_view data) override { on_channel(data); }
  void command_done(core::RunId run, Completion completion) override {
    done[run] = std::move(completion);
    if (runner.running() == 0) loop.stop();
  }
  Completion run(Command command) {
    runner.run(core::RunId{77}, std::move(command));
    loop.context().restart();
    runtime::Timer guard(loop);
    guard.start(std::chrono::seconds(60), [this] { loop.stop(); });
    loop.run();
    EXPECT_EQ(done.size(), 1U);
    return std::move(done.extract(core::RunId{77}).mapped());
  }
  static Command shell(std::string script) {
    Command command;
    command.argv = {"sh", "-c", std::move(script)};
    return command;
  }
};

using How = Completion::How;

TEST_F(RunnerTest, KeepsStreamsApartAndBytesExact) {
  Command command = shell("cat; printf 'e\\377\\000r' >&2; exit 3");
  command.stdin_bytes = std::string("in\xff\0put", 7);
  const Completion c = run(std::move(command));
  EXPECT_EQ(c.how, How::kExited);
  EXPECT_EQ(c.exit_code, 3);
  EXPECT_EQ(c.stdout_bytes, std::string("in\xff\0put", 7));
  EXPECT_EQ(c.stderr_bytes, std::string("e\xff\0r", 4));
  EXPECT_EQ(started, 1);
}

TEST_F(RunnerTest, GivesAFixedEnvironmentAndDirectory) {
  setenv("MUSTER_SECRET", "leak", 1);
  Command command = shell("pwd; env");
  command.directory = "/usr";
  command.environment = {"LANG=de_DE.UTF-8", "MUSTER_RUN=forged"};
  const Completion c = run(std::move(command));
  EXPECT_TRUE(c.stdout_bytes.starts_with("/usr\n"));
  EXPECT_NE(c.stdout_bytes.find("LANG=de_DE.UTF-8\n"), std::string::npos);
  EXPECT_NE(c.stdout_bytes.find("MUSTER_RUN=" + core::RunId{77}.str()), std::string::npos);
  EXPECT_EQ(c.stdout_bytes.find("leak"), std::string::npos);
  EXPECT_EQ(c.stdout_bytes.find("forged"), std::string::npos);
}

TEST_F(RunnerTest, SaysWhyAProgramDidNotStart) {
  Command command;
  command.argv = {"no-such-program-anywhere"};
  Completion c = run(command);
  EXPECT_EQ(c.how, How::kNotStarted);
  EXPECT_EQ(c.exit_code, 127);
  EXPECT_NE(c.reason.find("not found"), std::string::npos);
  command.argv = {"/etc/passwd"};
  c = run(command);
  EXPECT_EQ(c.how, How::kNotStarted);
  EXPECT_EQ(c.exit_code, 126);
  EXPECT_EQ(started, 0);
}

TEST_F(RunnerTest, RefusesWhatItCannotApply) {
  std::vector<Command> bad(6, shell("echo ran"));
  bad[0].user = "no-such-user";
  bad[1].directory = "/no/such/directory";
  bad[2].limits.output_bytes_max = wire::kOutputBytesCeiling + 1;
  bad[3].limits.timeout = wire::kTimeoutCeiling * 2;
  bad[4].environment = {"NOT AN ASSIGNMENT"};
  bad[5].argv.push_back(std::string("a\0b", 3));
  for (Command& command : bad) {
    const Completion c = run(std::move(command));
    EXPECT_EQ(c.how, How::kRefused);
    EXPECT_FALSE(c.reason.empty());
    EXPECT_TRUE(c.stdout_bytes.empty());
  }
}

TEST_F(RunnerTest, CutsOutputAndCountsTheRest) {
  Command command = shell("head -c 300000 /dev/zero; head -c 10 /dev/zero >&2");
  command.limits.output_bytes_max = 1000;
  const Completion c = run(std::move(command));
  EXPECT_EQ(c.exit_code, 0);
  EXPECT_EQ(c.stdout_bytes.size(), 1000U);
  EXPECT_EQ(c.stdout_bytes_cut, 299'000U);
  EXPECT_EQ(c.stderr_bytes.size(), 10U);
  EXPECT_EQ(live.size(), 1010U);
}

TEST_F(RunnerTest, AppliesLimits) {
  Command command = shell("ulimit -n; ulimit -v; ulimit -f; ulimit -c");
  command.limits.open_files_max = 33;
  command.limits.memory_bytes = 512 << 20;
  command.limits.file_bytes_max = 1 << 20;
  EXPECT_EQ(run(std::move(command)).stdout_bytes, "33\n524288\n2048\n0\n");
}

TEST_F(RunnerTest, RunsAsAnotherUserOrRefuses) {
  Command command = shell("id -un; id -G; cd; pwd");
  command.user = "nobody";
  const Completion c = run(std::move(command));
  if (geteuid() != 0) {
    EXPECT_EQ(c.how, How::kRefused);
    EXPECT_NE(c.reason.find("root"), std::string::npos);
  } else {
    EXPECT_TRUE(c.stdout_bytes.starts_with("nobody\n65534\n")) << c.stdout_bytes;
  }
}

TEST_F(RunnerTest, TellsTheSignalThatEndedIt) {
  const Completion c = run(shell("kill -9 $$"));
  EXPECT_EQ(c.how, How::kExited);
  EXPECT_EQ(c.signal, 9);
}

TEST_F(RunnerTest, DoesNotWaitForBackgroundProcesses) {
  const Completion c = run(shell("sleep 1000 & echo $!"));
  EXPECT_EQ(c.how, How::kExited);
  EXPECT_LT(c.duration, std::chrono::seconds(20));
  const pid_t background = std::stoi(c.stdout_bytes);
  EXPECT_EQ(kill(background, SIGKILL), 0);  // it goes on, as the command meant
}

TEST_F(RunnerTest, TimesOut) {
  Command command = shell("echo before; sleep 1000");
  command.limits.timeout = std::chrono::milliseconds(50);
  const Completion c = run(std::move(command));
  EXPECT_EQ(c.how, How::kTimedOut);
  EXPECT_EQ(c.stdout_bytes, "before\n");
  EXPECT_LT(c.duration, kKillGrace);  // it obeyed SIGTERM
}

// Daemons in sessions of their own, that ignore SIGTERM, hold no output and are orphans.
TEST_F(RunnerTest, CancelKillsTheWholeTree) {
  cancel_when = "go";
  const Completion c = run(
      shell("trap '' TERM; "
            "(setsid sh -c 'trap \"\" TERM; exec >/dev/null 2>&1; while :; do sleep 1; done' &) ; "
            "(setsid setsid sh -c 'exec >&- 2>&-; sleep 1000' &) ; "
            "sleep 1000 & sleep 0.1; echo go; while :; do sleep 1; done"));
  EXPECT_EQ(c.how, How::kCancelled);
  EXPECT_EQ(c.reason, "cancelled by a test");
  EXPECT_GE(c.duration, kKillGrace);
  EXPECT_TRUE(detail::tree_of(-1, "MUSTER_RUN=" + core::RunId{77}.str()).empty());
}

TEST_F(RunnerTest, LeavesNoDescriptorsToItsCommands) {
  EXPECT_EQ(run(shell("ls /proc/self/fd | wc -l")).stdout_bytes, "4\n");  // 0, 1, 2, the folder
}

TEST_F(RunnerTest, AChannelCarriesLinesBothWays) {
  Command command =
      shell("printf 'a question\\n' >&$MUSTER_CHANNEL; read -r answer <&8; echo \"$answer\"");
  command.channel = true;
  on_channel = [this](std::string_view said) {
    EXPECT_EQ(said, "a question\n");
    runner.tell(core::RunId{77}, "an answer\n");
  };
  EXPECT_EQ(run(std::move(command)).stdout_bytes, "an answer\n");
  command = shell("ls /proc/self/fd | tr '\\n' ' '; echo $MUSTER_CHANNEL");
  command.channel = true;
  EXPECT_EQ(run(std::move(command)).stdout_bytes, "0 1 2 3 8 8\n");  // 3: the folder
  EXPECT_EQ(run(shell("echo \"${MUSTER_CHANNEL-none}\"")).stdout_bytes, "none\n");
}

// Whoever holds the channel, or does not read it, does not change when a run ends.
TEST_F(RunnerTest, AChannelKeepsNothingAlive) {
  Command command = shell("sleep 1000 >/dev/null 2>&1 & echo $!; echo go >&8");
  command.channel = true;
  std::size_t told = 0;
  on_channel = [&](std::string_view) {
    for (; told < 1000; ++told) runner.tell(core::RunId{77}, std::string(64 * 1024, 'x'));
  };
  const Completion c = run(std::move(command));
  EXPECT_EQ(c.how, How::kExited);
  EXPECT_EQ(told, 1000U);
  EXPECT_EQ(kill(std::stoi(c.stdout_bytes), SIGKILL), 0);
  runner.tell(core::RunId{77}, "nobody is there");
}

TEST_F(RunnerTest, WhoDoesNotReadItsChannelReadsItsEnd) {
  Command command =
      shell("echo go >&8; until read -r line <&8; do :; done; cat <&8 >/dev/null; echo ended");
  command.channel = true;
  on_channel = [&](std::string_view) {
    for (int i = 0; i < 1000; ++i) runner.tell(core::RunId{77}, std::string(64 * 1024, '\n'));
  };
  EXPECT_EQ(run(std::move(command)).stdout_bytes, "ended\n");
}

TEST_F(RunnerTest, MuchOutputLiesOnTheDisk) {
  const auto folder = std::make_shared<runtime::SpoolFolder>(
      runtime::SpoolOptions{.folder = std::filesystem::temp_directory_path(),
                            .memory_bytes_max = 1000,
                            .bytes_max = 40'000});
  only.emplace(loop, *this, folder);
  const auto run_there = [&](const char* script, std::uint64_t output_bytes_max) {
    Command command = shell(script);
    command.limits.output_bytes_max = output_bytes_max;
    runner.run(core::RunId{1}, std::move(command));
    loop.context().restart();
    loop.run();
    return std::move(done.extract(core::RunId{1}).mapped());
  };
  const char* script = "seq 5000; echo small >&2";  // 23,893 bytes
  Completion c = run_there(script, 1 << 20);
  EXPECT_EQ(c.stdout_bytes, "");
  ASSERT_TRUE(c.stdout_source);
  EXPECT_EQ(c.stdout_source->size(), 23'893U);
  EXPECT_EQ(c.stdout_source->read(23'888, 100).value(), "5000\n");
  EXPECT_EQ(c.stderr_bytes, "small\n");
  EXPECT_FALSE(c.stderr_source);
  EXPECT_EQ(c.reason, "");
  const Completion limited = run_there(script, 10'000);
  EXPECT_EQ(limited.stdout_source->size(), 10'000U);
  EXPECT_EQ(limited.stdout_bytes_cut, 13'893U);
  // What is held counts: there is no room for all of this one.
  const Completion full = run_there(script, 1 << 20);
  EXPECT_GT(full.stdout_bytes_cut, 0U);
  EXPECT_NE(full.reason.find("its output was cut"), std::string::npos) << full.reason;
}

TEST_F(RunnerTest, ManyAtATime) {
  for (std::uint64_t i = 1; i <= 50; ++i) {
    Command command;
    command.argv = {"echo", std::to_string(i)};
    runner.run(core::RunId{i}, std::move(command));
  }
  loop.run();
  ASSERT_EQ(done.size(), 50U);
  for (const auto& [run, c] : done) EXPECT_EQ(c.stdout_bytes, std::to_string(run.value()) + "\n");
}

}  // namespace
}  // namespace muster::methods
