// SPDX-License-Identifier: Apache-2.0
#include "packs/builder.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <map>
#include <tuple>

#include "content/chunker.h"
#include "core/bytes.h"
#include "core/sha256.h"
#include "runtime/descriptor.h"
#include "runtime/file.h"

namespace muster::packs {
namespace {

namespace fs = std::filesystem;
using core::Code;
using core::fail;

constexpr std::size_t kReadBytes = 1024 * 1024;
/// New chunks are gathered up to so much; large packs have larger ones, so that they keep
/// within the number of containers.
constexpr std::uint64_t kContainerBytes = 16ULL << 20;
constexpr std::uint64_t kContainersWanted = 1000;
/// Chunks are so small on average that a change of 64 KiB costs little more than that. A pack
/// of more bytes than kFineBytes has larger ones: their number is limited.
constexpr std::uint32_t kChunkBytes = 8 * 1024;
constexpr std::uint64_t kFineBytes = 8ULL << 30;
/// A container of an older version is used while so much of it is still needed, in percent.
/// More would send again what did not change, less would have a host fetch what nobody needs.
constexpr std::uint64_t kUsedPercentMin = 33;
/// Small containers that add up over many versions are written anew together.
constexpr std::uint64_t kSmallBytes = 4ULL << 20;
constexpr std::size_t kSmallMax = 64;
constexpr std::uint32_t kNowhere = UINT32_MAX;

core::Result<runtime::Descriptor> open_file(const fs::path& path) {
  runtime::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) return core::fail_errno(errno, "reading " + path.string());
  return file;
}

class Builder {
 public:
  Builder(const fs::path& folder, const Description& description, const Index* before)
      : folder_(folder), description_(description), before_(before) {}

  core::Result<BuiltPack> build() {
    Index& index = built_.index;
    index.name = description_.name;
    index.description = description_.description;
    for (const auto& target : description_.targets) index.targets.push_back(target.to);
    for (std::uint32_t i = 0; i < description_.targets.size(); ++i) MUSTER_TRY(walk(i));
    index.pre = description_.pre;
    index.post = description_.post;
    MUSTER_TRY(add_steps());
    std::ranges::sort(index.entries, {}, [](const Entry& entry) {
      return std::tuple(entry.target, std::string_view(entry.path));
    });
    MUSTER_TRY(check_counts());
    choose_chunks();
    for (Entry& entry : index.entries)
      if (entry.kind == Kind::kFile) MUSTER_TRY(cut(entry));
    choose_version();
    reuse();
    MUSTER_TRY(fill_containers());
    for (Entry& entry : index.entries)
      for (std::uint32_t& chunk : entry.chunks) chunk = place_[chunk];
    built_.encoded = encode(index);
    // What a receiver would refuse is better refused here.
    MUSTER_TRY(read_outline(built_.encoded));
    return std::move(built_);
  }

 private:
  core::Status check_counts() const {
    if (built_.index.entries.size() <= kEntriesMax) return {};
    return fail(Code::kLimit, "the pack has " + std::to_string(built_.index.entries.size()) +
                                  " files and folders; " + std::to_string(kEntriesMax) +
                                  " are allowed");
  }

  core::Status walk(std::uint32_t target) {
    const fs::path root = folder_ / description_.targets[target].from;
    std::error_code failed;
    if (!fs::is_directory(fs::symlink_status(root, failed)))
      return fail(Code::kNotFound, "there is no folder " + root.string() + " (a target's from)");
    for (auto it = fs::recursive_directory_iterator(root, failed);
         !failed && it != fs::recursive_directory_iterator(); it.increment(failed)) {
      const std::string path = it->path().lexically_relative(root).generic_string();
      MUSTER_TRY(add(target, path, it->path()));
      MUSTER_TRY(check_counts());
    }
    if (failed) return fail(Code::kIo, "reading " + root.string() + ": " + failed.message());
    return {};
  }

  core::Status add(std::uint32_t target, const std::string& path, const fs::path& source) {
    struct stat found{};
    if (::lstat(source.c_str(), &found) != 0) return core::fail_errno(errno, source.string());
    const DescribedTarget& described = description_.targets[target];
    Entry entry;
    entry.target = target;
    entry.path = path;
    entry.owner = described.owner;
    entry.group = described.group;
    entry.mode = found.st_mode & 0777;
    if (S_ISREG(found.st_mode)) {
      entry.size = static_cast<std::uint64_t>(found.st_size);
    } else if (S_ISDIR(found.st_mode)) {
      entry.kind = Kind::kDirectory;
    } else if (S_ISLNK(found.st_mode)) {
      entry.kind = Kind::kSymlink;
      std::error_code failed;
      entry.link = fs::read_symlink(source, failed).string();
      if (failed) return fail(Code::kIo, "reading " + source.string() + ": " + failed.message());
    } else {
      return fail(Code::kInvalid, source.string() + " is neither a file, a folder nor a link");
    }
    apply_rules(described.from + "/" + path, entry);
    if (entry.kind == Kind::kSymlink) entry.mode = 0;
    sources_[{target, path}] = source;
    built_.index.entries.push_back(std::move(entry));
    return {};
  }

  void apply_rules(const std::string& path, Entry& entry) const {
    for (const Rule& rule : description_.rules) {
      if (::fnmatch(rule.pattern.c_str(), path.c_str(), 0) != 0) continue;
      if (rule.owner) entry.owner = *rule.owner;
      if (rule.group) entry.group = *rule.group;
      if (rule.mode && entry.kind == Kind::kFile) entry.mode = *rule.mode;
    }
  }

  core::Status add_steps() {
    for (const std::string& path : {description_.pre, description_.post}) {
      const auto at = std::pair(built_.index.steps(), path);
      if (path.empty() || sources_.contains(at)) continue;
      const fs::path source = folder_ / path;
      struct stat found{};
      if (::lstat(source.c_str(), &found) != 0 || !S_ISREG(found.st_mode))
        return fail(Code::kNotFound, "there is no file " + source.string() + " (a step)");
      Entry entry;
      entry.target = built_.index.steps();
      entry.path = path;
      entry.mode = 0700;
      entry.size = static_cast<std::uint64_t>(found.st_size);
      sources_[at] = source;
      built_.index.entries.push_back(std::move(entry));
    }
    return {};
  }

  /// As the older version was cut, so that they have much in common; unless that does not fit.
  void choose_chunks() {
    std::uint32_t wanted = kChunkBytes;
    while (built_.index.bytes() / wanted > kFineBytes / kChunkBytes) wanted *= 2;
    const std::uint32_t old = before_ ? before_->chunk_bytes : 0;
    const bool fits = old >= wanted / 2 && old <= 2 * wanted && std::has_single_bit(old) &&
                      old >= kChunkBytes && old <= content::kChunkBytesAverageMax;
    built_.index.chunk_bytes = fits ? old : wanted;
  }

  /// Cuts a file into chunks, and hashes it and them.
  core::Status cut(Entry& entry) {
    const fs::path& source = sources_.at({entry.target, entry.path});
    MUSTER_ASSIGN(const auto file, open_file(source));
    content::Chunker chunker(built_.index.chunk_bytes);
    core::Sha256 whole, chunk;
    std::string buffer(kReadBytes, '\0');
    std::uint64_t begin = 0, end = 0;
    const auto finish = [&] {
      entry.chunks.push_back(
          chunk_number(chunk.finish(), {source, begin, static_cast<std::uint32_t>(end - begin)}));
      begin = end;
    };
    for (;;) {
      const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
      if (count < 0) return core::fail_errno(errno, "reading " + source.string());
      if (count == 0) break;
      std::string_view rest(buffer.data(), static_cast<std::size_t>(count));
      whole.update(rest);
      while (!rest.empty()) {
        const auto cut_at = chunker.next_cut(rest);
        const std::size_t taken = cut_at.value_or(rest.size());
        chunk.update(rest.substr(0, taken));
        rest.remove_prefix(taken);
        end += taken;
        if (cut_at) finish();
      }
    }
    if (end > begin) finish();
    if (end != entry.size)
      return fail(Code::kConflict, source.string() + " changed while it was read");
    entry.sha256 = whole.finish();
    return {};
  }

  std::uint32_t chunk_number(const core::ContentId& id, Piece piece) {
    const auto number = static_cast<std::uint32_t>(where_.size());
    const auto [at, fresh] = numbers_.emplace(id, number);
    if (!fresh) return at->second;
    where_.push_back({id, std::move(piece)});
    return number;
  }

  /// Without a version in pack.toml: one made of what it holds, so that the same is the same.
  void choose_version() {
    Index& index = built_.index;
    index.version = description_.version;
    if (!index.version.empty()) return;
    Index bare = index;
    bare.chunk_bytes = 0;
    for (Entry& entry : bare.entries) entry.chunks.clear();
    index.version = "0-" + core::to_hex(core::sha256(encode(bare))).substr(0, 12);
  }

  /// The chunks that containers of the older version have, where enough of these is needed.
  void reuse() {
    place_.assign(where_.size(), kNowhere);
    if (!before_) return;
    std::vector<std::uint64_t> needed(before_->containers.size(), 0);
    for (const Chunk& chunk : before_->chunks)
      if (numbers_.contains(chunk.id)) needed[chunk.container] += chunk.size;
    std::size_t small = 0;
    for (std::size_t i = 0; i < needed.size(); ++i)
      small += needed[i] > 0 && before_->containers[i].size < kSmallBytes ? 1 : 0;
    std::size_t chunks = 0;
    std::vector<std::uint32_t> new_number(before_->containers.size(), kNowhere);
    for (std::size_t i = 0; i < needed.size(); ++i) {
      const Container& container = before_->containers[i];
      if (needed[i] == 0 || needed[i] * 100 < container.size * kUsedPercentMin) continue;
      if (small > kSmallMax && container.size < kSmallBytes) continue;
      // There must be room for what is new, also where all of it is.
      if (built_.index.containers.size() >= kContainersMax / 2 ||
          chunks + container.count > kChunksMax / 2)
        break;
      chunks += container.count;
      new_number[i] = static_cast<std::uint32_t>(built_.index.containers.size());
      built_.index.containers.push_back(container);
      built_.index.containers.back().table = table_number(before_->tables[container.table]);
      built_.pieces.emplace_back();
    }
    for (Chunk chunk : before_->chunks) {
      if (new_number[chunk.container] == kNowhere) continue;
      chunk.container = new_number[chunk.container];
      if (const auto found = numbers_.find(chunk.id);
          found != numbers_.end() && place_[found->second] == kNowhere)
        place_[found->second] = static_cast<std::uint32_t>(built_.index.chunks.size());
      built_.index.chunks.push_back(chunk);
    }
  }

  std::uint32_t table_number(const Table& table) {
    auto& tables = built_.index.tables;
    const auto at = std::ranges::find(tables, table);
    const auto number = static_cast<std::uint32_t>(at - tables.begin());
    if (at == tables.end()) tables.push_back(table);
    return number;
  }

  core::Status fill_containers() {
    Index& index = built_.index;
    const std::uint64_t room = std::clamp(index.bytes() / kContainersWanted, kContainerBytes,
                                          kContainerBytesMax - content::kChunkBytesMax);
    const std::size_t first = index.containers.size();
    for (std::size_t i = 0; i < where_.size(); ++i) {
      if (place_[i] != kNowhere) continue;
      if (index.containers.size() == first || index.containers.back().size >= room) {
        index.containers.emplace_back();
        built_.pieces.emplace_back();
      }
      Container& container = index.containers.back();
      const auto& [id, piece] = where_[i];
      place_[i] = static_cast<std::uint32_t>(index.chunks.size());
      index.chunks.push_back({id, static_cast<std::uint32_t>(index.containers.size() - 1),
                              container.size, piece.size});
      container.size += piece.size;
      built_.pieces.back().push_back(piece);
      built_.fresh_bytes += piece.size;
    }
    for (std::size_t i = first; i < index.containers.size(); ++i) {
      MUSTER_ASSIGN(index.containers[i].id, hash(built_.pieces[i]));
    }
    built_.tables = make_tables(index, first);
    return {};
  }

  static core::Result<core::ContentId> hash(const std::vector<Piece>& pieces);

  const fs::path& folder_;
  const Description& description_;
  const Index* const before_;
  BuiltPack built_;
  std::map<std::pair<std::uint32_t, std::string>, fs::path> sources_;
  // Chunks of the files are numbered as they come; then each gets its place in the index.
  std::map<core::ContentId, std::uint32_t> numbers_;
  std::vector<std::pair<core::ContentId, Piece>> where_;
  std::vector<std::uint32_t> place_;
};

template <typename Take>
core::Status read_pieces(const std::vector<Piece>& pieces, Take take) {
  runtime::Descriptor file;
  const fs::path* open = nullptr;
  std::string buffer;
  for (const Piece& piece : pieces) {
    if (!open || *open != piece.file) {
      MUSTER_ASSIGN(file, open_file(piece.file));
      open = &piece.file;
    }
    buffer.resize(piece.size);
    const ssize_t count =
        ::pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(piece.offset));
    if (count != static_cast<ssize_t>(buffer.size()))
      return fail(Code::kConflict, piece.file.string() + " changed while it was read");
    take(buffer);
  }
  return {};
}

core::Result<core::ContentId> Builder::hash(const std::vector<Piece>& pieces) {
  core::Sha256 hash;
  MUSTER_TRY(read_pieces(pieces, [&](const std::string& bytes) { hash.update(bytes); }));
  return hash.finish();
}

}  // namespace

core::Result<Description> describe_folder(const fs::path& folder) {
  const fs::path file = folder / "pack.toml";
  auto text = runtime::read_file(file, kDescriptionFileBytesMax);
  if (!text && text.error().code == Code::kNotFound)
    return fail(Code::kNotFound, "there is no " + file.string() + ": it says what the pack is");
  if (!text) return std::unexpected(std::move(text.error()));
  auto read = read_description(*text);
  if (!read) return std::unexpected(std::move(read.error()).while_doing(file.string()));
  return read;
}

core::Result<BuiltPack> build_pack(const fs::path& folder, const Description& description,
                                   const Index* before) {
  return Builder(folder, description, before).build();
}

core::Result<std::string> container_bytes(const BuiltPack& pack, std::size_t container) {
  const Container& wanted = pack.index.containers.at(container);
  std::string bytes;
  bytes.reserve(wanted.size);
  MUSTER_TRY(
      read_pieces(pack.pieces.at(container), [&](const std::string& piece) { bytes += piece; }));
  if (core::ContentId::of(bytes) == wanted.id) return bytes;
  return fail(Code::kConflict, "a file of the pack changed while it was published: publish again");
}

}  // namespace muster::packs
