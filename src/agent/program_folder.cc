// SPDX-License-Identifier: Apache-2.0
#include "agent/program_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <fstream>

#include "core/log.h"
#include "core/sha256.h"
#include "runtime/descriptor.h"
#include "runtime/file.h"
#include "runtime/system_calls.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;
using core::Code;
using core::fail;

constexpr std::size_t kRecordBytesMax = 64 * 1024;
constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr const char* kThisProgram = "/proc/self/exe";

/// Calls `take` with each block of the file; kLimit beyond kProgramBytesMax.
template <typename Take>
core::Status read_blocks(const fs::path& path, Take take) {
  const runtime::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return core::fail_errno(errno, "opening " + path.string());
  std::string block(kBlockBytes, '\0');
  std::uint64_t read = 0;
  for (;;) {
    const ssize_t got = ::read(file.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return core::fail_errno(errno, "reading " + path.string());
    if (got == 0) return {};
    read += static_cast<std::uint64_t>(got);
    if (read > kProgramBytesMax) return fail(Code::kLimit, path.string() + " is too large");
    MUSTER_TRY(take(std::string_view(block.data(), static_cast<std::size_t>(got))));
  }
}

/// What an executable is for: the identification of its ELF header (class and byte order),
/// its type of object, and the type of machine; empty where it is none.
std::string kind_of(const fs::path& program) {
  std::array<char, 20> header{};
  std::ifstream file(program, std::ios::binary);
  if (!file.read(header.data(), header.size())) return {};
  const std::string_view text(header.data(), header.size());
  if (!text.starts_with("\177ELF")) return {};
  const char type = header[5] == 2 ? header[17] : header[16];  // 2 program, 3 the same anywhere
  if (type != 2 && type != 3) return {};
  return std::string(text.substr(4, 2)) + std::string(text.substr(18, 2));
}

void sync_folder(const fs::path& folder) {
  const runtime::Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened) (void)::fsync(opened.get());
}

}  // namespace

core::Result<std::string> digest_of(const fs::path& file) {
  core::Sha256 hash;
  MUSTER_TRY(read_blocks(file, [&](std::string_view block) {
    hash.update(block);
    return core::Status{};
  }));
  return hash.finish().str();
}

core::Status check_program(const fs::path& program) {
  const std::string kind = kind_of(program);
  if (kind.empty()) return fail(Code::kInvalid, "it is no program");
  if (kind != kind_of(kThisProgram))
    return fail(Code::kInvalid, "it is a program for another type of machine");
  return {};
}

ProgramFolder::ProgramFolder(const fs::path& folder, Checkpoint checkpoint)
    : folder_(folder), programs_(folder / "programs"), checkpoint_(std::move(checkpoint)) {
  if (const auto text = runtime::read_file(folder_ / "update.json", kRecordBytesMax))
    record_ = read_update_record(*text);
}

core::Status ProgramFolder::save(std::string_view what) {
  MUSTER_TRY(runtime::write_file(folder_ / "update.json", to_text(record_)));
  if (checkpoint_) checkpoint_(what);
  return {};
}

void ProgramFolder::note(std::string_view what) {
  if (const core::Status saved = save(what); !saved)
    core::log(core::Level::kWarn, "agent", saved.error().message);
}

void ProgramFolder::clean() const {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(programs_, failed))
    if (!record_.names(entry.path().filename().string())) fs::remove(entry.path(), failed);
}

std::string ProgramFolder::choose(std::string_view installed) {
  if (record_.beside(installed)) {
    core::log(core::Level::kInfo, "agent", "another agent was installed: it counts");
    note("forgotten");
    clean();
  }
  while (const Program* program = record_.next()) {
    // Without the count on the disk nothing would end a loop of crashes.
    if (const core::Status saved = save("counted"); !saved) {
      core::log(core::Level::kWarn, "agent", "the installed agent is used, not its update",
                {{"why", saved.error().message}});
      return {};
    }
    const auto digest = digest_of(file(program->digest));
    if (digest && *digest == program->digest) return *digest;
    give_up(digest ? "its file is damaged" : digest.error().message);
  }
  if (record_.failed) clean();
  return {};
}

void ProgramFolder::give_up(std::string why) {
  core::log(core::Level::kError, "agent", "an update is given up: the agent before it comes back",
            {{"version", record_.programs.front().version}, {"why", why}});
  record_.give_up(std::move(why));
  note("given up");
}

void ProgramFolder::proven(std::string_view digest) {
  if (record_.proven(digest)) note("proven");
}

core::Status ProgramFolder::stage(const fs::path& from, const std::string& digest) {
  MUSTER_TRY(check_program(from));
  MUSTER_TRY(runtime::make_private_folder(programs_));
  clean();  // of an update that broke off
  const fs::path target = file(digest), fresh = programs_ / (digest + ".new");
  fs::remove(fresh);
  core::Sha256 hash;
  {
    const runtime::Descriptor out(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0700));
    if (!out) return core::fail_errno(errno, "creating " + fresh.string());
    MUSTER_TRY(read_blocks(from, [&](std::string_view block) {
      hash.update(block);
      return runtime::write_all(out.get(), block, fresh);
    }));
    if (::fsync(out.get()) != 0) return core::fail_errno(errno, "syncing " + fresh.string());
  }
  if (checkpoint_) checkpoint_("copied");
  if (hash.finish().str() != digest) {
    fs::remove(fresh);
    return fail(Code::kCorrupt, "it is not what was ordered: its digest differs");
  }
  if (::rename(fresh.c_str(), target.c_str()) != 0)
    return core::fail_errno(errno, "naming " + target.string());
  sync_folder(programs_);
  sync_folder(folder_);
  if (checkpoint_) checkpoint_("staged");
  return {};
}

core::Status ProgramFolder::begin_trial(Program program) {
  const core::Status begun = record_.begin_trial(std::move(program));
  if (!begun) {
    note("given up");
    return begun;
  }
  return save("on trial");
}

core::Status ProgramFolder::trial_passed(std::string_view installed) {
  const UpdateRecord before = record_;
  record_.trial_passed(installed);
  if (core::Status saved = save("switched"); !saved) {
    record_ = before;
    return saved;
  }
  clean();
  if (checkpoint_) checkpoint_("cleaned");
  return {};
}

void ProgramFolder::trial_failed(std::string why) {
  record_.trial_failed(std::move(why));
  note("failed");
  clean();
}

}  // namespace muster::agent
