// SPDX-License-Identifier: Apache-2.0
#include "methods/parameters.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "methods/features.h"

namespace muster::methods {
namespace {

struct ParametersTest : ::testing::Test {
  std::vector<Problem> errors;
  std::vector<Problem> warnings;

  Parameters compile(std::string_view text) {
    auto parsed = parse_metadata("t.json", text);
    EXPECT_TRUE(parsed.errors.empty());
    return Parameters::compile("t.json", text, parsed.metadata, errors, warnings);
  }
  Parameters usual() {
    return compile(R"({"parameters": {
      "name": {"type": "String[1]"},
      "count": {"type": "Integer[1, 5]", "default": 2},
      "password": {"type": "Optional[String[8]]", "sensitive": true},
      "tags": {"type": "Optional[Array[String]]"}
    }})");
  }
  static std::string checked(const Parameters& parameters, std::string_view arguments) {
    auto result = parameters.check(json::parse(arguments).get_object());
    return result ? json::serialize(*result) : result.error().message;
  }
  static std::string words(const Parameters& parameters, std::vector<std::string> given) {
    const auto reader = [](const std::string& path) -> core::Result<std::string> {
      if (path == "list.json") return "[\"x\", \"y\"]";
      if (path == "note") return "from a file";
      return core::fail(core::Code::kNotFound, "there is no " + path);
    };
    auto result = parameters.from_words(given, reader);
    return result ? json::serialize(*result) : result.error().message;
  }
};

TEST_F(ParametersTest, FillsDefaultsAndDropsNulls) {
  const Parameters parameters = usual();
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(checked(parameters, R"({"name": "a"})"), R"({"name":"a","count":2})");
  EXPECT_EQ(checked(parameters, R"({"name": "a", "count": null, "tags": null})"),
            R"({"name":"a","count":2})");
  EXPECT_TRUE(parameters.find("name")->required);
  EXPECT_FALSE(parameters.find("count")->required);
  EXPECT_FALSE(parameters.find("tags")->required);
}

TEST_F(ParametersTest, TellsEveryMistakeAndNoSecret) {
  const Parameters parameters = usual();
  EXPECT_EQ(checked(parameters, R"({"nam": "a", "count": 9, "password": "geheim", "_noop": true})"),
            "there is no parameter 'nam'; did you mean 'name'?\n"
            "'_noop': names that begin with _ are the runner's\n"
            "'name' is missing: text that is not empty\n"
            "'count': expected a whole number from 1 to 5, got the number 9\n"
            "'password': expected text of at least 8 characters, or nothing");
  EXPECT_EQ(checked(parameters, R"({"name": "a", "tags": ["x", 1]})"),
            "'tags'[1]: expected text, got the number 1");
}

TEST_F(ParametersTest, MissingOrEmptyListsOfParameters) {
  EXPECT_EQ(checked(compile("{}"), R"({"any": [1]})"), R"({"any":[1]})");
  EXPECT_EQ(checked(compile("{}"), R"({"Bad": 1})"), "'Bad' is not the name of a parameter");
  EXPECT_EQ(checked(compile(R"({"parameters": {}})"), R"({"any": 1})"),
            "there is no parameter 'any'; the method takes none");
}

TEST_F(ParametersTest, ReadsWordsOfTheCommandLine) {
  const Parameters parameters = usual();
  EXPECT_EQ(words(parameters, {"name=5", "count=3", "tags=a,b"}),
            R"({"name":"5","count":3,"tags":["a","b"]})");
  EXPECT_EQ(words(parameters, {"name=a=b", "tags:=[\"x\"]"}), R"({"name":"a=b","tags":["x"]})");
  EXPECT_EQ(words(parameters, {"name=@note", "tags:=@list.json"}),
            R"({"name":"from a file","tags":["x","y"]})");
  EXPECT_EQ(words(parameters, {"name=@@home"}), R"({"name":"@home"})");
  EXPECT_EQ(words(compile("{}"), {"a=1", "b=x"}), R"({"a":1,"b":"x"})");
  EXPECT_EQ(words(parameters, {"name"}), "'name': expected name=value, or name:=JSON");
  EXPECT_EQ(words(parameters, {"name=a", "name=b"}), "'name' is given twice");
  EXPECT_EQ(words(parameters, {"name=@gone"}), "'name': there is no gone");
  EXPECT_EQ(words(parameters, {"nmae=a"}), "there is no parameter 'nmae'; did you mean 'name'?");
  EXPECT_EQ(words(parameters, {"count=x"}),
            "'count': expected a whole number from 1 to 5, got the text 'x'");
  EXPECT_TRUE(words(parameters, {"tags:=[1"}).starts_with("'tags': behind ':=' must be JSON"));
  EXPECT_EQ(words(parameters, {"password=short"}),
            "'password': expected text of at least 8 characters, or nothing");
}

TEST_F(ParametersTest, HidesSecrets) {
  EXPECT_EQ(json::serialize(
                usual().redacted(json::parse(R"({"name": "a", "password": "x"})").get_object())),
            R"({"name":"a","password":"[hidden]"})");
}

TEST_F(ParametersTest, PointsAtWrongTypesAndDefaults) {
  compile(
      "{\"parameters\": {\n"
      "  \"a\": {\"type\": \"Strin\"},\n"
      "  \"b\": {\"type\": \"Integer\", \"default\": \"x\"},\n"
      "  \"c\": {\"type\": \"My::Own\"}}}");
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].text(),
            "t.json:2:17: the type 'Strin': column 1: 'Strin' is not a type of task parameters");
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_EQ(warnings[0].text(),
            "t.json:3:39: the default is not of its type: expected a whole number, got the text "
            "'x'");
  EXPECT_EQ(warnings[1].line, 4U);
}

TEST(FeaturesTest, AnnouncesWhatIsThere) {
  const auto has = [](std::string_view program) { return program == "sh" || program == "python3"; };
  EXPECT_EQ(
      announced_features({"linux", "x86_64", "debian", "12"}, has),
      (std::vector<std::string>{"debian", "debian-12", "linux", "python3", "shell", "x86_64"}));
  // PowerShell on Linux is not what "powershell" means to other runners.
  EXPECT_EQ(announced_features({"linux", "", "", ""}, [](auto) { return true; }).size(), 17U);
  const auto linux = announced_features({"linux", "", "", ""}, [](auto) { return true; });
  EXPECT_EQ(std::ranges::count(linux, "powershell"), 0);
  const auto windows = announced_features({"windows", "", "", ""}, [](auto) { return true; });
  EXPECT_EQ(std::ranges::count(windows, "powershell"), 1);
  EXPECT_EQ(std::ranges::count(windows, "shell"), 0);
}

struct SelectionTest : ::testing::Test {
  static std::string chosen(std::string_view metadata, std::vector<std::string> features) {
    const auto parsed = parse_metadata("t.json", metadata);
    EXPECT_TRUE(parsed.errors.empty());
    const auto found = select_implementation("m::t", parsed.metadata, features);
    if (!found) return found.error().message;
    return *found == nullptr ? "the only one" : (*found)->name;
  }
};

TEST_F(SelectionTest, TakesTheFirstThatFits) {
  constexpr std::string_view three = R"({"implementations": [
    {"name": "a", "requirements": ["linux", "x86_64"]},
    {"name": "b", "requirements": ["linux", "aarch64"]},
    {"name": "c", "requirements": ["shell"]}]})";
  EXPECT_EQ(chosen(three, {"linux", "shell", "x86_64"}), "a");
  EXPECT_EQ(chosen(three, {"aarch64", "linux", "shell"}), "b");
  EXPECT_EQ(chosen(three, {"linux", "riscv64", "shell"}), "c");
  EXPECT_EQ(chosen(three, {"windows"}),
            "m::t cannot run on this host: a needs linux, x86_64; b needs linux, aarch64; "
            "c needs shell");
  EXPECT_EQ(chosen(R"({"implementations": [{"name": "a"}]})", {}), "a");
  EXPECT_EQ(chosen("{}", {}), "the only one");
}

TEST_F(SelectionTest, RefusesWhatIsForRemoteTargets) {
  EXPECT_NE(chosen(R"({"remote": true})", {}).find("remote targets"), std::string::npos);
  EXPECT_EQ(chosen(R"({"implementations": [{"name": "a", "remote": true}, {"name": "b"}]})", {}),
            "b");
  EXPECT_EQ(chosen(R"({"remote": true, "implementations": [{"name": "a"}, {"name": "b",
                       "remote": false}]})",
                   {}),
            "b");
}

}  // namespace
}  // namespace muster::methods
