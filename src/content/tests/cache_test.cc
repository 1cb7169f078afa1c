// SPDX-License-Identifier: Apache-2.0
#include "content/cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "content/tests/fakes.h"
#include "runtime/file.h"

namespace muster::content {
namespace {

namespace fs = std::filesystem;
using core::Code;
using testing::all_of;
using testing::bytes_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CacheTest : public ::testing::Test {
 protected:
  testing::TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path() / "cache";

  std::unique_ptr<Cache> open(CacheOptions options = {}) {
    options.folder = folder_;
    auto cache = Cache::open_folder(options);
    EXPECT_TRUE(cache) << cache.error().message;
    return std::move(*cache);
  }
  fs::path file_of(const ContentId& id) const { return folder_ / "objects" / id.str(); }
  void overwrite(const fs::path& path, const std::string& bytes) {
    fs::permissions(path, fs::perms::owner_write, fs::perm_options::add);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  std::vector<std::string> incoming() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ / "incoming"))
      names.push_back(entry.path().filename());
    return names;
  }
};

TEST_F(CacheTest, KeepsWhatWasPutAndReadsRanges) {
  const auto cache = open();
  const std::string bytes = bytes_of(300'000, 1);
  const auto object = cache->put(bytes).value();
  EXPECT_EQ(object->id(), ContentId::of(bytes));
  EXPECT_EQ(all_of(*object), bytes);
  EXPECT_EQ(object->read(299'990, 10).value(), bytes.substr(299'990));
  EXPECT_EQ(object->read(300'000, 0).value(), "");
  EXPECT_EQ(all_of(*cache->open(object->id()).value()), bytes);
  EXPECT_THAT(cache->list(), ElementsAre(object->id()));
  EXPECT_EQ(cache->stats().bytes, bytes.size());
  EXPECT_THAT(incoming(), IsEmpty());
}

TEST_F(CacheTest, KeepsNothingAsAnObjectToo) {
  const auto cache = open();
  const auto object = cache->put("").value();
  EXPECT_EQ(object->id().str(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(cache->open(object->id()).value()->size(), 0U);
}

TEST_F(CacheTest, PutsAFile) {
  const auto cache = open();
  const fs::path file = temporary_.path() / "tool";
  ASSERT_TRUE(runtime::write_file(file, bytes_of(500'000, 2)));
  const auto object = cache->put_file(file).value();
  EXPECT_EQ(all_of(*object), bytes_of(500'000, 2));
  EXPECT_EQ(cache->put_file(temporary_.path() / "none").error().code, Code::kNotFound);
  EXPECT_EQ(cache->put_file(temporary_.path()).error().code, Code::kInvalid);
}

TEST_F(CacheTest, SurvivesAsFolder) {
  const ContentId id = open()->put("lasting").value()->id();
  const auto cache = open();
  EXPECT_TRUE(cache->has(id));
  EXPECT_EQ(cache->stats().bytes, 7U);
  EXPECT_EQ(all_of(*cache->open(id).value()), "lasting");
}

TEST_F(CacheTest, WhatIsDamagedIsMissingAndRemoved) {
  const auto cache = open();
  const std::string bytes = bytes_of(10'000, 3);
  const ContentId id = ContentId::of(bytes);
  std::string flipped = bytes;
  flipped[5'000] ^= 1;
  int damaged = 0;
  for (const std::string& instead : {flipped, bytes.substr(1), bytes + "x", std::string()}) {
    ASSERT_TRUE(cache->put(bytes));
    overwrite(file_of(id), instead);
    EXPECT_EQ(cache->open(id).error().code, Code::kNotFound);
    EXPECT_FALSE(fs::exists(file_of(id)));
    EXPECT_EQ(cache->stats().damaged, static_cast<std::uint64_t>(++damaged));
  }
  // put() does not believe in a name either.
  ASSERT_TRUE(cache->put(bytes));
  overwrite(file_of(id), flipped);
  EXPECT_EQ(all_of(*cache->put(bytes).value()), bytes);
}

TEST_F(CacheTest, WhatIsNoFileIsMissingAndRemoved) {
  const auto cache = open();
  const ContentId id = ContentId::of("abc");
  fs::create_directories(file_of(id) / "deep");
  EXPECT_EQ(cache->open(id).error().code, Code::kNotFound);
  ASSERT_TRUE(runtime::write_file(temporary_.path() / "elsewhere", "abc"));
  fs::create_symlink(temporary_.path() / "elsewhere", file_of(id));
  EXPECT_FALSE(cache->has(id));
  EXPECT_EQ(cache->open(id).error().code, Code::kNotFound);
  EXPECT_TRUE(fs::exists(temporary_.path() / "elsewhere"));
  ASSERT_EQ(::mkfifo(file_of(id).c_str(), 0600), 0);
  EXPECT_EQ(cache->open(id).error().code, Code::kNotFound);
  EXPECT_FALSE(fs::exists(fs::symlink_status(file_of(id))));
}

TEST_F(CacheTest, EvictsWhatWasUsedLeastRecently) {
  const auto cache = open({.bytes_max = 3'000});
  const ContentId a = cache->put(bytes_of(1'000, 1)).value()->id();
  const ContentId b = cache->put(bytes_of(1'000, 2)).value()->id();
  const ContentId c = cache->put(bytes_of(1'000, 3)).value()->id();
  ASSERT_TRUE(cache->open(a));
  ASSERT_TRUE(cache->put(bytes_of(500, 4)));
  EXPECT_TRUE(cache->has(a));
  EXPECT_FALSE(cache->has(b));
  EXPECT_TRUE(cache->has(c));
  ASSERT_TRUE(cache->put(bytes_of(2'000, 5)));
  EXPECT_FALSE(cache->has(a));
  EXPECT_FALSE(cache->has(c));
  EXPECT_LE(cache->stats().bytes, 3'000U);
  EXPECT_EQ(cache->stats().evicted, 3U);
}

TEST_F(CacheTest, RememberedUseOutlivesTheProcess) {
  ContentId a, b;
  {
    const auto cache = open({.bytes_max = 2'000});
    a = cache->put(bytes_of(1'000, 1)).value()->id();
    b = cache->put(bytes_of(1'000, 2)).value()->id();
    ASSERT_TRUE(cache->open(a));
  }
  ASSERT_TRUE(open({.bytes_max = 2'000})->put(bytes_of(1'000, 3)));
  EXPECT_TRUE(open()->has(a));
  EXPECT_FALSE(open()->has(b));
}

TEST_F(CacheTest, WhatIsInUseIsNeverEvicted) {
  const auto cache = open({.bytes_max = 2'000});
  const auto other_process = open({.bytes_max = 2'000});
  const ContentId id = cache->put(bytes_of(1'500, 1)).value()->id();
  auto held = other_process->open(id).value();
  const auto refused = cache->begin(ContentId::of("x"), 1'000);
  EXPECT_EQ(refused.error().code, Code::kLimit);
  EXPECT_THAT(refused.error().message, HasSubstr("1500 of 2000 bytes are in use"));
  EXPECT_TRUE(cache->has(id));
  held.reset();
  EXPECT_TRUE(cache->begin(ContentId::of("x"), 1'000));
  EXPECT_FALSE(cache->has(id));
}

TEST_F(CacheTest, WhatIsBeingWrittenCounts) {
  const auto cache = open({.bytes_max = 2'000});
  const auto other_process = open({.bytes_max = 2'000});
  auto writing = cache->begin(ContentId::of("x"), 1'500).value();
  EXPECT_EQ(cache->begin(ContentId::of("y"), 1'000).error().code, Code::kLimit);
  EXPECT_EQ(other_process->begin(ContentId::of("y"), 1'000).error().code, Code::kLimit);
  writing.reset();
  EXPECT_TRUE(other_process->begin(ContentId::of("y"), 1'000));
  EXPECT_EQ(cache->stats().bytes, 0U);
}

TEST_F(CacheTest, RefusesWhatNeverFits) {
  const auto cache = open({.bytes_max = 2'000, .object_bytes_max = 500});
  const ContentId small = cache->put("kept").value()->id();
  // Not kLimit, which passes: whoever fetches it would try again until its deadline.
  EXPECT_EQ(cache->put(bytes_of(501, 1)).error().code, Code::kInvalid);
  EXPECT_TRUE(cache->has(small));  // nothing was evicted in vain

  const auto refused = open({.bytes_max = 400})->put(bytes_of(401, 1));
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_THAT(refused.error().message, HasSubstr("which takes 400: set a larger cache-size"));
}

TEST_F(CacheTest, AStoreThatDoesNotEvictGetsFull) {
  const auto store = open({.bytes_max = 1'500, .evict = false, .durable = true});
  const ContentId first = store->put(bytes_of(1'000, 1)).value()->id();
  const auto refused = store->put(bytes_of(1'000, 2));
  EXPECT_EQ(refused.error().code, Code::kLimit);
  EXPECT_THAT(refused.error().message, HasSubstr("is full: 1000 of 1500 bytes are stored"));
  EXPECT_TRUE(store->open(first));
  EXPECT_TRUE(store->remove(first));
  EXPECT_FALSE(store->remove(first));
  EXPECT_TRUE(store->put(bytes_of(1'000, 2)));
}

TEST_F(CacheTest, ASmallerLimitHoldsAtOnce) {
  ASSERT_TRUE(open()->put(bytes_of(1'000, 1)));
  ASSERT_TRUE(open()->put(bytes_of(1'000, 2)));
  EXPECT_LE(open({.bytes_max = 1'000})->stats().bytes, 1'000U);
}

TEST_F(CacheTest, KeepsNothingHalf) {
  const auto cache = open();
  const std::string bytes = bytes_of(1'000, 1);
  const ContentId id = ContentId::of(bytes);
  auto writing = cache->begin(id, 1'000).value();
  ASSERT_TRUE(writing->append(bytes.substr(0, 900)));
  EXPECT_FALSE(cache->has(id));
  EXPECT_EQ(writing->append(bytes).error().code, Code::kLimit);
  EXPECT_EQ(writing->finish().error().code, Code::kCorrupt);  // too short
  writing = cache->begin(id, 1'000).value();
  ASSERT_TRUE(writing->append(bytes_of(1'000, 2)));
  EXPECT_EQ(writing->finish().error().code, Code::kCorrupt);  // something else
  writing.reset();
  EXPECT_FALSE(cache->has(id));
  EXPECT_THAT(incoming(), IsEmpty());
  EXPECT_EQ(cache->stats().bytes, 0U);
}

TEST_F(CacheTest, CleansWhatACrashLeftAndNothingElse) {
  const auto living = open();
  const std::string bytes = bytes_of(1'000, 1);
  auto writing = living->begin(ContentId::of(bytes), 1'000).value();
  ASSERT_TRUE(writing->append(bytes));
  std::ofstream(folder_ / "incoming" / "left.behind") << "half";
  std::ofstream(folder_ / "objects" / "..hostile name") << "x";
  const auto cache = open();
  EXPECT_EQ(incoming().size(), 1U);
  EXPECT_FALSE(fs::exists(folder_ / "objects" / "..hostile name"));
  ASSERT_TRUE(writing->finish());
  EXPECT_TRUE(cache->open(ContentId::of(bytes)));
}

TEST_F(CacheTest, MayBeWipedAtAnyTime) {
  const auto cache = open({.bytes_max = 4'000});
  const std::string bytes = bytes_of(1'000, 1);
  auto held = cache->put(bytes_of(1'000, 2)).value();
  auto writing = cache->begin(ContentId::of(bytes), 1'000).value();
  ASSERT_TRUE(writing->append(bytes.substr(0, 500)));
  fs::remove_all(folder_);
  EXPECT_EQ(all_of(*held), bytes_of(1'000, 2));
  ASSERT_TRUE(writing->append(bytes.substr(500)));
  EXPECT_EQ(all_of(*writing->finish().value()), bytes);
  EXPECT_EQ(cache->open(ContentId::of(bytes)).error().code, Code::kNotFound);
  EXPECT_EQ(cache->stats().bytes, 0U);
  ASSERT_TRUE(cache->put(bytes));
  EXPECT_EQ(all_of(*cache->open(ContentId::of(bytes)).value()), bytes);
}

TEST_F(CacheTest, AHeldObjectThatShrinksSaysSo) {
  const auto cache = open();
  const auto held = cache->put(bytes_of(1'000, 1)).value();
  overwrite(file_of(held->id()), "short");
  EXPECT_EQ(held->read(0, 1'000).error().code, Code::kCorrupt);
}

TEST_F(CacheTest, ProcessesSeeEachOthersObjects) {
  const auto one = open({.bytes_max = 2'500});
  const auto two = open({.bytes_max = 2'500});
  const ContentId a = one->put(bytes_of(1'000, 1)).value()->id();
  EXPECT_TRUE(two->open(a));
  const ContentId b = two->put(bytes_of(1'000, 2)).value()->id();
  EXPECT_TRUE(one->put(bytes_of(1'000, 2)));  // the same, once
  EXPECT_EQ(one->stats().objects, 2U);
  ASSERT_TRUE(one->put(bytes_of(1'000, 3)));
  EXPECT_LE(two->stats().bytes, 2'500U);
  EXPECT_FALSE(two->has(a));
  EXPECT_TRUE(two->has(b));
}

/// No file may grow beyond so many bytes while this lives: writing fails as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : old_action_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_limit_);
    rlimit limit = old_limit_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_action_);
  }

 private:
  void (*old_action_)(int);
  rlimit old_limit_{};
};

TEST_F(CacheTest, NoRoomOnTheDiskLeavesNothing) {
  const auto cache = open();
  ASSERT_TRUE(cache->put("before"));
  {
    const FileSizeLimit limit(1'000);
    const auto refused = cache->put(bytes_of(5'000, 1));
    EXPECT_EQ(refused.error().code, Code::kIo);
    EXPECT_THAT(refused.error().message, HasSubstr("making room in"));
  }
  EXPECT_THAT(incoming(), IsEmpty());
  EXPECT_EQ(cache->stats().bytes, 6U);
  EXPECT_TRUE(cache->put(bytes_of(5'000, 1)));
}

}  // namespace
}  // namespace muster::content
