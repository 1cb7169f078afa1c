// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "packs/tables.h"

namespace muster::packs {
namespace {

using ::testing::HasSubstr;

Entry file(std::uint32_t target, std::string path) {
  Entry entry;
  entry.target = target;
  entry.path = std::move(path);
  entry.mode = 0644;
  entry.size = 3;
  entry.sha256 = core::ContentId::of("abc");
  entry.chunks = {0};
  return entry;
}

Entry link(std::string path, std::string to) {
  Entry entry;
  entry.path = std::move(path);
  entry.kind = Kind::kSymlink;
  entry.link = std::move(to);
  return entry;
}

Index good() {
  Index index;
  index.name = "webapp";
  index.version = "1.0";
  index.targets = {{"/opt/webapp", true}, {"/etc", false}};
  index.containers = {{.id = core::ContentId::of("abc"), .size = 3}};
  index.chunk_bytes = 8192;
  index.chunks = {{core::ContentId::of("abc"), 0, 0, 3}};
  Entry step = file(2, "steps/post.sh");
  step.mode = 0700;
  index.entries = {file(0, "bin/run"), link("current", "bin/run"), file(1, "webapp.conf"), step};
  index.post = "steps/post.sh";
  make_tables(index, 0);
  return index;
}

/// `index` after its journey, with the tables of good().
core::Result<Index> read(const Index& index) {
  Index copy = good();
  copy.tables.clear();
  copy.containers[0].count = 0;
  MUSTER_ASSIGN(Index made, read_outline(encode(index)));
  MUSTER_TRY(add_chunks(made, make_tables(copy, 0)));
  return made;
}

std::string why(const Index& index) {
  const auto read = packs::read(index);
  return read ? "accepted" : read.error().message;
}

TEST(PackIndex, IsTheSameAfterItsJourney) {
  const auto read = packs::read(good());
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(*read, good());
  EXPECT_EQ(encode(*read), encode(good()));
  EXPECT_EQ(read->bytes(), 9u);
  ASSERT_NE(read->find(1, "webapp.conf"), nullptr);
  EXPECT_EQ(read->find(0, "webapp.conf"), nullptr);
}

TEST(PackIndex, PathsStayBelowTheirTargets) {
  for (const char* path : {"../x", "/etc/passwd", "a/../../x", "", "a//b", "a\\b", "a\nb"}) {
    Index index = good();
    index.entries[0].path = path;
    EXPECT_NE(why(index), "accepted") << path;
  }
  Index outside = good();
  outside.entries.back().target = 7;
  EXPECT_THAT(why(outside), HasSubstr("no target"));
}

TEST(PackIndex, NothingLiesBehindALink) {
  Index index = good();
  index.entries = {link("a", "b"), file(0, "a/passwd")};
  index.post.clear();
  EXPECT_THAT(why(index), HasSubstr("lies behind a file or link"));
  index.entries = {file(0, "a"), file(0, "a/passwd")};
  EXPECT_THAT(why(index), HasSubstr("lies behind a file or link"));
}

TEST(PackIndex, LinksStayWithinTheirTarget) {
  const Target target{"/opt/webapp", true};
  for (const char* inside : {"run", "../lib/x", "./a/../b", "/opt/webapp/lib"})
    EXPECT_TRUE(check_link(target, "bin/link", inside).has_value()) << inside;
  for (const char* outside :
       {"", "../../x", "/etc/passwd", "/opt/webapp", "/opt/webapp/../x", "a/../../../x"})
    EXPECT_FALSE(check_link(target, "bin/link", outside).has_value()) << outside;
}

TEST(PackIndex, NoPackOwnsTheSystem) {
  for (const char* path : {"/etc", "/opt", "/proc/x/y", "/dev/shm", "relative", "/a/../b", "/"})
    EXPECT_FALSE(check_target({path, true}).has_value()) << path;
  EXPECT_TRUE(check_target({"/etc", false}).has_value());
  EXPECT_TRUE(check_target({"/opt/webapp", true}).has_value());
  Index index = good();
  index.targets[1].path = "/opt/webapp/etc";
  EXPECT_THAT(why(index), HasSubstr("lies in the target"));
}

TEST(PackIndex, WhatDoesNotAddUpIsRefused) {
  Index index = good();
  index.entries[0].size = 4;
  EXPECT_THAT(why(index), HasSubstr("not as large as its chunks"));
  index = good();
  index.entries[0].chunks = {1};
  EXPECT_THAT(why(index), HasSubstr("chunk of none"));
  index = good();
  index.containers[0].size = 4;
  EXPECT_THAT(why(index), HasSubstr("not as large as its chunks"));
  index = good();
  index.containers[0].table = 1;
  EXPECT_THAT(why(index), HasSubstr("a table of none"));
  index = good();
  index.containers[0].first = 1;
  EXPECT_THAT(why(index), HasSubstr("chunks that its table has not"));
  index = good();
  index.containers[0].count = ~0U;
  EXPECT_THAT(why(index), HasSubstr("impossible number of chunks"));
  index = good();
  index.tables[0].id = core::ContentId::of("another");
  EXPECT_THAT(why(index), HasSubstr("a table of chunks is not there"));
  index = good();
  std::swap(index.entries[0], index.entries[2]);
  EXPECT_THAT(why(index), HasSubstr("not sorted"));
  index = good();
  index.entries[3].mode = 0600;
  EXPECT_THAT(why(index), HasSubstr("no executable step"));
  index = good();
  index.entries[0].owner = "root:wheel";
  EXPECT_THAT(why(index), HasSubstr("no name of a user"));
  EXPECT_THAT(read_outline("nonsense").error().message, HasSubstr("not the index"));
}

TEST(PackIndex, FilesThatRepeatAChunkTooOftenAreRefused) {
  Index index = good();
  index.entries.clear();
  index.post.clear();
  Entry large = file(0, "");
  large.chunks.assign(kChunkUsesMax / 2, 0);
  large.size = 3 * large.chunks.size();
  for (const char* path : {"a", "b", "c"}) {
    large.path = path;
    index.entries.push_back(large);
  }
  EXPECT_THAT(why(index), HasSubstr("repeat too much"));
}

TEST(PackTables, AWholeIsTheSameAfterItsJourney) {
  Index index = good();
  index.tables.clear();
  index.containers[0].count = 0;
  const Tables tables = make_tables(index, 0);
  const std::string encoded = encode(index);
  const auto whole = read_whole(encode_whole(index, encoded, tables));
  ASSERT_TRUE(whole.has_value()) << whole.error().message;
  EXPECT_EQ(whole->index, index);
  EXPECT_EQ(whole->encoded, encoded);
  EXPECT_EQ(whole->tables, tables);
  EXPECT_FALSE(read_whole("nonsense").has_value());
}

}  // namespace
}  // namespace muster::packs
