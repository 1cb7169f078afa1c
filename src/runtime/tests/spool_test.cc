// SPDX-License-Identifier: Apache-2.0
#include "runtime/spool.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace muster::runtime {
namespace {

namespace fs = std::filesystem;

struct SpoolTest : ::testing::Test {
  const fs::path path = fs::temp_directory_path() / ("muster-spool-" + std::to_string(getpid()));
  SpoolTest() { fs::create_directories(path); }
  ~SpoolTest() override { fs::remove_all(path); }
  std::shared_ptr<SpoolFolder> folder(std::uint64_t bytes_max = 1000,
                                      std::uint64_t free_bytes_min = 0) {
    return std::make_shared<SpoolFolder>(SpoolOptions{.folder = path,
                                                      .memory_bytes_max = 10,
                                                      .bytes_max = bytes_max,
                                                      .free_bytes_min = free_bytes_min});
  }
};

TEST_F(SpoolTest, ALittleStaysInMemory) {
  const auto shared = folder();
  Spool spool(shared);
  EXPECT_EQ(spool.append("01234"), 5U);
  EXPECT_EQ(spool.append("56789"), 5U);
  EXPECT_TRUE(spool.in_memory());
  EXPECT_EQ(spool.read(3, 4).value(), "3456");
  EXPECT_EQ(spool.read(8, 100).value(), "89");
  EXPECT_EQ(spool.read(100, 1).value(), "");
  EXPECT_EQ(spool.take(), "0123456789");
  EXPECT_EQ(shared->bytes(), 0U);
}

TEST_F(SpoolTest, MuchIsOnTheDiskWithoutAName) {
  const auto shared = folder();
  {
    Spool spool(shared);
    EXPECT_EQ(spool.append("0123456789"), 10U);
    EXPECT_EQ(spool.append("a"), 1U);
    EXPECT_FALSE(spool.in_memory());
    EXPECT_EQ(spool.append(std::string(500, 'x')), 500U);
    EXPECT_EQ(spool.size(), 511U);
    EXPECT_EQ(shared->bytes(), 511U);
    EXPECT_EQ(spool.read(8, 4).value(), "89ax");
    EXPECT_EQ(spool.read(510, 4).value(), "x");
    EXPECT_TRUE(fs::is_empty(path));  // a crash leaves nothing
  }
  EXPECT_EQ(shared->bytes(), 0U);
}

TEST_F(SpoolTest, WhereThereIsNoRoomTheBeginningIsKept) {
  const auto shared = folder(20);
  Spool first(shared), second(shared);
  EXPECT_EQ(first.append("0123456789"), 10U);
  EXPECT_EQ(first.append("abcde"), 5U);
  EXPECT_EQ(first.append("fghijk"), 0U);
  EXPECT_NE(first.trouble(), "");
  EXPECT_EQ(first.append("f"), 0U);  // no gaps
  EXPECT_EQ(first.read(0, 100).value(), "0123456789abcde");
  EXPECT_EQ(second.append("0123456789"), 10U);
  EXPECT_EQ(second.append("a"), 0U);  // not even what it has would fit there
  EXPECT_TRUE(second.in_memory());
  EXPECT_EQ(second.take(), "0123456789");
}

TEST_F(SpoolTest, TheDiskIsNotFilled) {
  Spool spool(folder(1000, 1ULL << 60));
  EXPECT_EQ(spool.append("01234567890"), 0U);
  EXPECT_NE(spool.trouble().find("left"), std::string::npos);
}

TEST_F(SpoolTest, AFolderThatIsGoneIsMadeAnew) {
  const auto shared = folder();
  fs::remove_all(path);
  Spool spool(shared);
  EXPECT_EQ(spool.append("01234567890"), 11U);
  EXPECT_EQ(spool.read(0, 11).value(), "01234567890");
}

TEST(SpoolWithoutAFolderTest, KeepsAllInMemory) {
  Spool spool;
  EXPECT_EQ(spool.append(std::string(5'000'000, 'x')), 5'000'000U);
  EXPECT_TRUE(spool.in_memory());
}

}  // namespace
}  // namespace muster::runtime
