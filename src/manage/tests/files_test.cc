// SPDX-License-Identifier: Apache-2.0
#include "manage/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "core/bytes.h"
#include "manage/access.h"
#include "manage/audit.h"

namespace muster::manage {
namespace {

using core::Code;
using ::testing::HasSubstr;

class FilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/muster_files_XXXXXX";
    folder = ::mkdtemp(path);
    std::filesystem::create_directories(folder / "data/below");
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  static NewFile wanted(const std::string& path, const std::string& content) {
    NewFile file;
    file.place = *Place::parse(path);
    file.size = content.size();
    file.sha256 = core::to_hex(core::sha256(content));
    return file;
  }
  std::string content(const std::string& path) const {
    std::ifstream file(folder / path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::filesystem::path folder;
};

TEST_F(FilesTest, PathsThatAreNone) {
  for (const char* path : {"", "data/", "data//x", "data/..", "data/./x", "../x", "/x", "Data/x",
                           "data/.muster-uploads/x", "data/a/.muster-uploads"})
    EXPECT_FALSE(Place::parse(path)) << path;
  EXPECT_FALSE(Place::parse(std::string("data/a\0b", 8)));
  EXPECT_EQ(Place::parse("data/a/b")->below, "a/b");
  EXPECT_EQ(Place::parse("data")->below, "");
  EXPECT_FALSE(Root::parse("data=relative", true));
  EXPECT_TRUE(Root::parse("data=/srv", true)->writable);
}

TEST_F(FilesTest, AnUploadIsThereAtOnceOrNotAtAll) {
  const Files files({{"data", folder / "data", true}}, 1000);
  {
    auto upload = files.upload(wanted("data/below/x", "hello"));
    ASSERT_TRUE(upload) << upload.error().message;
    ASSERT_TRUE(upload->append("hel"));
    EXPECT_EQ(files.upload(wanted("data/below/x", "hello")).error().code, Code::kConflict);
    EXPECT_FALSE(std::filesystem::exists(folder / "data/below/x"));
  }
  EXPECT_EQ(*files.uploaded(wanted("data/below/x", "hello")), 3U);
  auto again = files.upload(wanted("data/below/x", "hello"));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->append("lo and more").error().code, Code::kInvalid);
  ASSERT_TRUE(again->append("lo"));
  const auto done = again->finish();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(content("data/below/x"), "hello");
  EXPECT_EQ(*files.uploaded(wanted("data/below/x", "hello")), 0U);
  const auto opened = files.open(*Place::parse("data/below/x"));
  ASSERT_TRUE(opened);
  EXPECT_EQ(*opened->sha256(), core::to_hex(core::sha256("hello")));
}

TEST_F(FilesTest, WrongBytesAreThrownAwayAndTheModeStays) {
  const Files files({{"data", folder / "data", true}}, 1000);
  std::ofstream(folder / "data/x") << "old";
  ::chmod((folder / "data/x").c_str(), 0600);
  auto upload = files.upload(wanted("data/x", "right"));
  ASSERT_TRUE(upload && upload->append("wrong"));
  EXPECT_EQ(upload->finish().error().code, Code::kInvalid);
  EXPECT_EQ(content("data/x"), "old");
  upload = files.upload(wanted("data/x", "right"));
  ASSERT_TRUE(upload && upload->append("right") && upload->finish());
  struct stat found{};
  ::stat((folder / "data/x").c_str(), &found);
  EXPECT_EQ(found.st_mode & 07777, 0600U);
}

TEST_F(FilesTest, NothingLeadsOut) {
  std::ofstream(folder / "secret") << "secret";
  std::filesystem::create_directory_symlink(folder, folder / "data/out");
  std::filesystem::create_symlink(folder / "secret", folder / "data/link");
  const Files files({{"data", folder / "data", true}, {"seen", folder / "data", false}}, 1000);
  for (const char* path : {"data/out/secret", "data/link"})
    EXPECT_EQ(files.open(*Place::parse(path)).error().code, Code::kDenied) << path;
  EXPECT_EQ(files.upload(wanted("data/out/x", "x")).error().code, Code::kDenied);
  EXPECT_EQ(files.info(*Place::parse("data/link"))->kind, 'l');
  EXPECT_EQ(files.upload(wanted("seen/x", "x")).error().code, Code::kDenied);
  EXPECT_EQ(files.upload(wanted("data/x", std::string(1001, 'x'))).error().code, Code::kLimit);
  EXPECT_EQ(files.open(*Place::parse("data/below")).error().code, Code::kInvalid);
  EXPECT_EQ(files.open(*Place::parse("none/x")).error().code, Code::kNotFound);
  auto upload = files.upload(wanted("data/link", "new"));
  ASSERT_TRUE(upload && upload->append("new"));
  EXPECT_EQ(upload->finish().error().code, Code::kConflict);
  EXPECT_EQ(content("secret"), "secret");
}

TEST_F(FilesTest, TokensCountUntilTheyAreRemovedOrExpire) {
  Tokens running(folder / "host/tokens.json"), command(folder / "host/tokens.json");
  const core::WallTime now{std::chrono::hours(1)};
  EXPECT_EQ(running.check("mht1.a.b", now).error().code, Code::kUnauthorized);
  const auto made = command.create("ada", {Permission::kView}, std::chrono::hours(1), now);
  ASSERT_TRUE(made) << made.error().message;
  const auto caller = running.check(*made, now);
  ASSERT_TRUE(caller);
  EXPECT_THAT(caller->name, HasSubstr("ada"));
  EXPECT_FALSE(running.check(*made + "x", now));
  EXPECT_FALSE(running.check(*made, now + std::chrono::hours(1)));
  EXPECT_THAT(content("host/tokens.json"), ::testing::Not(HasSubstr(made->substr(20))));
  ASSERT_TRUE(command.remove("ada"));
  EXPECT_FALSE(running.check(*made, now));
  EXPECT_EQ(command.remove("ada").error().code, Code::kNotFound);
}

TEST_F(FilesTest, RulesNameCertificatesOneByOne) {
  const auto rule = Rule::parse("server:main=view,read");
  ASSERT_TRUE(rule);
  EXPECT_EQ(rule->who, "server:main");
  EXPECT_TRUE(Rule::parse("sha256:" + std::string(64, 'a') + "=view"));
  for (const char* wrong : {"server=view", "server:main", "nobody:x=view", "sha256:ab=view",
                            "server:main=all", "=view:x"})
    EXPECT_FALSE(Rule::parse(wrong)) << wrong;
}

TEST_F(FilesTest, TheAuditLogGoesOnInANewFile) {
  AuditFile audit(folder / "audit.log");
  ASSERT_TRUE(audit.append({{"n", 1}}));
  EXPECT_EQ(content("audit.log"), "{\"n\":1}\n");
  std::filesystem::resize_file(folder / "audit.log", AuditFile::kFileBytesMax);
  AuditFile later(folder / "audit.log");
  ASSERT_TRUE(later.append({{"n", 2}}));
  ASSERT_TRUE(later.append({{"n", 3}}));
  EXPECT_TRUE(std::filesystem::exists(folder / "audit.log.1"));
  EXPECT_THAT(content("audit.log"), HasSubstr("{\"n\":3}"));
}

}  // namespace
}  // namespace muster::manage
