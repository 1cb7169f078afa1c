// SPDX-License-Identifier: Apache-2.0
#include "content/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "content/cache.h"
#include "content/tests/fakes.h"
#include "runtime/file.h"

namespace muster::content {
namespace {

namespace fs = std::filesystem;
using core::Code;
using testing::bytes_of;

unsigned mode_of(const fs::path& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777U;
}

class LayoutTest : public ::testing::Test {
 protected:
  testing::TemporaryFolder temporary_;
  std::unique_ptr<Cache> cache_ =
      std::move(*Cache::open_folder({.folder = temporary_.path() / "cache"}));
  const fs::path runs_ = temporary_.path() / "runs";

  ContentId put(const std::string& bytes) { return cache_->put(bytes).value()->id(); }
  RunFolder folder(bool other_user = false) { return *RunFolder::make(runs_, other_user); }
};

TEST(CheckPath, AcceptsWhatIsInsideOnly) {
  for (const char* good : {"a", "bin/tool", "lib/über.py", "...", "a..b", ".hidden/x", "a b"})
    EXPECT_TRUE(check_path(good)) << good;
  const std::string deep = [] {
    std::string path = "a";
    for (int i = 0; i < 40; ++i) path += "/a";
    return path;
  }();
  for (const std::string& bad :
       {std::string(), std::string("/etc/passwd"), std::string(".."), std::string("a/../b"),
        std::string("./a"), std::string("a//b"), std::string("a/"), std::string("a\\b"),
        std::string("a\0b", 3), std::string("a\nb"), std::string("\xff"), std::string(300, 'x'),
        deep}) {
    const auto checked = check_path(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().code, Code::kInvalid);
  }
}

TEST_F(LayoutTest, LaysFilesOutWithTheirModes) {
  const std::vector<LayoutFile> files{{"bin/tool", put(bytes_of(700'000, 1)), true},
                                      {"share/data/list", put("words\n"), false},
                                      {"empty", put(""), false}};
  const RunFolder run = folder();
  ASSERT_TRUE(lay_out(*cache_, run.path(), files));
  EXPECT_EQ(runtime::read_file(run.path() / "bin/tool").value(), bytes_of(700'000, 1));
  EXPECT_EQ(runtime::read_file(run.path() / "share/data/list").value(), "words\n");
  EXPECT_EQ(runtime::read_file(run.path() / "empty").value(), "");
  EXPECT_EQ(mode_of(run.path()), 0700U);
  EXPECT_EQ(mode_of(run.path() / "bin"), 0755U);
  EXPECT_EQ(mode_of(run.path() / "bin/tool"), 0555U);
  EXPECT_EQ(mode_of(run.path() / "empty"), 0444U);
  EXPECT_EQ(mode_of(folder(true).path()), 0755U);
}

TEST_F(LayoutTest, WhatHappensToTheCacheLaterDoesNotReachARun) {
  const ContentId id = put("#!/bin/sh\necho right\n");
  const RunFolder run = folder();
  ASSERT_TRUE(lay_out(*cache_, run.path(), {{{"tool", id, true}}}));
  const fs::path object = temporary_.path() / "cache/objects" / id.str();
  fs::permissions(object, fs::perms::owner_write, fs::perm_options::add);
  std::ofstream(object, std::ios::in) << "#!/bin/sh\necho wrong\n";  // in place: the same inode
  EXPECT_EQ(runtime::read_file(run.path() / "tool").value(), "#!/bin/sh\necho right\n");
  fs::remove_all(temporary_.path() / "cache");
  EXPECT_EQ(runtime::read_file(run.path() / "tool").value(), "#!/bin/sh\necho right\n");
}

TEST_F(LayoutTest, LinksWhereThatIsAsked) {
  const ContentId id = put(bytes_of(300'000, 1));
  const fs::path object = temporary_.path() / "cache/objects" / id.str();
  {
    const RunFolder run = folder();
    ASSERT_TRUE(lay_out(*cache_, run.path(), {{{"in/big", id, false, true}, {"copy", id}}}));
    EXPECT_TRUE(fs::equivalent(run.path() / "in/big", object));
    EXPECT_FALSE(fs::equivalent(run.path() / "copy", object));
    EXPECT_EQ(mode_of(run.path() / "in/big"), 0400U);
  }
  EXPECT_TRUE(cache_->open(id)) << "the end of a run with a link to it leaves it as it is";
  const RunFolder run = folder();
  ASSERT_TRUE(lay_out(*cache_, run.path(), {{{"big", id, false, true}}}));
  EXPECT_TRUE(cache_->remove(id));
  EXPECT_EQ(runtime::read_file(run.path() / "big").value(), bytes_of(300'000, 1));
}

TEST_F(LayoutTest, CopiesWhatCannotBeLinked) {
  testing::MemoryStore memory;
  const ContentId id = memory.add("bytes in memory");
  const RunFolder run = folder();
  ASSERT_TRUE(lay_out(memory, run.path(), {{{"file", id, false, true}}}));
  EXPECT_EQ(runtime::read_file(run.path() / "file").value(), "bytes in memory");
  // Evicted while it is held: there is no file any more that could have another name.
  const ContentId evicted = put("evicted");
  const auto held = cache_->open(evicted).value();
  ASSERT_TRUE(fs::remove(temporary_.path() / "cache/objects" / evicted.str()));
  EXPECT_FALSE(held->link(run.path() / "evicted"));
  EXPECT_EQ(testing::all_of(*held), "evicted");
}

TEST_F(LayoutTest, NamesTheObjectThatIsMissing) {
  const ContentId there = put("there");
  const ContentId missing = ContentId::of("missing");
  const RunFolder run = folder();
  const auto failed = lay_out(*cache_, run.path(), {{{"a", there, false}, {"b", missing, false}}});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().object, missing);
}

/// Rots between the moment it is opened and the moment it is copied.
class RottingStore final : public Store {
 public:
  explicit RottingStore(testing::MemoryStore& store) : store_(store) {}
  core::Result<ObjectPtr> open(const ContentId& id) override {
    auto object = store_.open(id);
    store_.objects.at(id)->front() ^= 1;
    return object;
  }
  core::Result<std::unique_ptr<Incoming>> begin(const ContentId& id, std::uint64_t total) override {
    return store_.begin(id, total);
  }

 private:
  testing::MemoryStore& store_;
};

TEST_F(LayoutTest, HashesWhatItCopies) {
  testing::MemoryStore memory;
  const ContentId id = memory.add("verified when it was opened");
  RottingStore store(memory);
  const RunFolder run = folder();
  const auto failed = lay_out(store, run.path(), {{{"tool", id, true}}});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().error.code, Code::kCorrupt);
  EXPECT_EQ(failed.error().object, id);
}

TEST_F(LayoutTest, RefusesPathsThatLeaveOrCollide) {
  const ContentId id = put("x");
  for (const std::vector<LayoutFile>& files :
       {std::vector<LayoutFile>{{"../out", id, false}},
        std::vector<LayoutFile>{{"a", id, false}, {"a", id, false}},
        std::vector<LayoutFile>{{"a", id, false}, {"a/b", id, false}},
        std::vector<LayoutFile>{{"a/b", id, false}, {"a", id, false}}}) {
    const RunFolder run = folder();
    const auto failed = lay_out(*cache_, run.path(), files);
    ASSERT_FALSE(failed);
    EXPECT_FALSE(failed.error().object);
  }
  EXPECT_FALSE(fs::exists(runs_ / "out"));
}

TEST_F(LayoutTest, ARunsFolderGoesWithTheRun) {
  fs::path path;
  {
    RunFolder run = folder();
    path = run.path();
    // What a method may leave.
    fs::create_directories(path / "locked/inner");
    std::ofstream(path / "locked/inner/file") << "x";
    fs::permissions(path / "locked/inner", fs::perms::none);
    fs::permissions(path / "locked", fs::perms::owner_read);
    const RunFolder moved = std::move(run);
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(LayoutTest, LeftoversGo) {
  fs::create_directories(runs_ / "old/deep");
  std::ofstream(runs_ / "file") << "x";
  RunFolder::remove_leftovers(runs_);
  EXPECT_TRUE(fs::is_empty(runs_));
  RunFolder::remove_leftovers(temporary_.path() / "none");
}

}  // namespace
}  // namespace muster::content
