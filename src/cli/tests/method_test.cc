// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/exit_code.h"
#include "cli/tests/fakes.h"
#include "core/bytes.h"

namespace muster::cli {
namespace {

using ::testing::HasSubstr;

constexpr const char* kScript = "#!/bin/sh\necho hello\n";

struct MethodCommandTest : ::testing::Test {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("muster-method-" + std::to_string(getpid()));
  Program program;

  MethodCommandTest() {
    std::filesystem::remove_all(folder);
    write("hello/tasks/init.sh", kScript);
    write("hello/tasks/init.json", R"({"parameters": {"name": {"type": "String"}}, "odd": 1})");
    program.environment["MUSTER_PUBLISHING_KEY"] = (folder / "key.pem").string();
  }
  ~MethodCommandTest() override { std::filesystem::remove_all(folder); }
  void write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << text;
  }
  int method(std::vector<std::string> words) {
    words.insert(words.begin(), "method");
    return program.run(words);
  }
};

TEST_F(MethodCommandTest, MakesAKeyOnceAndKeepsItsSecret) {
  EXPECT_EQ(method({"key"}), kExitOk);
  EXPECT_THAT(program.terminal.errors, HasSubstr("Made a publishing key"));
  const std::string first = program.terminal.output;
  EXPECT_THAT(first, HasSubstr("BEGIN PUBLIC KEY"));
  EXPECT_EQ(first.find("PRIVATE"), std::string::npos);
  program.terminal.output.clear();
  EXPECT_EQ(method({"key"}), kExitOk);
  EXPECT_EQ(program.terminal.output, first);
  EXPECT_TRUE(program.server.requests.empty());  // nothing of it went anywhere
}

TEST_F(MethodCommandTest, SendsOnlyWhatIsMissingThenTheManifest) {
  EXPECT_EQ(method({"key"}), kExitOk);
  const std::string digest = core::to_hex(core::sha256(kScript));
  program.server.on("POST /v1/content/missing", R"({"missing":[")" + digest + R"("]})");
  program.server.on("PUT /v1/content/" + digest, "{}", 201);
  program.server.on("POST /v1/methods", R"({"name":"hello","version":"1","current":true})", 201);
  EXPECT_EQ(method({"publish", (folder / "hello").string(), "--version", "1"}), kExitOk)
      << program.terminal.errors;
  EXPECT_THAT(program.terminal.output, HasSubstr("hello 1  1 file"));
  EXPECT_THAT(program.terminal.errors, HasSubstr("init.json:1:46: unknown member 'odd'"));
  ASSERT_EQ(program.server.requests.size(), 3U);
  EXPECT_EQ(program.server.requests[1].body, kScript);
  EXPECT_EQ(program.server.requests[1].content_type, "application/octet-stream");
  EXPECT_THAT(program.server.requests[2].body, HasSubstr("\"signature\""));
  program.server.requests.clear();
  program.server.on("POST /v1/content/missing", R"({"missing":[]})");
  EXPECT_EQ(method({"publish", (folder / "hello").string(), "--version", "1"}), kExitOk);
  EXPECT_EQ(program.server.requests.size(), 2U);
}

TEST_F(MethodCommandTest, AsksNobodyWhereTheFolderIsWrong) {
  write("hello/tasks/init.json", R"({"parameters": {"name": {"type": "Strin"}}})");
  EXPECT_NE(method({"publish", (folder / "hello").string()}), kExitOk);
  EXPECT_THAT(program.terminal.errors, HasSubstr("init.json:1:34: the type 'Strin'"));
  EXPECT_NE(method({"publish", (folder / "nowhere").string()}), kExitOk);
  EXPECT_TRUE(program.server.requests.empty());
}

TEST_F(MethodCommandTest, WithoutAKeyItSaysHowToMakeOne) {
  EXPECT_NE(method({"publish", (folder / "hello").string()}), kExitOk);
  EXPECT_THAT(program.terminal.errors, HasSubstr("muster method key makes one"));
}

TEST_F(MethodCommandTest, RemovesAVersionOrAllButNeverByAccident) {
  EXPECT_NE(method({"remove", "hello"}), kExitOk);
  EXPECT_THAT(program.terminal.errors, HasSubstr("--all"));
  EXPECT_NE(method({"remove", "hello@1", "--all"}), kExitOk);
  EXPECT_TRUE(program.server.requests.empty());
  program.server.on("DELETE /v1/methods/a%3A%3Ab/versions/1", "", 204);
  EXPECT_EQ(method({"remove", "a::b@1"}), kExitOk);
  program.server.on("DELETE /v1/methods/hello", "", 204);
  EXPECT_EQ(method({"remove", "hello", "--all"}), kExitOk);
}

TEST_F(MethodCommandTest, ShowsWhatAMethodTakes) {
  program.server.on("GET /v1/methods/hello", R"({"name":"hello","version":"2","current":true,
    "digest":"d","key":"k","published_at":"2026-11-22T04:09:00.000Z","published_by":"a",
    "description":"Says\u001b[31m hello","supports_noop":true,"any_parameters":false,
    "parameters":[{"name":"name","type":"String[1]","expected":"text that is not empty",
      "required":true,"sensitive":true,"description":"Who"}],
    "implementations":[{"name":"init.sh","requirements":["shell"],"input_method":"default"}],
    "files":[{"path":"hello/tasks/init.sh","size_bytes":21,"sha256":"aa","executable":true}],
    "versions":[{"version":"2","current":true,"published_at":"2026-11-22T04:09:00.000Z"}]})");
  EXPECT_EQ(method({"show", "hello"}), kExitOk);
  const std::string& shown = program.terminal.output;
  EXPECT_THAT(shown, HasSubstr("2 (current)"));
  EXPECT_THAT(shown, HasSubstr("Who (text that is not empty); kept secret"));
  EXPECT_THAT(shown, HasSubstr("needs shell"));
  EXPECT_EQ(shown.find('\x1b'), std::string::npos);
}

TEST_F(MethodCommandTest, TellsVersionsApart) {
  const auto version = [](std::string type, std::string digest) {
    return R"({"name":"hello","supports_noop":false,"parameters":[{"name":"n","type":")" + type +
           R"("}],"files":[{"path":"p","size_bytes":1,"sha256":")" + digest + R"("}]})";
  };
  program.server.on("GET /v1/methods/hello/versions/1", version("String", "aa"));
  program.server.on("GET /v1/methods/hello/versions/2", version("Integer", "aa"));
  EXPECT_EQ(method({"diff", "hello@1", "@2"}), kExitOk);
  EXPECT_EQ(program.terminal.output, "- parameter n: String\n+ parameter n: Integer\n");
  program.terminal.output.clear();
  EXPECT_EQ(method({"diff", "hello@1", "hello@1"}), kExitOk);
  EXPECT_EQ(program.terminal.output, "");
  EXPECT_THAT(program.terminal.errors, HasSubstr("No difference"));
}

}  // namespace
}  // namespace muster::cli
