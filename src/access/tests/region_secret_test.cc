// SPDX-License-Identifier: Apache-2.0
#include "access/region_secret.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

namespace muster::access {
namespace {

using core::Code;

TEST(RegionSecret, WhatIsSealedIsOpenedByTheSameSecretAndNameOnly) {
  const auto secret = RegionSecret::generate(), other = RegionSecret::generate();
  const std::string bytes("a key\0of the region", 19);
  const std::string sealed = secret.seal("ca.key", bytes);
  EXPECT_EQ(sealed.find("a key"), std::string::npos);
  EXPECT_NE(sealed, secret.seal("ca.key", bytes)) << "a nonce of its own";
  EXPECT_EQ(*secret.unseal("ca.key", sealed), bytes);
  EXPECT_EQ(other.unseal("ca.key", sealed).error().code, Code::kUnauthorized);
  EXPECT_EQ(secret.unseal("ca.pem", sealed).error().code, Code::kUnauthorized);
  EXPECT_EQ(secret.unseal("ca.ke", sealed).error().code, Code::kUnauthorized);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string damaged = sealed;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(secret.unseal("ca.key", damaged)) << i;
    EXPECT_FALSE(secret.unseal("ca.key", sealed.substr(0, i))) << i;
  }
  EXPECT_EQ(*secret.unseal("x", secret.seal("x", "")), "");
}

TEST(RegionSecret, IsReadAsItIsWrittenAndNothingElseIs) {
  const auto secret = RegionSecret::generate();
  EXPECT_EQ(*RegionSecret::parse(secret.text()), secret);
  EXPECT_EQ(*RegionSecret::parse(secret.text() + "\n"), secret);
  for (const std::string text : {"", "mrs1.", "mrs1.abc", "mjt1.aaaa"})
    EXPECT_EQ(RegionSecret::parse(text).error().code, Code::kInvalid) << text;
  EXPECT_FALSE(RegionSecret::parse(secret.text() + "a"));
}

TEST(RegionSecret, AFileThatOthersCanReadIsRefused) {
  std::string name = (std::filesystem::temp_directory_path() / "muster-secret-XXXXXX").string();
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  const std::filesystem::path file = std::filesystem::path(name) / "region.secret";
  EXPECT_EQ(RegionSecret::load(file).error().code, Code::kNotFound);
  const auto secret = RegionSecret::generate();
  ASSERT_TRUE(secret.save(file));
  EXPECT_EQ(*RegionSecret::load(file), secret);
  ::chmod(file.c_str(), 0640);
  EXPECT_EQ(RegionSecret::load(file).error().code, Code::kDenied);
  std::filesystem::remove_all(name);
}

}  // namespace
}  // namespace muster::access
