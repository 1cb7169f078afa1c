// SPDX-License-Identifier: Apache-2.0
//
// What a method asks its agent for: answered, passed on under its run's name, or refused.
#include "agent/method_channels.h"

#include <gtest/gtest.h>

#include "core/bytes.h"
#include "core/sha256.h"
#include "runtime/file.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;
using Done = std::function<void(core::Result<std::string>)>;

struct MethodChannelsTest : ::testing::Test {
  MethodChannelsTest() {
    fs::create_directories(folder);
    content = std::move(*Content::open(loop, {.folder = folder, .public_parent = folder}));
    const std::string bytes = "a file of the package";
    EXPECT_TRUE(content->cache().put(bytes));
    package.files.push_back({.path = "mod/files/note",
                             .executable = false,
                             .size = bytes.size(),
                             .sha256 = core::sha256(bytes)});
    channels = std::make_unique<MethodChannels>(
        loop, content.get(),
        MethodChannels::Effects{
            .tell =
                [this](core::RunId, std::string_view bytes_told) {
                  told += bytes_told;
                  loop.stop();
                },
            .progress = [this](core::RunId,
                               const methods::Progress& said) { progress.push_back(said); },
            .upcall =
                [this](core::RunId by, std::string name, const std::string& body, Done done) {
                  asked.push_back(by.str() + " " + name + " " + body);
                  waiting.push_back(std::move(done));
                }});
    channels->open(run, package, false);
  }
  ~MethodChannelsTest() override {
    channels.reset();
    content.reset();
    fs::remove_all(folder);
  }
  void call(core::RunId by, int id, const std::string& name, const std::string& body) {
    channels->heard(by, R"({"type":"call","id":)" + std::to_string(id) + R"(,"name":")" + name +
                            R"(","body":)" + body + "}\n");
  }
  std::string spin() {
    loop.context().restart();
    loop.run();
    return std::exchange(told, {});
  }
  std::size_t folders() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder / "runs"), fs::directory_iterator()));
  }

  const fs::path folder =
      fs::temp_directory_path() / ("muster-agent-" + core::to_base32(core::random_bytes(8)));
  const core::RunId run{7};
  runtime::Loop loop;
  std::unique_ptr<Content> content;
  methods::Package package;
  std::unique_ptr<MethodChannels> channels;
  std::string told;
  std::vector<methods::Progress> progress;
  std::vector<std::string> asked;
  std::vector<Done> waiting;
};

TEST_F(MethodChannelsTest, FilesOfItsOwnPackageAreFetchedUntilTheRunEnds) {
  call(run, 1, "content.fetch", R"({"path":"mod/files/note"})");
  const std::string reply = spin();
  const std::string begin = R"({"type":"reply","id":1,"body":{"path":")";
  ASSERT_TRUE(reply.starts_with(begin)) << reply;
  const std::string path = reply.substr(begin.size(), reply.find("\"}}") - begin.size());
  EXPECT_EQ(runtime::read_file(path).value(), "a file of the package");
  call(run, 2, "content.fetch", R"({"sha256":")" + core::to_hex(package.files[0].sha256) + "\"}");
  EXPECT_TRUE(spin().starts_with(R"({"type":"reply","id":2,"body":{"path":")"));
  EXPECT_EQ(folders(), 2U);
  channels->close(run);
  EXPECT_EQ(folders(), 0U);
  EXPECT_TRUE(asked.empty());
}

TEST_F(MethodChannelsTest, AFileIsLinkedForWhoRunsAsTheAgentDoes) {
  const core::RunId others{8};
  channels->open(others, package, true);
  for (const auto& [by, links] : {std::pair(run, 2U), std::pair(others, 1U)}) {
    call(by, 1, "content.fetch", R"({"path":"mod/files/note","link":true})");
    const std::string reply = spin();
    const auto at = reply.find("\"path\":\"");
    ASSERT_NE(at, std::string::npos) << reply;
    const std::string path = reply.substr(at + 8, reply.find("\"}}") - at - 8);
    EXPECT_EQ(fs::hard_link_count(path), links);
    EXPECT_EQ(runtime::read_file(path).value(), "a file of the package");
  }
}

TEST_F(MethodChannelsTest, WhatIsReleasedIsGone) {
  for (int id = 2; id < 8; id += 2) {
    call(run, id, "content.fetch", R"({"path":"mod/files/note"})");
    const std::string reply = spin();
    const auto at = reply.find("\"path\":");
    ASSERT_NE(at, std::string::npos) << id << reply;
    std::string path = reply.substr(at + 7);
    path.resize(path.rfind("\"}}") + 1);
    told.clear();
    call(run, id + 1, "content.release", "{\"path\":" + path + "}");
    EXPECT_NE(told.find("\"body\":null"), std::string::npos) << told;
    EXPECT_EQ(folders(), 0U);
    told.clear();
    call(run, id + 1, "content.release", "{\"path\":" + path + "}");
    EXPECT_NE(told.find("\"not_found\""), std::string::npos) << told;
    told.clear();
  }
  call(run, 1, "content.release", "null");
  EXPECT_NE(told.find("\"not_found\""), std::string::npos) << told;
}

TEST_F(MethodChannelsTest, FilesOfOthersAreNot) {
  for (const char* body : {"{}", "null", "[]", R"({"path":""})", R"({"sha256":"zz"})"}) {
    call(run, 1, "content.fetch", body);
    EXPECT_NE(told.find("\"invalid\""), std::string::npos) << body << told;
    told.clear();
  }
  call(run, 1, "content.fetch", R"({"path":"../../agent.key"})");
  EXPECT_NE(told.find("\"not_found\""), std::string::npos) << told;
}

TEST_F(MethodChannelsTest, ARunThatEndsForgetsWhatItWaitsFor) {
  call(run, 1, "content.fetch", R"({"path":"mod/files/note"})");
  call(run, 2, "run.describe", "null");
  channels->close(run);
  waiting.at(0)("{}");
  loop.post([this] { loop.stop(); });
  EXPECT_EQ(spin(), "");
  call(run, 3, "run.describe", "null");
  EXPECT_EQ(asked.size(), 1U);
}

TEST_F(MethodChannelsTest, TheServerIsAskedUnderTheRunsName) {
  call(run, 5, "run.describe", R"({"a":1})");
  EXPECT_EQ(asked.at(0), run.str() + R"( run.describe {"a":1})");
  waiting.at(0)(R"({"targets":3})");
  EXPECT_EQ(told, "{\"type\":\"reply\",\"id\":5,\"body\":{\"targets\":3}}\n");
  told.clear();
  call(run, 6, "certificate.renew", "null");
  waiting.at(1)(core::fail(core::Code::kNotFound, "no"));
  EXPECT_NE(told.find("\"not_found\""), std::string::npos);
}

TEST_F(MethodChannelsTest, TheAgentsOwnUpcallsKeepTheirRoom) {
  for (std::uint64_t other = 100; asked.size() < MethodChannels::kMethodUpcallsMax; ++other) {
    channels->open(core::RunId{other}, package, false);
    for (int i = 0; i < 4; ++i) call(core::RunId{other}, i, "run.describe", "null");
  }
  EXPECT_EQ(told, "");
  call(run, 1, "run.describe", "null");
  EXPECT_NE(told.find("\"limit\""), std::string::npos);
  waiting.at(0)("1");
  call(run, 2, "run.describe", "null");
  EXPECT_EQ(asked.size(), MethodChannels::kMethodUpcallsMax + 1);
}

TEST_F(MethodChannelsTest, ProgressThatWaitsGoesOnByItself) {
  channels->heard(run,
                  "{\"type\":\"progress\",\"percent\":1}\n{\"type\":\"progress\",\"percent\":2}\n");
  channels->heard(run, "{\"type\":\"progress\",\"percent\":3}\n");
  ASSERT_EQ(progress.size(), 1U);
  EXPECT_EQ(progress[0].percent, 2U);
  while (progress.size() < 2) loop.context().run_one();
  EXPECT_EQ(progress[1].percent, 3U);
}

}  // namespace
}  // namespace muster::agent
