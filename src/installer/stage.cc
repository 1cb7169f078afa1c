// SPDX-License-Identifier: Apache-2.0
#include "installer/stage.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/bytes.h"

namespace muster::installer {
namespace {

using core::Code;
using core::fail;
using packs::Entry;
using packs::Kind;

/// Of a file system that stays free whatever is installed.
constexpr std::uint64_t kSpareBytes = 16ULL << 20;

std::string megabytes(std::uint64_t bytes) {
  return std::to_string((bytes + (1ULL << 20) - 1) >> 20) + " MB";
}

core::Result<std::string> read_at(int fd, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count =
        ::pread(fd, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return core::fail_errno(errno, "reading");
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

core::Status write_at(int fd, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return core::fail_errno(errno, "writing a file of the pack");
    offset += static_cast<std::uint64_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace

void Stage::add(const Entry& entry, const Folder& folder, std::string path) {
  items_.push_back({&entry, &folder, std::move(path)});
  counts_.bytes += entry.size;
  if (entry.kind == Kind::kFile) ++counts_.files;
}

void Stage::add_source(const packs::Index& of, const Entry& entry, const Folder& folder,
                       std::string path) {
  std::uint64_t offset = 0;
  for (const std::uint32_t number : entry.chunks) {
    const packs::Chunk& chunk = of.chunks[number];
    sources_.try_emplace(chunk.id, Source{&folder, path, offset});
    offset += chunk.size;
  }
}

core::Status Stage::fill() {
  for (std::size_t i = 0; i < items_.size(); ++i) {
    MUSTER_TRY(check_stopped());
    MUSTER_TRY(prepare(i));
  }
  MUSTER_TRY(check_room());
  MUSTER_TRY(reuse());
  MUSTER_TRY(fetch());
  open_file_.reset();
  // Folders last, the inner ones first: one that is not writable any more is filled by then.
  for (const Item& item : items_)
    if (item.entry->kind != Kind::kDirectory) MUSTER_TRY(finish(item));
  for (std::size_t i = items_.size(); i-- > 0;)
    if (items_[i].entry->kind == Kind::kDirectory) MUSTER_TRY(finish(items_[i]));
  return {};
}

core::Status Stage::check_stopped() const {
  if (!port_.stopped()) return {};
  return fail(Code::kCancelled, "it was asked to stop; nothing was changed");
}

void Stage::told(std::uint64_t bytes) {
  done_ += bytes;
  port_.progress(done_, counts_.bytes);
}

/// What is missing must fit; files that are there have their room already.
core::Status Stage::check_room() const {
  std::map<const Folder*, std::uint64_t> needed;
  for (const auto& [chunk, spots] : missing_)
    for (const Spot& spot : spots) needed[items_[spot.item].folder] += index_.chunks[chunk].size;
  for (const auto& [folder, bytes] : needed) {
    MUSTER_ASSIGN(const auto free, folder->free_bytes());
    if (free >= bytes + kSpareBytes) continue;
    return fail(Code::kUnavailable, "the disk is too full: " + megabytes(bytes) +
                                        " are needed below " + folder->shown() + ", " +
                                        megabytes(free) +
                                        " are free; free some space and send the pack again");
  }
  return {};
}

core::Status Stage::prepare(std::size_t number) {
  const Item& item = items_[number];
  if (item.entry->kind == Kind::kFile) return prepare_file(number);
  if (item.entry->kind == Kind::kDirectory) {
    MUSTER_TRY(item.folder->make(item.path, 0700));
    return {};
  }
  MUSTER_ASSIGN(const Place place, item.folder->make_place(item.path));
  MUSTER_TRY(place.folder.remove_tree(place.name));
  if (::symlinkat(item.entry->link.c_str(), place.folder.fd(), place.name.c_str()) == 0) return {};
  return core::fail_errno(errno, "creating the link " + place.shown());
}

core::Status Stage::prepare_file(std::size_t number) {
  const Item& item = items_[number];
  MUSTER_ASSIGN(const Place place, item.folder->make_place(item.path));
  MUSTER_ASSIGN(const auto found, place.look());
  const bool left = found && S_ISREG(found->st_mode) && found->st_nlink == 1 &&
                    static_cast<std::uint64_t>(found->st_size) == item.entry->size;
  if (found && !left) MUSTER_TRY(place.folder.remove_tree(place.name));
  MUSTER_ASSIGN(const auto file, place.folder.open_file(place.name, O_RDWR | O_CREAT));
  if (!left && ::ftruncate(file.get(), static_cast<off_t>(item.entry->size)) != 0)
    return core::fail_errno(errno, "creating " + place.shown());
  std::uint64_t offset = 0;
  for (const std::uint32_t chunk : item.entry->chunks) {
    const std::uint32_t size = index_.chunks[chunk].size;
    bool there = false;
    if (left) {
      MUSTER_ASSIGN(const auto bytes, read_at(file.get(), offset, size));
      there = core::ContentId::of(bytes) == index_.chunks[chunk].id;
    }
    if (there) {
      counts_.kept += size;
      told(size);
    } else {
      missing_[chunk].push_back({number, offset});
    }
    offset += size;
  }
  return {};
}

/// Chunks that lie in files of the installed version.
core::Status Stage::reuse() {
  const Source* open = nullptr;
  runtime::Descriptor file;
  for (auto at = missing_.begin(); at != missing_.end();) {
    const packs::Chunk& chunk = index_.chunks[at->first];
    const auto source = sources_.find(chunk.id);
    if (source == sources_.end()) {
      ++at;
      continue;
    }
    MUSTER_TRY(check_stopped());
    const Source& from = source->second;
    if (!open || open->folder != from.folder || open->path != from.path) {
      auto opened = from.folder->open_file(from.path, O_RDONLY);
      file = opened ? std::move(*opened) : runtime::Descriptor();
      open = &from;
    }
    // Somebody may have changed the file: then the chunk is fetched.
    const auto bytes = file ? read_at(file.get(), from.offset, chunk.size).value_or("") : "";
    if (core::ContentId::of(bytes) != chunk.id) {
      ++at;
      continue;
    }
    MUSTER_TRY(put(at->first, bytes));
    counts_.reused += chunk.size;
    at = missing_.erase(at);
  }
  return {};
}

core::Status Stage::fetch() {
  std::map<std::uint32_t, std::vector<std::uint32_t>> wanted;  // chunks by container
  for (const auto& [chunk, spots] : missing_)
    wanted[index_.chunks[chunk].container].push_back(chunk);
  for (auto& [container, chunks] : wanted) {
    MUSTER_TRY(check_stopped());
    MUSTER_TRY(fetch_container(container, chunks));
  }
  return {};
}

core::Status Stage::fetch_container(std::uint32_t number,
                                    const std::vector<std::uint32_t>& chunks) {
  const packs::Container& container = index_.containers[number];
  auto fetched = port_.containers.fetch(container);
  if (!fetched) {
    // Whoever gets kUnavailable of us takes this disk for full.
    if (fetched.error().code == Code::kUnavailable) fetched.error().code = Code::kTimeout;
    return std::unexpected(std::move(fetched.error()));
  }
  const runtime::Descriptor file = std::move(*fetched);
  counts_.fetched += container.size;
  for (const std::uint32_t wanted : chunks) {
    const packs::Chunk& chunk = index_.chunks[wanted];
    MUSTER_ASSIGN(const auto bytes, read_at(file.get(), chunk.offset, chunk.size));
    if (core::ContentId::of(bytes) != chunk.id)
      return fail(Code::kCorrupt, "the container " + container.id.brief() +
                                      "… does not hold what the pack's index says");
    MUSTER_TRY(put(wanted, bytes));
  }
  port_.containers.release(container);
  return {};
}

core::Status Stage::put(std::uint32_t chunk, std::string_view bytes) {
  for (const Spot& spot : missing_.at(chunk)) {
    const Item& item = items_[spot.item];
    if (open_item_ != spot.item || !open_file_) {
      MUSTER_ASSIGN(open_file_, item.folder->open_file(item.path, O_RDWR));
      open_item_ = spot.item;
    }
    MUSTER_TRY(write_at(open_file_.get(), spot.offset, bytes));
    told(bytes.size());
  }
  return {};
}

core::Status Stage::finish(const Item& item) {
  MUSTER_TRY(check_stopped());
  MUSTER_ASSIGN(const Account account, account_of(*item.entry));
  if (item.entry->kind == Kind::kFile) return finish_file(item, account);
  if (item.entry->kind == Kind::kSymlink) {
    MUSTER_ASSIGN(const Place place, item.folder->place(item.path));
    if (::fchownat(place.folder.fd(), place.name.c_str(), account.uid, account.gid,
                   AT_SYMLINK_NOFOLLOW) == 0)
      return {};
    return core::fail_errno(errno, "setting the owner of " + place.shown());
  }
  MUSTER_ASSIGN(const Folder folder, item.folder->open(item.path));
  if (::fchown(folder.fd(), account.uid, account.gid) != 0 ||
      ::fchmod(folder.fd(), item.entry->mode) != 0)
    return core::fail_errno(errno, "setting owner and mode of " + folder.shown());
  return {};
}

core::Status Stage::finish_file(const Item& item, const Account& account) {
  MUSTER_ASSIGN(const auto file, item.folder->open_file(item.path, O_RDWR));
  const std::string shown = item.folder->shown() + "/" + item.path;
  MUSTER_ASSIGN(const Place place, item.folder->place(item.path));
  // The owner first: changing it takes the set-user-id bit away.
  if (::fchown(file.get(), account.uid, account.gid) != 0 ||
      ::fchmod(file.get(), item.entry->mode) != 0)
    return core::fail_errno(errno, "setting owner and mode of " + shown);
  MUSTER_ASSIGN(const bool good, is_there(place, *item.entry));
  if (good) return {};
  return fail(Code::kCorrupt, shown + " is not what the pack's index says");
}

}  // namespace muster::installer
