// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "settings/file.h"

namespace muster::settings {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<Setting> sample() {
  const auto no_x = [](std::string_view value) -> core::Status {
    if (value.contains('x')) return core::fail(core::Code::kInvalid, "there is an x");
    return {};
  };
  return {{"name", Kind::kText, "what to call it", "box", {}, "", no_x},
          {"state", Kind::kFolder, "where it is kept", "/var/lib/x", {}, "MUSTER_STATE", {}},
          {"days", Kind::kNumber, "how long", "90", {}, "", {}},
          {"cache-size", Kind::kSize, "how much", "4G", {}, "", {}},
          {"quiet", Kind::kSwitch, "say nothing", "false", {}, "", {}},
          {"also-known-as", Kind::kList, "further names", "a.example", {}, "", {}},
          {"log", Kind::kText, "what to log", "info", {"info", "warn"}, "", {}}};
}

struct Wrong {
  const char* text;
  std::size_t line;
  const char* message;
};

class Mistakes : public ::testing::TestWithParam<Wrong> {};

TEST_P(Mistakes, AreToldByLine) {
  const auto checked = check(GetParam().text, sample());
  ASSERT_EQ(checked.mistakes.size(), 1u) << told("f", checked.mistakes);
  EXPECT_EQ(checked.mistakes[0].line, GetParam().line);
  EXPECT_THAT(checked.mistakes[0].message, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Settings, Mistakes,
    ::testing::Values(
        Wrong{"\nnmae = \"a\"\n", 2, "did you mean name?"},
        Wrong{"frobnicate = 1", 1, "there are name, state, days"},
        Wrong{"# c\nname = box # c\n", 2, "a text stands in quotes: name = \"box\""},
        Wrong{"name = 5", 1, "name: must be a text in quotes"},
        Wrong{"days = \"5\"", 1, "days: must be a whole number"},
        Wrong{"days = 99999999999999999999", 1, "too large"}, Wrong{"days = 007", 1, "in quotes"},
        Wrong{"quiet = \"true\"", 1, "quiet: must be true or false"},
        Wrong{"cache-size = \"much\"", 1, "cache-size: not a size: 'much'"},
        Wrong{"cache-size = true", 1, "a number of bytes"},
        Wrong{"log = \"loud\"", 1, "'loud' is none of info, warn"},
        Wrong{"name = \"xy\"", 1, "name: there is an x"},
        Wrong{"state = \"var\"", 1, "must be a whole path"},
        Wrong{"state = \"/dev/null/a\"", 1, "'/dev/null' is no folder"},
        Wrong{"also-known-as = [\"a\",\n \"b\"\n \"c\"]\n", 3, "expected , or ]"},
        Wrong{"also-known-as = [1]", 1, "a list holds texts"},
        Wrong{"also-known-as = [\"a\"", 1, "expected , or ]"},
        Wrong{"also-known-as = [\"a\",\n", 2, "] is missing"},
        Wrong{"name = \"a", 1, "does not end in this line"},
        Wrong{"name = \"a\\q\"", 1, "behind \\ stands"},
        Wrong{"name = \"\"\"a\"\"\"", 1, "one line"},
        Wrong{"name = \"\x01\"", 1, "control character"}, Wrong{"name = \"\xff\"", 1, "not UTF-8"},
        Wrong{"name =", 1, "'name' has no value"}, Wrong{"name", 1, "expected key = value"},
        Wrong{"[server]\n", 1, "no sections"}, Wrong{"= 5", 1, "expected key = value"},
        Wrong{"name = \"a\" \"b\"", 1, "behind the value stands"},
        Wrong{"name = \"a\"\nname = \"b\"\n", 2, "stands in line 1 already"}));

TEST(Settings, AllMistakesAreToldAndTheRestIsRead) {
  const auto checked = check("nmae = 1\ndays = 7\nlog = \"loud\"\n[x]\nquiet = true", sample());
  EXPECT_EQ(told("f", checked.mistakes).substr(0, 4), "f:1:");
  ASSERT_EQ(checked.mistakes.size(), 3u);
  EXPECT_EQ(checked.mistakes[1].line, 3u);
  EXPECT_EQ(checked.mistakes[2].line, 4u);
  ASSERT_EQ(checked.values.size(), 2u);
  EXPECT_EQ(checked.values[1].key, "quiet");
  EXPECT_EQ(checked.values[1].line, 5u);
}

TEST(Settings, ValuesAreAsOnTheCommandLine) {
  const auto checked = check(
      "\xef\xbb\xbfname = \"a \\\"b\\\" \\\\\" # c\r\n"
      "cache-size = 1_000\ndays=0\nalso-known-as = [ \"a\", # one\n  'b\\', ]\n",
      sample());
  ASSERT_TRUE(checked.mistakes.empty()) << told("f", checked.mistakes);
  ASSERT_EQ(checked.values.size(), 4u);
  EXPECT_THAT(checked.values[0].values, ElementsAre("a \"b\" \\"));
  EXPECT_THAT(checked.values[1].values, ElementsAre("1000"));
  EXPECT_THAT(checked.values[3].values, ElementsAre("a", "b\\"));
}

TEST(Settings, BoundsAreTold) {
  std::string lines;
  for (std::size_t i = 0; i < kMistakesMax + 10; ++i) lines += "?\n";
  auto read = parse(lines);
  EXPECT_EQ(read.mistakes.size(), kMistakesMax + 1);
  EXPECT_THAT(read.mistakes.back().message, HasSubstr("reading ends here"));
  read = parse(std::string(kTextBytesMax + 1, '\n'));
  ASSERT_EQ(read.mistakes.size(), 1u);
  lines.clear();
  for (std::size_t i = 0; i <= kEntriesMax; ++i) lines += "k" + std::to_string(i) + " = 1\n";
  read = parse(lines);
  EXPECT_EQ(read.entries.size(), kEntriesMax);
  ASSERT_EQ(read.mistakes.size(), 1u);
}

TEST(Settings, ADefaultFileHasEverySettingCommentedAndIsRightWithoutTheMarks) {
  const auto settings = sample();
  auto text = default_file("Settings of a test.", settings, {{"name", "here"}}).value();
  EXPECT_THAT(text, HasSubstr("\nname = \"here\"\n"));
  EXPECT_EQ(check(text, settings).values.size(), 1u);
  std::string live;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = text.find('\n', from);
    const std::string line = text.substr(from, end - from);
    live += (line.starts_with('#') && !line.starts_with("# ") ? line.substr(1) : line) + "\n";
    from = end + 1;
  }
  const auto checked = check(live, settings);
  EXPECT_TRUE(checked.mistakes.empty()) << told("f", checked.mistakes);
  EXPECT_EQ(checked.values.size(), settings.size());
  EXPECT_FALSE(default_file("", settings, {{"nmae", "here"}}));
  EXPECT_FALSE(default_file("", settings, {{"log", "loud"}}));
}

}  // namespace
}  // namespace muster::settings
