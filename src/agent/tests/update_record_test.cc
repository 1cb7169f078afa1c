// SPDX-License-Identifier: Apache-2.0
//
// What an agent starts and what it answers, after whatever has happened to its updates.
#include "agent/update_record.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

const std::string kOld(64, 'a'), kNew(64, 'b'), kNewer(64, 'c');

Program program(const std::string& digest, const std::string& version, std::uint64_t run = 1) {
  return {digest, version, core::RunId(run), 0};
}

/// Updated to kNew.
UpdateRecord updated() {
  UpdateRecord record;
  EXPECT_TRUE(record.begin_trial(program(kNew, "2.0")));
  record.trial_passed(kOld);
  return record;
}

TEST(UpdateRecord, StartsWhatHasPassedItsTrial) {
  UpdateRecord record;
  EXPECT_EQ(record.next(), nullptr);
  ASSERT_TRUE(record.begin_trial(program(kNew, "2.0")));
  EXPECT_EQ(record.next(), nullptr);  // power failed in the trial: the installed one
  EXPECT_TRUE(record.names(kNew));
  record.trial_passed(kOld);
  ASSERT_NE(record.next(), nullptr);
  EXPECT_EQ(record.programs.front().digest, kNew);
}

TEST(UpdateRecord, GivesUpWhatIsStartedAndNeverLogsIn) {
  UpdateRecord record = updated();
  for (int start = 1; start < kStartsMax; ++start) EXPECT_NE(record.next(), nullptr) << start;
  EXPECT_EQ(record.next(), nullptr);
  ASSERT_TRUE(record.failed);
  EXPECT_EQ(record.failed->why, "it was started 3 times and did not log in");
  EXPECT_FALSE(record.names(kNew));

  record = updated();
  for (int start = 0; start < 20; ++start) {
    EXPECT_NE(record.next(), nullptr);
    EXPECT_TRUE(record.proven(kNew));
    EXPECT_FALSE(record.proven(kNew));  // nothing to write
  }
}

TEST(UpdateRecord, TheOneBeforeComesFirstThenTheInstalledOne) {
  UpdateRecord record = updated();
  EXPECT_TRUE(record.proven(kNew));
  ASSERT_TRUE(record.begin_trial(program(kNewer, "3.0", 2)));
  record.trial_passed(kOld);
  EXPECT_EQ(record.next()->digest, kNewer);
  record.give_up("damaged");
  EXPECT_EQ(record.next()->digest, kNew);
  record.give_up("damaged");
  EXPECT_EQ(record.next(), nullptr);
}

TEST(UpdateRecord, WhatIsInstalledAnewCounts) {
  UpdateRecord record = updated();
  EXPECT_FALSE(record.beside(kOld));
  EXPECT_TRUE(record.beside(kNewer));
  EXPECT_EQ(record.next(), nullptr);
}

TEST(UpdateRecord, ATrialThatIsBrokenOffIsTriedSoManyTimes) {
  UpdateRecord record;
  for (int trial = 0; trial < kTrialsMax; ++trial)
    EXPECT_TRUE(record.begin_trial(program(kNew, "2.0")));
  const auto done = record.begin_trial(program(kNew, "2.0", 7));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, core::Code::kLimit);
  EXPECT_EQ(judge(record, {core::RunId(7), kNew, "2.0"}, kOld, "1.0").answer,
            Judgement::Answer::kFailedBefore);
  EXPECT_TRUE(record.begin_trial(program(kNew, "2.0", 8)));  // ordered anew
  EXPECT_TRUE(record.begin_trial(program(kNewer, "3.0", 9)));
  EXPECT_EQ(record.trial->attempts, 1);
}

TEST(UpdateRecord, KeepsTwoPrograms) {
  UpdateRecord record;
  for (char c : {'b', 'c', 'd', 'b'}) {
    ASSERT_TRUE(record.begin_trial(program(std::string(64, c), "2.0")));
    record.trial_passed(kOld);
    EXPECT_LE(record.programs.size(), kProgramsMax);
    EXPECT_EQ(record.programs.front().digest[0], c);
  }
}

TEST(UpdateRecord, JudgesWhatIsOrdered) {
  using Answer = Judgement::Answer;
  UpdateRecord record;
  const auto answer = [&](const UpdateWish& wish) {
    return judge(record, wish, kOld, "1.2.0").answer;
  };
  EXPECT_EQ(answer({core::RunId(1), kOld, "9.0"}), Answer::kRunsAlready);
  EXPECT_EQ(answer({core::RunId(1), kNew, "1.10.0+abc"}), Answer::kTry);
  EXPECT_EQ(answer({core::RunId(1), kNew, "1.2.0+abc"}), Answer::kTry);  // another build
  EXPECT_EQ(answer({core::RunId(1), kNew, "1.1.9+abc"}), Answer::kRefused);
  EXPECT_EQ(answer({core::RunId(1), kNew, "1.1.9+abc", true}), Answer::kTry);
  ASSERT_TRUE(record.begin_trial(program(kNew, "2.0", 5)));
  record.trial_failed("it crashed");
  EXPECT_EQ(answer({core::RunId(5), kNew, "2.0"}), Answer::kFailedBefore);
  EXPECT_EQ(answer({core::RunId(6), kNew, "2.0"}), Answer::kTry);
}

TEST(UpdateRecord, IsWrittenAndRead) {
  UpdateRecord record = updated();
  ASSERT_TRUE(record.begin_trial(program(kNewer, "3.0", 0xfedcba9876543210)));
  const UpdateRecord read = read_update_record(to_text(record));
  EXPECT_EQ(to_text(read), to_text(record));
  EXPECT_EQ(read.trial->run.value(), 0xfedcba9876543210);
  EXPECT_EQ(read.programs.front().attempts, 1);
  record.trial_failed("a \"reason\"");
  EXPECT_EQ(read_update_record(to_text(record)).failed->why, "a \"reason\"");
}

TEST(UpdateRecord, WhatCannotBeReadIsNothing) {
  for (const char* text :
       {"", "{", "[]", "{\"programs\": 3, \"trial\": [], \"failed\": \"x\"}",
        "{\"programs\": [{\"digest\": \"../../bin/sh\", \"version\": \"1\"}]}"}) {
    UpdateRecord record = read_update_record(text);
    EXPECT_EQ(record.next(), nullptr) << text;
    EXPECT_FALSE(record.trial) << text;
  }
}

}  // namespace
}  // namespace muster::agent
