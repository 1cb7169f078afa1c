// SPDX-License-Identifier: Apache-2.0
#include "installer/state.h"

#include <fcntl.h>
#include <sys/file.h>

#include <set>

#include "core/bytes.h"
#include "runtime/file.h"

namespace muster::installer {
namespace {

using core::Code;
using core::fail;

constexpr std::size_t kJournalBytesMax = 64ULL << 20;
constexpr std::uint32_t kFormat = 1;

std::string short_name(const core::ContentId& id) {
  return core::to_hex(id.bytes()).substr(0, 16);
}

}  // namespace

core::Result<State> State::open(const std::filesystem::path& base, const std::string& pack) {
  MUSTER_ASSIGN(const Folder parent, Folder::make_path(base.parent_path().string(), 0755));
  MUSTER_ASSIGN(const Folder all, parent.make_private(base.filename().string()));
  MUSTER_ASSIGN(Folder folder, all.make_private(pack));
  MUSTER_ASSIGN(auto lock, folder.open_file("lock", O_RDWR | O_CREAT));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Code::kConflict, "another run works on the pack " + pack +
                                     " on this machine: wait for its end, then try again");
  return State(base / pack, std::move(folder), std::move(lock));
}

std::optional<wire::PackInstalled> State::installed() const {
  const auto bytes = runtime::read_file(path_ / "installed", kJournalBytesMax);
  wire::PackInstalled read;
  if (!bytes || !read.ParseFromString(*bytes) || read.format() != kFormat) return std::nullopt;
  return read;
}

core::Status State::set_installed(const wire::PackInstalled& installed) {
  wire::PackInstalled written = installed;
  written.set_format(kFormat);
  return runtime::write_file(path_ / "installed", written.SerializeAsString());
}

core::Result<std::optional<wire::PackSwitch>> State::journal() const {
  const auto file = path_ / "journal";
  auto bytes = runtime::read_file(file, kJournalBytesMax);
  if (!bytes && bytes.error().code == Code::kNotFound) return std::nullopt;
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  wire::PackSwitch read;
  if (read.ParseFromString(*bytes)) return read;
  return fail(Code::kCorrupt, file.string() +
                                  " is damaged: an interrupted switch cannot be put right; look at "
                                  "the pack's folders, then remove this file");
}

core::Status State::set_journal(const wire::PackSwitch& journal) {
  return runtime::write_file(path_ / "journal", journal.SerializeAsString());
}

core::Status State::clear_journal() {
  if (::unlinkat(folder_.fd(), "journal", 0) != 0 && errno != ENOENT)
    return core::fail_errno(errno, "removing the journal");
  return folder_.sync();
}

core::Status State::keep_index(const core::ContentId& id, std::string_view whole) {
  return runtime::write_file(path_ / ("index-" + short_name(id)), whole);
}

std::optional<packs::Whole> State::whole(const core::ContentId& id) const {
  const auto bytes = runtime::read_file(path_ / ("index-" + short_name(id)), packs::kWholeBytesMax);
  if (!bytes) return std::nullopt;
  auto read = packs::read_whole(*bytes);
  if (!read || core::ContentId::of(read->encoded) != id) return std::nullopt;
  return std::move(*read);
}

std::optional<packs::Index> State::index(const core::ContentId& id) const {
  auto read = whole(id);
  if (!read) return std::nullopt;
  return std::move(read->index);
}

core::Result<Folder> State::steps(const core::ContentId& index) const {
  return folder_.make_private("steps-" + short_name(index));
}

std::filesystem::path State::steps_path(const core::ContentId& index) const {
  return path_ / ("steps-" + short_name(index));
}

void State::forget_others(const wire::PackInstalled& installed) {
  std::set<std::string> kept;
  for (const auto* version : {&installed.now(), &installed.before()})
    if (const auto id = core::ContentId::from_bytes(version->index())) kept.insert(short_name(*id));
  const auto names = folder_.names();
  if (!names) return;
  for (const std::string& name : *names) {
    const auto dash = name.find('-');
    if (dash == name.npos || kept.contains(name.substr(dash + 1))) continue;
    // What cannot be removed now is removed after the next switch.
    if (const auto removed = folder_.remove_tree(name); !removed) continue;
  }
}

}  // namespace muster::installer
