// SPDX-License-Identifier: Apache-2.0
//
// UpdateRecord is what an agent remembers of its updates (docs/updates.md): which program is
// started instead of the installed one, which is on trial, what failed.
//
//   installed ──order──▶ trial ──logged in──▶ programs[0] ──▶ started instead, from now on
//                          └──anything else──▶ failed: the old one goes on
//
// Pure logic: no I/O, no clock. Whoever changes it writes it before acting on it.
// Invariants, whenever power fails:
// - only a program that has logged in on trial is among `programs`;
// - one that is started kStartsMax times without a login is never started again by itself;
// - without the record, or beside another installed program, the installed one is started.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/result.h"

namespace muster::agent {

/// Starts of an updated agent that neither log in nor stop in good order, before the one
/// before it comes back.
inline constexpr int kStartsMax = 3;
/// Trials of a program that end with this agent (a kill, a power cut), before it is given up.
inline constexpr int kTrialsMax = 3;
/// What is kept beside the installed program: this one, and the one before.
inline constexpr std::size_t kProgramsMax = 2;

struct Program {
  std::string digest;  ///< SHA-256, 64 hexadecimal characters: its file's name
  std::string version;
  core::RunId run{};  ///< that brought it
  int attempts = 0;   ///< starts since the last login; of `trial`: trials
};

struct FailedUpdate {
  Program program;
  std::string why;
};

struct UpdateRecord {
  std::string installed;          ///< digest of the installed program that `programs` replace
  std::vector<Program> programs;  ///< newest first; the first is started
  std::optional<Program> trial;   ///< begun and not ended
  std::optional<FailedUpdate> failed;

  // --- at the start of the installed program
  /// Another program was installed meanwhile, by hand or by a package: it counts, and what
  /// was kept is forgotten. True where that is so.
  bool beside(std::string_view digest_of_installed);
  /// The program to start instead, which counts as an attempt; null: the installed one.
  const Program* next();
  /// The first of `programs` cannot be used.
  void give_up(std::string why);

  // --- while it runs
  /// The program `digest` has logged in, or was stopped in good order. True: this changed
  /// something.
  bool proven(std::string_view digest);
  /// kLimit: this program's trial was broken off too often.
  core::Status begin_trial(Program program);
  void trial_passed(std::string_view digest_of_installed);
  void trial_failed(std::string why);

  /// True where the file of this digest is still needed.
  bool names(std::string_view digest) const;
};

/// The record as a file has it. What cannot be read is an empty one: the installed program
/// is always good.
std::string to_text(const UpdateRecord& record);
UpdateRecord read_update_record(std::string_view text);

/// What a run asks for, and who is asked.
struct UpdateWish {
  core::RunId run{};
  std::string digest;
  std::string version;
  bool downgrade = false;  ///< an older version than the running one is meant
};
struct Judgement {
  enum class Answer { kTry, kRunsAlready, kFailedBefore, kRefused };
  Answer answer = Answer::kTry;
  std::string why;
};
/// `digest`, `version`: of the running program.
Judgement judge(const UpdateRecord& record, const UpdateWish& wish, std::string_view digest,
                std::string_view version);

/// True for 64 lower-case hexadecimal characters: fit to be a file's name.
bool is_digest(std::string_view text);

}  // namespace muster::agent
