// SPDX-License-Identifier: Apache-2.0
#include "methods/metadata.h"

#include <gtest/gtest.h>

#include "methods/task_name.h"

namespace muster::methods {
namespace {

TEST(MetadataTest, ReadsEverythingThatTheFormatHas) {
  const auto parsed = parse_metadata("t.json", R"({
    "description": "All of it", "puppet_task_version": 1, "supports_noop": true,
    "input_method": "stdin", "private": true, "remote": false,
    "parameters": {
      "one": {"type": "String[1]", "description": "First", "sensitive": true},
      "two": {"default": {"deep": [1, null]}}
    },
    "files": ["m/files/a.txt", "other/lib/"],
    "implementations": [
      {"name": "t_ps1.ps1", "requirements": ["powershell"], "input_method": "powershell"},
      {"name": "t_sh.sh", "requirements": ["shell", "linux"], "files": ["m/tasks/x"],
       "remote": true}
    ],
    "extensions": {
      "bolt": {"whatever": 1},
      "muster": {"version": "1.2.3", "idempotent": true, "timeout": "90s",
                 "output_bytes_max": 4096, "user": "nobody"}
    }
  })");
  EXPECT_TRUE(parsed.errors.empty()) << parsed.errors.front().text();
  EXPECT_TRUE(parsed.warnings.empty()) << parsed.warnings.front().text();
  const Metadata& m = parsed.metadata;
  EXPECT_EQ(m.description, "All of it");
  EXPECT_TRUE(m.supports_noop);
  EXPECT_TRUE(m.is_private);
  EXPECT_EQ(m.input_method, InputMethod::kStdin);
  ASSERT_TRUE(m.parameters);
  ASSERT_EQ(m.parameters->size(), 2U);
  EXPECT_TRUE(m.parameter("one")->sensitive);
  EXPECT_EQ(m.parameter("one")->type, "String[1]");
  EXPECT_TRUE(m.parameter("two")->default_value);
  EXPECT_EQ(m.parameter("three"), nullptr);
  EXPECT_EQ(m.files, (std::vector<std::string>{"m/files/a.txt", "other/lib/"}));
  ASSERT_EQ(m.implementations.size(), 2U);
  EXPECT_EQ(m.implementations[0].input_method, InputMethod::kPowershell);
  EXPECT_EQ(m.implementations[1].requirements, (std::vector<std::string>{"shell", "linux"}));
  EXPECT_EQ(m.implementations[1].remote, true);
  EXPECT_EQ(m.additions.version, "1.2.3");
  EXPECT_EQ(m.additions.timeout, std::chrono::seconds(90));
  EXPECT_EQ(m.additions.output_bytes_max, 4096U);
  EXPECT_EQ(m.additions.user, "nobody");
  EXPECT_TRUE(m.additions.idempotent);
}

TEST(MetadataTest, NothingIsRequired) {
  const auto parsed = parse_metadata("t.json", "{}");
  EXPECT_TRUE(parsed.errors.empty());
  EXPECT_FALSE(parsed.metadata.parameters);  // anything goes
  EXPECT_TRUE(parse_metadata("t.json", R"({"parameters": {}})").metadata.parameters);
  EXPECT_FALSE(parse_metadata("t.json", R"({"parameters": null})").metadata.parameters);
}

struct Case {
  std::string text;
  std::string problem;  // its text, or the beginning of it
};

TEST(MetadataTest, ErrorsHaveFileLineAndColumn) {
  const Case cases[] = {
      {"{\n  \"description\": 7\n}", "t.json:2:18: 'description': expected text, got a number"},
      {"[]", "t.json:1:1: task metadata: expected an object, got a list"},
      {"{\n\"a\": }", "t.json:2:"},
      {"{} x", "t.json:1:4: not valid JSON: more follows behind the value"},
      {"", "t.json:1:1: not valid JSON"},
      {"{\"files\": [], \n \"files\": []}", "t.json:2:2: this member stands here twice"},
      {"{\"parameters\": {\"a\": {}, \"\\u0061\": {}}}", "t.json:1:26: this member stands"},
      {"{\"parameters\":\n {\"Bad\": {}}}", "t.json:2:3: 'Bad' is not the name of a parameter"},
      {"{\"parameters\": {\"a\": []}}", "t.json:1:22: the parameter: expected an object"},
      {"{\"parameters\": {\"a\": {\"sensitive\": \"yes\"}}}",
       "t.json:1:36: 'sensitive': expected true"},
      {"{\"input_method\": \"post\"}", "t.json:1:18: 'input_method' must be stdin"},
      {"{\"puppet_task_version\": 2}", "t.json:1:25: version 2 of the task format"},
      {"{\"implementations\": []}", "t.json:1:21: 'implementations' is empty"},
      {"{\"implementations\": [{}]}", "t.json:1:22: the implementation has no 'name'"},
      {"{\"implementations\": [{\"name\": \"\"}]}", "t.json:1:31: '' is not the name of a file"},
      {"{\"implementations\": [{\"name\": \"../x\"}]}", "t.json:1:31: '../x' is not the name"},
      {"{\"implementations\": [{\"name\": \"x\", \"requirements\": [\"a\",\n\"b c\"]}]}",
       "t.json:2:1: 'b c' is not a feature"},
      {"{\"implementations\": [{\"name\": \"x\", \"requirements\": [\"a\", \"a\"]}]}",
       "t.json:1:58: 'a' stands here twice"},
      {"{\"files\": [\"/etc/passwd\"]}", "t.json:1:12: the path '/etc/passwd' has a part ''"},
      {"{\"files\": [\"m/files/../../x\"]}", "t.json:1:12: the path 'm/files/../../x' has a part"},
      {"{\"files\": [\"m/manifests/x\"]}", "t.json:1:12: 'm/manifests/x' is not in a folder"},
      {"{\"extensions\": {\"muster\": {\"timeout\": \"soon\"}}}", "t.json:1:39: "},
      {"{\"extensions\": {\"muster\": {\"version\": \"a b\"}}}",
       "t.json:1:39: 'a b' is not a version"},
  };
  for (const Case& c : cases) {
    const auto parsed = parse_metadata("t.json", c.text);
    ASSERT_FALSE(parsed.errors.empty()) << c.text;
    EXPECT_TRUE(parsed.errors[0].text().starts_with(c.problem)) << c.text << "\n"
                                                                << parsed.errors[0].text();
  }
}

TEST(MetadataTest, TellsAllMistakesAtOnceAndWarnsOfTheUnknown) {
  const auto parsed = parse_metadata("t.json", R"({
  "supports_nop": true,
  "description": [],
  "input_method": 1,
  "parameters": {"a": {"typ": "String"}}
})");
  ASSERT_EQ(parsed.errors.size(), 2U);
  EXPECT_EQ(parsed.errors[0].line, 3U);
  EXPECT_EQ(parsed.errors[1].line, 4U);
  ASSERT_EQ(parsed.warnings.size(), 2U);
  EXPECT_EQ(parsed.warnings[0].text(), "t.json:2:3: unknown member 'supports_nop' is ignored");
  EXPECT_EQ(parsed.warnings[1].text(), "t.json:5:24: unknown member 'typ' is ignored");
  const auto failed = read_metadata("t.json", "{\"description\": 1, \"remote\": 2}");
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("\nt.json:1:"), std::string::npos);
}

TEST(MetadataTest, BoundsWhatItReads) {
  EXPECT_FALSE(parse_metadata("t", std::string(kMetadataBytesMax + 1, ' ')).errors.empty());
  EXPECT_FALSE(parse_metadata("t", std::string(100, '[') + std::string(100, ']')).errors.empty());
  std::string many = "{\"unknown_a\": 1";
  for (int i = 0; i < 200; ++i) many += ", \"x" + std::to_string(i) + "\": 1";
  EXPECT_EQ(parse_metadata("t", many + "}").warnings.size(), kProblemsMax);
  const auto invalid = parse_metadata("t", "{\"description\": \"\xff\"}");
  EXPECT_FALSE(invalid.errors.empty());
}

TEST(TaskNameTest, IsAModuleAndATask) {
  const auto init = TaskName::parse("restart");
  ASSERT_TRUE(init);
  EXPECT_EQ(init->canonical(), "restart::init");
  EXPECT_EQ(init->shown(), "restart");
  EXPECT_EQ(TaskName::parse("a::b_1")->shown(), "a::b_1");
  EXPECT_EQ(*TaskName::parse("a::init"), *TaskName::parse("a"));
  for (const char* wrong : {"", "A", "a::", "::a", "a:b", "a::b::c", "a/b", "1a", "_a", "a::B"})
    EXPECT_FALSE(TaskName::parse(wrong)) << wrong;
  EXPECT_FALSE(TaskName::parse(std::string(kNamePartBytesMax + 1, 'a')));
}

TEST(TaskNameTest, PathsStayInTheirFolder) {
  for (const char* good : {"m/tasks/a.sh", "m/files/ü/a b", "m/lib/.hidden"})
    EXPECT_TRUE(check_package_path(good)) << good;
  const std::string bad[] = {"",
                             "/m/tasks/a",
                             "m/tasks/../a",
                             "m/./a",
                             "m//a",
                             "m/tasks/",
                             "m/a",
                             "m/tasks/a\\b",
                             "m/tasks/a\nb",
                             "m/tasks/\xff",
                             "M/tasks/a",
                             "../m/tasks/a",
                             std::string("m/tasks/a\0b", 11),
                             "m/tasks/" + std::string(256, 'a'),
                             "m/" + std::string(2000, '/') + "a"};
  for (const std::string& path : bad) EXPECT_FALSE(check_package_path(path)) << path;
}

TEST(TaskNameTest, VersionsAreOrderedByTheirNumbers) {
  const char* const ordered[] = {"0-abc",     "0.9",   "1.0-rc1", "1.0-rc2", "1.0",
                                 "1.0+build", "1.0.1", "1.9",     "1.10",    "2"};
  for (std::size_t i = 0; i < std::size(ordered); ++i) {
    EXPECT_TRUE(check_version(ordered[i])) << ordered[i];
    for (std::size_t j = 0; j < std::size(ordered); ++j)
      EXPECT_EQ(compare_versions(ordered[i], ordered[j]), i <=> j)
          << ordered[i] << " " << ordered[j];
  }
  EXPECT_EQ(compare_versions("1.01", "1.1"), 0 <=> 0);
  for (const char* wrong : {"", "-1", ".1", "1 2", "1/2", "v\n"})
    EXPECT_FALSE(check_version(wrong));
}

}  // namespace
}  // namespace muster::methods
