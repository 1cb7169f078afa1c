// SPDX-License-Identifier: Apache-2.0
#include "cli/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/exit_code.h"
#include "cli/tests/fakes.h"
#include "settings/file.h"

namespace muster::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ConfigFile : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/muster_config_file_XXXXXX";
    folder = ::mkdtemp(path);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder + "/" + name) << text;
    return folder + "/" + name;
  }

  /// A command that tells what it was set to.
  struct Told {
    std::string name = "by default";
    std::vector<std::string> also;
    bool quiet = false;
    std::optional<std::uint64_t> days;
  };
  core::Status read(Told& told, std::vector<std::string> words, const std::string& variable = "") {
    Command root("muster", "");
    Command& serve = root.add("serve", "");
    serve.option("--name", "NAME", "what to call it", told.name)
        .in_file("box")
        .environment("NAME")
        .option("--also", "NAME", "more names", told.also)
        .in_file("b")
        .flag("--quiet", "say nothing", told.quiet)
        .in_file("false")
        .option("--days", "DAYS", "so long", told.days)
        .in_file("5")
        .config_file(folder + "/default.toml")
        .action([](Context&) { return 0; });
    words.insert(words.begin(), "serve");
    const auto parsed = parse(root, words);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return read_settings(*parsed, [&](const char*) -> std::optional<std::string> {
      return variable.empty() ? std::nullopt : std::optional(variable);
    });
  }

  std::string folder;
};

TEST_F(ConfigFile, AnOptionGoesBeforeTheEnvironmentBeforeTheFileBeforeTheDefault) {
  Told nothing;
  ASSERT_TRUE(read(nothing, {}));  // the default file is not there
  EXPECT_EQ(nothing.name, "by default");

  write("default.toml", "name = \"file\"\nalso = [\"x\", \"y\"]\nquiet = true\ndays = 7\n");
  Told file;
  ASSERT_TRUE(read(file, {}));
  EXPECT_EQ(file.name, "file");
  EXPECT_THAT(file.also, ElementsAre("x", "y"));
  EXPECT_TRUE(file.quiet);
  EXPECT_EQ(file.days, 7u);

  Told environment;
  ASSERT_TRUE(read(environment, {}, "variable"));
  EXPECT_EQ(environment.name, "variable");
  EXPECT_EQ(environment.days, 7u);

  Told option;
  ASSERT_TRUE(read(option, {"--name", "option", "--also", "z"}, "variable"));
  EXPECT_EQ(option.name, "option");
  EXPECT_THAT(option.also, ElementsAre("z"));  // instead of the file's, not beside them

  Told other;
  ASSERT_TRUE(read(other, {"--config", write("other", "quiet = false\n")}));
  EXPECT_EQ(other.name, "by default");
  EXPECT_FALSE(other.quiet);
}

TEST_F(ConfigFile, NothingStartsWithAFileThatHasAMistakeOrIsNotThere) {
  Told told;
  const auto wrong = read(told, {"--config", write("wrong", "nmae = 1\ndays = \"7\"\n")});
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("/wrong:1: there is no setting 'nmae'"));
  EXPECT_THAT(wrong.error().message, HasSubstr("/wrong:2: days: must be a whole number"));
  const auto gone = read(told, {"--config", folder + "/gone"});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, core::Code::kInvalid);
  Program program;
  EXPECT_EQ(program.run({"server", "--config", folder + "/gone"}), kExitUsage);
  EXPECT_EQ(program.run({"gateway", "--config", folder + "/wrong"}), kExitUsage);
  EXPECT_EQ(program.run({"up", "--config", folder}), kExitUsage);
}

TEST_F(ConfigFile, CheckTellsEveryMistakeByLine) {
  Program program;
  const auto server = write("server.toml", "listen = \"0.0.0.0:99999\"\nkeep-day = 5\n");
  const auto agent = write("agent.toml",
                           "state = \"relative\"\npublishing-keys = \"/nonexistent/keys\"\n"
                           "only-methods = true\ngateway = [\"a:1\", \"b:x\"]\n");
  EXPECT_EQ(program.run({"config", "check", server, agent}), kExitUsage);
  const std::string& output = program.terminal.output;
  EXPECT_THAT(output, HasSubstr(server + ":1: listen: write an address and a port"));
  EXPECT_THAT(output, HasSubstr(server + ":2: there is no setting 'keep-day'; did you mean keep-"));
  EXPECT_THAT(output, HasSubstr(agent + ":1: state: 'relative' must be a whole path"));
  EXPECT_THAT(output, HasSubstr(agent + ":2: publishing-keys: there is no file"));
  EXPECT_THAT(output, HasSubstr(agent + ":4: gateway: "));
  EXPECT_EQ(std::ranges::count(output, '\n'), 5);

  Program json;
  EXPECT_EQ(json.run({"config", "check", "--json", folder + "/gateway.toml"}), kExitUsage);
  EXPECT_THAT(json.terminal.output, HasSubstr(R"("line": 0)"));
  Program whose;
  const auto odd = write("x.toml", "name = \"edge1\"\n");
  EXPECT_EQ(whose.run({"config", "check", odd}), kExitUsage);
  EXPECT_THAT(whose.terminal.errors, HasSubstr("--for server, gateway, host or agent"));
  EXPECT_EQ(whose.run({"config", "check", odd, "--for", "gateway"}), kExitOk);
  EXPECT_THAT(whose.terminal.output, HasSubstr(odd + ": in order"));
}

// The default files and the tables are one: with every comment mark removed, a file is right and
// sets all there is. What is an example of a file that must be there is made first.
TEST_F(ConfigFile, DefaultFilesHaveEveryKeyAndAreInOrder) {
  const auto root = build_tree();
  for (Configured program : configured_programs(*root)) {
    for (auto& setting : program.settings)
      if (setting.kind == settings::Kind::kFile) setting.sample = write("there", "");
    const auto text = settings::default_file(program.heading(), program.settings).value();
    std::string live;
    for (std::size_t from = 0; from < text.size();) {
      const std::size_t end = text.find('\n', from);
      const std::string line = text.substr(from, end - from);
      live += (line.starts_with('#') && !line.starts_with("# ") ? line.substr(1) : line) + "\n";
      from = end + 1;
    }
    const auto checked = settings::check(live, program.settings);
    EXPECT_TRUE(checked.mistakes.empty()) << settings::told(program.name, checked.mistakes);
    EXPECT_EQ(checked.values.size(), program.settings.size()) << program.name;
    EXPECT_TRUE(settings::check(text, program.settings).values.empty());
  }
  Program program;
  EXPECT_EQ(program.run({"config", "default", "gateway", "--set", "name=edge1"}), kExitOk);
  EXPECT_THAT(program.terminal.output, HasSubstr("\nname = \"edge1\"\n"));
  EXPECT_THAT(program.terminal.output, HasSubstr("\n#cache-size = \"4G\"\n"));
  EXPECT_EQ(program.run({"config", "default", "server", "--set", "nmae=x"}), kExitUsage);
}

// Every option of the services can be a line of the file, but for --config itself.
TEST_F(ConfigFile, NoOptionOfAServiceIsForgotten) {
  const auto root = build_tree();
  for (const char* name : {"server", "gateway", "up"})
    for (const Option& option : root->child(name)->options())
      EXPECT_TRUE(option.sample || option.names == "--config" || option.names == "--no-agent")
          << name << " " << option.names;
}

}  // namespace
}  // namespace muster::cli
