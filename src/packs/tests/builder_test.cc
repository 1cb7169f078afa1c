// SPDX-License-Identifier: Apache-2.0
#include "packs/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <random>

namespace muster::packs {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class PackBuilder : public ::testing::Test {
 protected:
  PackBuilder() {
    std::string name = (fs::temp_directory_path() / "muster-pack-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    write("pack.toml", R"(
name = "webapp"
version = "1.0"
[[target]]
from = "app"
to = "/opt/webapp/"
owned = true
owner = "root"
[[target]]
from = "etc"
to = "/etc"
[[rule]]
path = "app/bin/*"
mode = "0755"
[[rule]]
path = "app/*secret"
mode = "0400"
group = "daemon"
[steps]
post = "steps/post.sh"
)");
    write("app/bin/run", "#!/bin/sh\n");
    write("app/secret", "secret");
    write("app/big", random(5 << 20, 1));
    write("etc/webapp.conf", "port = 1\n");
    write("steps/post.sh", "#!/bin/sh\n");
    fs::create_symlink("bin/run", folder_ / "app/current");
  }
  ~PackBuilder() override { fs::remove_all(folder_); }

  static std::string random(std::size_t count, std::uint32_t seed) {
    std::mt19937 source(seed);
    std::string bytes(count, '\0');
    for (char& byte : bytes) byte = static_cast<char>(source());
    return bytes;
  }
  void write(const std::string& path, std::string_view bytes) {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path, std::ios::binary) << bytes;
    ::chmod((folder_ / path).c_str(), 0644);
  }
  core::Result<BuiltPack> try_build(const Index* before = nullptr) {
    auto description = describe_folder(folder_);
    if (!description) return std::unexpected(description.error());
    return build_pack(folder_, *description, before);
  }
  BuiltPack build(const Index* before = nullptr) {
    auto built = try_build(before);
    EXPECT_TRUE(built.has_value()) << built.error().message;
    return std::move(*built);
  }

  fs::path folder_;
};

TEST_F(PackBuilder, SaysWhatTheFolderHolds) {
  const BuiltPack pack = build();
  const Index& index = pack.index;
  ASSERT_EQ(index.targets.size(), 2u);
  EXPECT_EQ(index.targets[0], (Target{"/opt/webapp", true}));
  EXPECT_EQ(index.find(0, "bin/run")->mode, 0755u);
  EXPECT_EQ(index.find(0, "secret")->mode, 0400u);
  EXPECT_EQ(index.find(0, "secret")->group, "daemon");
  EXPECT_EQ(index.find(0, "secret")->owner, "root");
  EXPECT_EQ(index.find(1, "webapp.conf")->owner, "");
  EXPECT_EQ(index.find(0, "current")->link, "bin/run");
  EXPECT_EQ(index.find(0, "bin")->kind, Kind::kDirectory);
  ASSERT_NE(index.find(2, "steps/post.sh"), nullptr);
  std::string bytes;
  for (std::size_t i = 0; i < index.containers.size(); ++i)
    bytes += container_bytes(pack, i).value();
  std::string file;
  for (const auto chunk : index.find(0, "big")->chunks)
    file += bytes.substr(index.chunks[chunk].offset, index.chunks[chunk].size);
  EXPECT_TRUE(file == random(5 << 20, 1));
}

TEST_F(PackBuilder, TheSameFolderIsTheSamePack) {
  EXPECT_EQ(build().encoded, build().encoded);
  const Index first = build().index;
  const BuiltPack again = build(&first);
  EXPECT_EQ(again.fresh_bytes, 0u);
  EXPECT_EQ(again.encoded, encode(first));
}

TEST_F(PackBuilder, ANewVersionTravelsAsItsDifference) {
  const Index first = build().index;
  std::string changed = random(5 << 20, 1);
  changed.insert(2 << 20, "one line more");
  write("app/big", changed);
  const BuiltPack second = build(&first);
  EXPECT_GT(second.fresh_bytes, 0u);
  EXPECT_LT(second.fresh_bytes, 100u << 10);
  EXPECT_LT(second.encoded.size(), 2u << 10);
  EXPECT_EQ(second.index.tables.size(), 2u);
  EXPECT_EQ(second.tables.size(), 1u);
  EXPECT_EQ(second.index.containers.front().id, first.containers.front().id);
  EXPECT_TRUE(second.pieces.front().empty());
}

TEST_F(PackBuilder, ScatteredChangesCostLittleMoreThanTheyAre) {
  std::string bytes = random(20 << 20, 1);
  write("app/big", bytes);
  const Index first = build().index;
  constexpr std::size_t kRun = 64 << 10, kRuns = 8;
  for (std::size_t i = 0; i < kRuns; ++i)
    bytes.replace(i * (2 << 20) + 777'777, kRun, random(kRun, static_cast<std::uint32_t>(i) + 2));
  write("app/big", bytes);
  const BuiltPack second = build(&first);
  std::size_t travels = second.fresh_bytes + second.encoded.size();
  for (const auto& [id, table] : second.tables) travels += table.size();
  EXPECT_LT(travels, kRun * kRuns * 3 / 2);
}

TEST_F(PackBuilder, WhatIsHardlyNeededOfAnOldContainerIsWrittenAnew) {
  const Index first = build().index;
  fs::remove(folder_ / "app/big");
  const BuiltPack second = build(&first);
  ASSERT_EQ(second.index.containers.size(), 1u);
  EXPECT_NE(second.index.containers[0].id, first.containers[0].id);
}

TEST_F(PackBuilder, MistakesHaveTheirPlace) {
  write("pack.toml", "name = \"webapp\"\n[[target]]\nfrom = \"../app\"\nto = \"/opt/x\"\n");
  EXPECT_THAT(try_build().error().message, HasSubstr("pack.toml: line 3, column 8"));
  write("pack.toml",
        "name = \"webapp\"\n[[target]]\nfrom = \"app\"\nto = \"/etc\"\nowned = true\n");
  EXPECT_THAT(try_build().error().message, HasSubstr("a pack cannot own all of it"));
  write("pack.toml", "name = \"Web App\"\n");
  EXPECT_THAT(try_build().error().message, HasSubstr("no name of a pack"));
  write("pack.toml", "name = \"webapp\"\nversions = \"1\"\n");
  EXPECT_THAT(try_build().error().message, HasSubstr("'versions' is not known here"));
  write("pack.toml", "name = \"webapp\"\n[[target]]\nfrom = \"none\"\nto = \"/opt/x\"\n");
  EXPECT_THAT(try_build().error().message, HasSubstr("there is no folder"));
  fs::remove(folder_ / "pack.toml");
  EXPECT_THAT(try_build().error().message, HasSubstr("there is no"));
}

TEST_F(PackBuilder, LinksOutAndOddFilesAreRefused) {
  fs::create_symlink("/etc/shadow", folder_ / "app/escape");
  EXPECT_THAT(try_build().error().message, HasSubstr("leads out of its target"));
  fs::remove(folder_ / "app/escape");
  ASSERT_EQ(::mkfifo((folder_ / "app/pipe").c_str(), 0600), 0);
  EXPECT_THAT(try_build().error().message, HasSubstr("neither a file, a folder nor a link"));
}

}  // namespace
}  // namespace muster::packs
