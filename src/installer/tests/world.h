// SPDX-License-Identifier: Apache-2.0
//
// A machine with a folder for each target, packs made in memory, and containers from there.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "core/bytes.h"
#include "installer/installer.h"

namespace muster::installer::testing {

namespace fs = std::filesystem;

/// Files by absolute path: their bytes, or "-> where" of a link.
using Tree = std::map<std::string, std::string>;

struct MadePack final : Containers {
  packs::Index index;
  std::string encoded;
  std::map<core::ContentId, std::string> containers;
  packs::Tables tables;
  fs::path scratch;
  std::uint64_t fetches = 0;
  bool broken = false;  ///< the link is lost

  core::Result<runtime::Descriptor> fetch(const packs::Container& container) override {
    if (broken) return core::fail(core::Code::kUnavailable, "the link is lost");
    ++fetches;
    std::ofstream(scratch, std::ios::binary) << containers.at(container.id);
    return runtime::Descriptor(::open(scratch.c_str(), O_RDONLY | O_CLOEXEC));
  }
  core::Result<std::string> fetch_table(const packs::Table& table) override {
    if (broken) return core::fail(core::Code::kUnavailable, "the link is lost");
    return tables.at(table.id);
  }
  void release(const packs::Container&) override {}
};

class World : public ::testing::Test {
 protected:
  World() {
    std::string name = (fs::temp_directory_path() / "muster-installer-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    for (const char* folder : {"opt", "etc", "var"}) fs::create_directory(root_ / folder);
  }
  ~World() override { fs::remove_all(root_); }

  std::string at(const std::string& path) const { return (root_ / path).string(); }
  void write(const std::string& path, std::string_view bytes) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << bytes;
  }
  static std::string read(const fs::path& path) {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return bytes.str();
  }
  /// All below `opt` and `etc`, but for the pack's own folders.
  Tree tree() const {
    Tree found;
    for (const char* top : {"opt", "etc"})
      for (auto it = fs::recursive_directory_iterator(root_ / top);
           it != fs::recursive_directory_iterator(); ++it) {
        if (it->path().filename().string().starts_with(".muster-pack."))
          it.disable_recursion_pending();
        else if (it->is_symlink())
          found[it->path().string()] = "-> " + fs::read_symlink(it->path()).string();
        else if (it->is_regular_file())
          found[it->path().string()] = read(it->path());
      }
    return found;
  }

  /// A pack of these files, by paths such as "opt/webapp/run" and "etc/x"; each is one chunk
  /// and one container. `steps`: pre and post, as shell lines.
  MadePack pack(const std::string& version, const Tree& files, const std::string& pre = {},
                const std::string& post = {}) const {
    MadePack made;
    made.scratch = root_ / "var/container";
    made.index.name = "webapp";
    made.index.version = version;
    made.index.targets = {{at("opt/webapp"), true}, {at("etc"), false}};
    std::map<std::pair<std::uint32_t, std::string>, std::string> entries;
    for (const auto& [path, bytes] : files) {
      const bool owned = path.starts_with("opt/webapp/");
      entries[{owned ? 0 : 1, path.substr(owned ? 11 : 4)}] = bytes;
    }
    if (!pre.empty()) entries[{2, made.index.pre = "pre.sh"}] = "#!/bin/sh\n" + pre + "\n";
    if (!post.empty()) entries[{2, made.index.post = "post.sh"}] = "#!/bin/sh\n" + post + "\n";
    for (const auto& [where, bytes] : entries) add(made, where.first, where.second, bytes);
    made.tables = packs::make_tables(made.index, 0);
    made.encoded = packs::encode(made.index);
    return made;
  }

  Options options(Checkpoint checkpoint = [](std::string_view) {}) const {
    Options made;
    made.state = root_ / "var/packs";
    made.progress = [](std::string_view, std::uint64_t, std::uint64_t) {};
    made.stopped = [] { return false; };
    made.checkpoint = std::move(checkpoint);
    return made;
  }
  Installer open(Checkpoint checkpoint = [](std::string_view) {}) const {
    auto opened = Installer::open("webapp", options(std::move(checkpoint)));
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    return std::move(*opened);
  }
  core::Result<Report> apply(MadePack& pack) const { return open().apply(pack.encoded, pack); }

  fs::path root_;

 private:
  static void add(MadePack& made, std::uint32_t target, const std::string& path,
                  const std::string& bytes) {
    packs::Entry entry;
    entry.target = target;
    entry.path = path;
    for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
      const std::string folder = path.substr(0, slash);
      if (target != 0 || made.index.find(target, folder)) continue;
      packs::Entry above;
      above.path = folder;
      above.kind = packs::Kind::kDirectory;
      above.mode = 0755;
      made.index.entries.push_back(above);
    }
    if (bytes.starts_with("-> ")) {
      entry.kind = packs::Kind::kSymlink;
      entry.link = bytes.substr(3);
    } else {
      entry.mode = target == 2 ? 0700 : 0644;
      entry.size = bytes.size();
      entry.sha256 = core::ContentId::of(bytes);
      const auto number = static_cast<std::uint32_t>(made.index.chunks.size());
      if (!bytes.empty()) {
        entry.chunks = {number};
        made.index.chunks.push_back(
            {entry.sha256, number, 0, static_cast<std::uint32_t>(bytes.size())});
        made.index.containers.push_back({.id = entry.sha256, .size = bytes.size()});
        made.containers[entry.sha256] = bytes;
      }
    }
    made.index.entries.push_back(std::move(entry));
  }
};

}  // namespace muster::installer::testing
