// SPDX-License-Identifier: Apache-2.0
//
// What the world does to a database file: other servers, damage, full disks, kill -9.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "store/database.h"

namespace muster::store {
namespace {

using core::Code;
using testing::HasSubstr;

constexpr Migration kTables[] = {{1, "CREATE TABLE item(id INTEGER PRIMARY KEY, body BLOB);"}};
constexpr Migration kNewer[] = {{1, "CREATE TABLE item(id INTEGER PRIMARY KEY, body BLOB);"},
                                {2, "CREATE TABLE more(id INTEGER PRIMARY KEY);"}};
constexpr Migration kBroken[] = {{1, "CREATE TABLE item(id INTEGER PRIMARY KEY, body BLOB);"},
                                 {2, "CREATE TABLE half(id INTEGER); CREATE TABLE item(id);"}};

class Damage : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "/muster-damage-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    file_ = folder_ / "region.db";
  }
  void TearDown() override {
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
    std::filesystem::remove_all(folder_);
  }
  core::Result<std::unique_ptr<Database>> open(MigrationSet set = {"test", kTables}) {
    return Database::open({.path = file_, .migrations = {set}});
  }
  static core::Status add(Connection& c, std::int64_t id, std::string_view body) {
    MUSTER_TRY(c.execute("INSERT INTO item(id, body) VALUES(?, ?)", {id, Blob{body}}));
    return {};
  }
  static std::int64_t count(Database& database) {
    return database
        .read_blocking([](Connection& c) { return c.integer("SELECT count(*) FROM item"); })
        .value_or(-1);
  }
  void fill(int rows) {
    auto database = open();
    ASSERT_TRUE(database) << database.error().message;
    ASSERT_TRUE((*database)->write_blocking([&](Connection& c) -> core::Status {
      for (int i = 0; i < rows; ++i) MUSTER_TRY(add(c, i, std::string(500, 'x')));
      return {};
    }));
  }

  std::filesystem::path folder_, file_;
};

TEST_F(Damage, OnlyItsOwnerCanReadTheFile) {
  fill(1);
  const auto mode = std::filesystem::status(file_).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(Damage, ASecondServerIsRefused) {
  auto first = open();
  ASSERT_TRUE(first) << first.error().message;
  auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_THAT(second.error().message, HasSubstr("region.db"));
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(::getpid())));
  first->reset();
  EXPECT_TRUE(open());
}

TEST_F(Damage, GarbageIsNoDatabase) {
  std::ofstream(file_) << std::string(8192, 'g');
  auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kCorrupt);
  EXPECT_THAT(opened.error().message, HasSubstr("restore a backup"));
}

TEST_F(Damage, ADamagedPageIsFoundAtTheStart) {
  fill(2000);
  const auto size = std::filesystem::file_size(file_);
  ASSERT_GT(size, 100'000u);
  {
    std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 3);
    file << std::string(4096 * 4, '\x5a');
  }
  auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kCorrupt);
  EXPECT_THAT(opened.error().message, HasSubstr(".recover"));
}

TEST_F(Damage, ACutFileIsFoundAtTheStart) {
  fill(2000);
  std::filesystem::resize_file(file_, 4096 * 5 + 100);
  auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kCorrupt);
}

TEST_F(Damage, ANewerSchemaIsRefusedAndLeftAlone) {
  ASSERT_TRUE(open({"test", kNewer}));
  auto older = open();
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, Code::kConflict);
  EXPECT_THAT(older.error().message, HasSubstr("newer Muster"));
  EXPECT_TRUE(open({"test", kNewer}));
}

TEST_F(Damage, AMigrationThatFailsLeavesNothing) {
  fill(3);
  auto broken = open({"test", kBroken});
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr("tables of test to version 2"));
  auto opened = open();
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(count(**opened), 3);
  EXPECT_EQ(*(*opened)->read_blocking([](Connection& c) {
    return c.integer("SELECT count(*) FROM sqlite_master WHERE name = 'half'");
  }),
            0);
}

TEST_F(Damage, AnotherProgramsDatabaseIsRefused) {
  {
    auto mine = Database::open({.path = file_, .migrations = {{"test", kTables}}});
    ASSERT_TRUE(mine);
    ASSERT_TRUE((*mine)->write_blocking(
        [](Connection& c) { return c.script("PRAGMA application_id=7;"); }));
  }
  auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("another program"));
}

TEST_F(Damage, AReadOnlyFolderIsNamed) {
  std::filesystem::permissions(
      folder_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  const pid_t child = ::fork();
  if (child == 0) {  // as root, permission bits mean nothing
    if (::geteuid() == 0) {
      if (::chown(folder_.c_str(), 65534, 65534) != 0 || ::seteuid(65534) != 0) ::_exit(2);
    }
    auto opened = open();
    ::_exit(!opened && opened.error().code == Code::kDenied ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(Damage, AMissingFolderIsNamed) {
  file_ = folder_ / "no" / "region.db";
  auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("state folder"));
}

// The disk is full while groups commit; then there is room again.
TEST_F(Damage, AFullDiskRefusesAndRecovers) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    auto database = open();
    if (!database) ::_exit(10);
    if (!(*database)->write_blocking([](Connection& c) { return add(c, 1, "before"); }))
      ::_exit(11);
    const rlimit small{400 * 1024, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &small) != 0) ::_exit(12);
    const std::string large(1024 * 1024, 'l');
    runtime::Loop loop;
    int refused = 0;
    for (int i = 0; i < 5; ++i) {
      (*database)->write_then(
          loop, [&large, i](Connection& c) { return add(c, 100 + i, large); },
          [&](core::Status status) {
            refused += !status && status.error().code == Code::kUnavailable ? 1 : 0;
          });
    }
    loop.run_until_idle();
    if (refused != 5) ::_exit(13);
    if (count(**database) != 1) ::_exit(14);
    const rlimit wide{RLIM_INFINITY, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &wide) != 0) ::_exit(15);
    auto after = (*database)->write_blocking([&](Connection& c) { return add(c, 2, large); });
    ::_exit(after && count(**database) == 2 ? 0 : 16);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  auto opened = open();
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(count(**opened), 2);
}

// A child writes and says which rows are acknowledged; it is killed in mid-write.
// Every acknowledged row must be there, and no half group.
TEST_F(Damage, KilledInMidWriteNothingAcknowledgedIsLost) {
  int pipes[2];
  ASSERT_EQ(::pipe(pipes), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipes[0]);
    auto database = open();
    if (!database) ::_exit(1);
    for (std::int64_t i = 0;; i += 2) {
      auto done = (*database)->write_blocking([i](Connection& c) -> core::Status {
        MUSTER_TRY(add(c, i, std::string(3000, 'a')));
        return add(c, i + 1, std::string(3000, 'b'));
      });
      if (!done || ::write(pipes[1], &i, sizeof i) != sizeof i) ::_exit(2);
    }
  }
  ::close(pipes[1]);
  std::int64_t last = -1, heard = -1;
  while (last < 400 && ::read(pipes[0], &heard, sizeof heard) == sizeof heard) last = heard;
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  while (::read(pipes[0], &heard, sizeof heard) == sizeof heard) last = heard;
  ::close(pipes[0]);
  auto opened = open();
  ASSERT_TRUE(opened) << opened.error().message;
  const auto rows = count(**opened);
  EXPECT_GE(rows, last + 2);
  EXPECT_EQ(rows % 2, 0);
}

}  // namespace
}  // namespace muster::store
