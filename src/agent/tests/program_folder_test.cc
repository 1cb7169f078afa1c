// SPDX-License-Identifier: Apache-2.0
//
// The programs that an agent was updated to, on a real disk: what a power cut leaves after
// each step, and files that are not what they should be.
#include "agent/program_folder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "agent/handover.h"
#include "core/bytes.h"
#include "core/clock.h"
#include "runtime/file.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;

struct ProgramFolderTest : ::testing::Test {
  fs::path root = fs::temp_directory_path() / ("muster-" + core::to_hex(core::random_bytes(6)));
  fs::path fresh = root / "fresh";
  const std::string installed = std::string(64, 'a');

  ProgramFolderTest() {
    fs::create_directories(root);
    fs::copy_file("/proc/self/exe", fresh);
    std::ofstream(fresh, std::ios::app) << "another build";
  }
  ~ProgramFolderTest() override { fs::remove_all(root); }

  /// The whole of an update that succeeds.
  void update(ProgramFolder& folder, const std::string& digest) {
    ASSERT_TRUE(folder.stage(fresh, digest));
    ASSERT_TRUE(folder.begin_trial({digest, "2.0", core::RunId(1), 0}));
    ASSERT_TRUE(folder.trial_passed(installed));
    folder.proven(digest);
  }
};

// A cut after each step leaves the old program or the new one, and the next order works.
TEST_F(ProgramFolderTest, APowerCutAnywhereLeavesOneThatWorks) {
  const std::string digest = *digest_of(fresh);
  std::vector<std::string> steps;
  {
    ProgramFolder folder(root, [&](std::string_view step) { steps.emplace_back(step); });
    update(folder, digest);
  }
  ASSERT_EQ(steps, (std::vector<std::string>{"copied", "staged", "on trial", "switched", "cleaned",
                                             "proven"}));
  for (std::size_t cut = 0; cut < steps.size(); ++cut) {
    SCOPED_TRACE(steps[cut]);
    fs::remove_all(root / "programs");
    fs::remove(root / "update.json");
    const pid_t child = fork();
    if (child == 0) {
      std::size_t done = 0;
      ProgramFolder folder(root, [&](std::string_view) {
        if (done++ == cut) _exit(9);
      });
      update(folder, digest);
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(WEXITSTATUS(status), 9);
    ProgramFolder folder(root);
    const std::string chosen = folder.choose(installed);
    EXPECT_EQ(chosen, cut < 3 ? "" : digest);
    if (!chosen.empty()) EXPECT_EQ(*digest_of(folder.file(chosen)), digest);
    update(folder, digest);
    EXPECT_EQ(ProgramFolder(root).choose(installed), digest);
    EXPECT_EQ(std::distance(fs::directory_iterator(root / "programs"), fs::directory_iterator{}),
              1);
  }
}

TEST_F(ProgramFolderTest, ADamagedOrLostProgramIsNotStarted) {
  const std::string digest = *digest_of(fresh);
  ProgramFolder first(root);
  update(first, digest);
  std::ofstream(first.file(digest), std::ios::app) << "x";
  EXPECT_EQ(ProgramFolder(root).choose(installed), "");
  EXPECT_EQ(ProgramFolder(root).record().failed->why, "its file is damaged");

  ProgramFolder second(root);
  update(second, digest);
  fs::remove_all(root / "programs");
  EXPECT_EQ(ProgramFolder(root).choose(installed), "");

  ProgramFolder third(root);
  update(third, digest);
  ASSERT_TRUE(runtime::write_file(root / "update.json", "no record"));
  EXPECT_EQ(ProgramFolder(root).choose(installed), "");
}

TEST_F(ProgramFolderTest, ALoopOfCrashesEnds) {
  const std::string digest = *digest_of(fresh);
  ProgramFolder folder(root);
  update(folder, digest);
  int starts = 0;
  while (!ProgramFolder(root).choose(installed).empty()) ASSERT_LE(++starts, kStartsMax);
  EXPECT_EQ(starts, kStartsMax);
  EXPECT_EQ(ProgramFolder(root).choose(installed), "");
  EXPECT_FALSE(fs::exists(folder.file(digest)));
}

TEST_F(ProgramFolderTest, WhatIsInstalledAnewCountsAndNothingIsLeft) {
  const std::string digest = *digest_of(fresh);
  ProgramFolder folder(root);
  update(folder, digest);
  EXPECT_EQ(ProgramFolder(root).choose(std::string(64, 'e')), "");
  EXPECT_FALSE(fs::exists(folder.file(digest)));
  EXPECT_EQ(ProgramFolder(root).choose(installed), "");
}

TEST_F(ProgramFolderTest, TakesOnlyTheProgramThatWasOrdered) {
  ProgramFolder folder(root);
  const auto refused = [&](const std::string& digest) {
    const core::Status staged = folder.stage(fresh, digest);
    EXPECT_FALSE(staged);
    for (const auto& left : fs::directory_iterator(root / "programs")) ADD_FAILURE() << left.path();
    return staged ? "" : staged.error().message;
  };
  EXPECT_EQ(refused(std::string(64, '0')), "it is not what was ordered: its digest differs");
  const std::string good = *runtime::read_file(fresh, kProgramBytesMax);
  const auto write = [&](std::string bytes) {
    std::ofstream(fresh, std::ios::binary | std::ios::trunc) << bytes;
    return *digest_of(fresh);
  };
  EXPECT_EQ(refused(write("#!/bin/sh\nexit 0\n")), "it is no program");
  EXPECT_EQ(refused(write("")), "it is no program");
  EXPECT_EQ(refused(write(good.substr(0, 12))), "it is no program");
  std::string foreign = good;
  foreign[18] ^= 0x55;
  EXPECT_EQ(refused(write(foreign)), "it is a program for another type of machine");
  std::string object = good;
  object[16] = 1;  // not linked
  EXPECT_EQ(refused(write(object)), "it is no program");
}

TEST(Handover, IsWrittenAndRead) {
  const core::MonoTime until = core::mono_now();
  const Handover given{
      .kind = Handover::Kind::kTake,
      .program = std::string(64, 'b'),
      .installed = std::string(64, 'a'),
      .instance = core::random_bytes(16),
      .nonce = "n",
      .run = link::EndpointRuns::Remembered{core::RunId(0xfedcba9876543210), until},
      .remembered = {{core::RunId(7), until}},
      .before = "1.0"};
  const auto read = read_handover(to_text(given));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_text(*read), to_text(given));
  EXPECT_EQ(read->run->until, until);
  for (const char* text : {"", "[]", "{}", "{\"kind\":\"trial\",\"instance\":\"\"}",
                           "{\"kind\":\"take\",\"instance\":\"zz\"}", "{\"kind\":\"other\"}"})
    EXPECT_FALSE(read_handover(text)) << text;
}

}  // namespace
}  // namespace muster::agent
