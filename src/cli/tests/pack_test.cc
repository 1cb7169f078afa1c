// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>

#include "cli/exit_code.h"
#include "cli/pack_commands.h"
#include "cli/pack_source.h"
#include "cli/tests/fakes.h"
#include "core/bytes.h"

namespace muster::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct PackCommandTest : ::testing::Test {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("muster-packs-" + std::to_string(getpid()));
  Program program;
  std::string elf = std::string(
                        "\x7f"
                        "ELF") +
                    std::string(14, '\0') + "\x3e" + std::string(100, '\0');

  PackCommandTest() {
    std::filesystem::remove_all(folder);
    write("webapp/pack.toml",
          "name = \"webapp\"\nversion = \"1\"\n[[target]]\nfrom = \"app\"\nto = \"/opt/webapp\"\n");
    write("webapp/app/run", "#!/bin/sh\n");
    write("programs/muster-pack-apply", elf);
    write("programs/muster-pack-apply-aarch64", "no program");
    program.environment["MUSTER_PUBLISHING_KEY"] = (folder / "key.pem").string();
    program.run({"method", "key"});
    program.terminal.output.clear();
  }
  ~PackCommandTest() override { std::filesystem::remove_all(folder); }
  void write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name, std::ios::binary) << text;
  }
  int pack(std::vector<std::string> words) {
    words.insert(words.begin(), "pack");
    return program.run(words);
  }
  int publish() {
    return pack(
        {"publish", (folder / "webapp").string(), "--programs", (folder / "programs").string()});
  }
};

TEST_F(PackCommandTest, APackBecomesAPackageThatReadsWell) {
  const auto description = packs::describe_folder(folder / "webapp");
  ASSERT_TRUE(description.has_value());
  const auto built = packs::build_pack(folder / "webapp", *description, nullptr);
  ASSERT_TRUE(built.has_value()) << built.error().message;
  const auto programs = find_pack_programs(folder / "programs");
  ASSERT_TRUE(programs.has_value());
  ASSERT_EQ(programs->size(), 1u);
  const auto made = package_of(*built, *programs);
  ASSERT_TRUE(made.has_value()) << made.error().message;
  EXPECT_EQ(made->package.name.canonical(), "pack::webapp");
  const auto read = methods::read_manifest(made->manifest);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->metadata.is_private);
  EXPECT_TRUE(read->metadata.additions.idempotent);
  ASSERT_EQ(read->metadata.implementations.size(), 1u);
  const auto needed = read->needed(&read->metadata.implementations[0]);
  ASSERT_EQ(needed.size(), 2u);  // no container: those are asked for
  EXPECT_EQ(needed[0]->path, "pack/tasks/apply_x86_64");
  EXPECT_EQ(needed[1]->path, "pack/files/index");
}

TEST_F(PackCommandTest, SendsWhatIsMissingThenTheManifest) {
  const std::string container = core::to_hex(core::sha256("#!/bin/sh\n"));
  program.server.on("GET /v1/packs/webapp", R"({"error":{"code":"not_found","message":"none"}})",
                    404);
  program.server.on("POST /v1/content/missing", R"({"missing":[")" + container + R"("]})");
  program.server.on("PUT /v1/content/" + container, "{}", 201);
  program.server.on("POST /v1/methods", R"({"name":"pack::webapp","version":"1","current":true})",
                    201);
  EXPECT_EQ(publish(), kExitOk) << program.terminal.errors;
  EXPECT_THAT(program.terminal.output, HasSubstr("webapp 1  1 file, 10 B; new: 10 B, for x86_64"));
  ASSERT_EQ(program.server.requests.size(), 4U);
  EXPECT_EQ(program.server.requests[2].body, "#!/bin/sh\n");
}

TEST_F(PackCommandTest, WhatIsWrongIsSaidBeforeAnybodyIsAsked) {
  EXPECT_NE(pack({"publish", (folder / "webapp").string(), "--programs", folder.string()}),
            kExitOk);
  EXPECT_THAT(program.terminal.errors, HasSubstr("no muster-pack-apply"));
  write("webapp/pack.toml", "name = \"webapp\"\n[[target]]\nfrom = \"app\"\nto = \"opt\"\n");
  EXPECT_NE(publish(), kExitOk);
  EXPECT_THAT(program.terminal.errors, HasSubstr("pack.toml: line 4, column 6"));
  EXPECT_NE(pack({"remove", "webapp"}), kExitOk);
  EXPECT_NE(pack({"send", "webapp"}), kExitOk);
  EXPECT_TRUE(program.server.requests.empty());
}

TEST_F(PackCommandTest, ADryRunOnlyLooks) {
  EXPECT_EQ(pack({"publish", (folder / "webapp").string(), "--dry-run"}), kExitOk);
  EXPECT_THAT(program.terminal.output, HasSubstr("webapp 1  1 file"));
  EXPECT_TRUE(program.server.requests.empty());
}

TEST_F(PackCommandTest, ShowsWhereItGoes) {
  program.server.on("GET /v1/packs/webapp", R"({"name":"webapp","version":"2","current":true,
    "digest":"d","key":"k","published_at":"2026-11-22T04:09:00.000Z","published_by":"a",
    "description":"An\u001b[31m app","size_bytes":2048,"files":3,"files_bytes":1024,"containers":1,
    "targets":[{"path":"/opt/webapp","owned":true},{"path":"/etc","owned":false}],"post":"restart.sh",
    "versions":[{"version":"2","current":true,"size_bytes":2048,"published_at":"2026-11-22T04:09:00.000Z","published_by":"a"}]})");
  EXPECT_EQ(pack({"show", "webapp"}), kExitOk) << program.terminal.errors;
  const std::string& shown = program.terminal.output;
  EXPECT_THAT(shown, HasSubstr("/opt/webapp (the whole folder)"));
  EXPECT_THAT(shown, HasSubstr("2 (current)"));
  EXPECT_THAT(shown, HasSubstr("restart.sh"));
  EXPECT_THAT(shown, Not(HasSubstr("\x1b[31m")));
}

TEST_F(PackCommandTest, AnswersAreWordsAndASum) {
  Terminal& terminal = program.terminal;
  const Json targets = boost::json::parse(R"([
    {"name":"web1","result":{"outcome":"installed","version":"2","before":"1","files":3,"bytes":2048,
     "bytes_fetched":1024,"bytes_reused":512,"bytes_kept":512}},
    {"name":"web2","result":{"outcome":"installed","version":"2","before":"","files":3,"bytes":2048,
     "bytes_fetched":2048,"bytes_reused":0,"bytes_kept":0}},
    {"name":"web3","result":{"outcome":"unchanged","version":"2","before":"1"}},
    {"name":"web4","result":{"outcome":"changed","version":"2","changed_count":1,
     "changed":["/opt/webapp/\u001b[31mx"]}},
    {"name":"web5"}])");
  const std::string shown = render_pack_answers(targets.as_array(), terminal);
  EXPECT_THAT(shown, HasSubstr("2 installed, was 1"));
  EXPECT_THAT(shown, HasSubstr("2 was there already"));
  EXPECT_THAT(shown, HasSubstr("In sum 3 KB fetched, 1 KB taken from the hosts' own files"));
  EXPECT_THAT(shown, HasSubstr("web4: /opt/webapp/"));
  EXPECT_THAT(shown, Not(HasSubstr("\x1b[31m")));
  EXPECT_THAT(shown, Not(HasSubstr("web5")));
}

TEST_F(PackCommandTest, UsersOfHostsAreAllowed) {
  program.server.on("POST /v1/pack-rules", R"({"id":3,"pack":"webapp","selector":"role=web",
    "effect":"allow","created_by":"a","created_at":"2026-11-22T04:09:00.000Z"})");
  EXPECT_EQ(pack({"allow", "webapp@2", "role=web"}), kExitOk) << program.terminal.errors;
  EXPECT_THAT(program.terminal.errors, HasSubstr("Rule 3: users of role=web"));
  EXPECT_THAT(program.terminal.errors, HasSubstr("may install webapp@2"));
  program.server.on("GET /v1/pack-rules", R"({"rules":[{"id":3,"pack":"webapp",
    "selector":"role=web","effect":"deny","created_by":"a","created_at":"2026-11-22T04:09:00.000Z"}]})");
  EXPECT_EQ(pack({"allowed"}), kExitOk);
  EXPECT_THAT(program.terminal.output, HasSubstr("not install it"));
  EXPECT_NE(pack({"allow", "webapp"}), kExitOk) << "of which hosts?";
}

}  // namespace
}  // namespace muster::cli
