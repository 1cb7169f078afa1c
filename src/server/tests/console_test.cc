// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "server/console_assets.h"

namespace muster::server {
namespace {

TEST(Console, GzipIsSentToThoseWhoTakeIt) {
  for (const char* taken : {"gzip", "gzip, deflate, br", "br;q=1.0,gzip;q=0.8", " deflate ,\tgzip ",
                            "gzip;q=1", "gzip ; q=0.001"})
    EXPECT_TRUE(accepts_gzip(taken)) << taken;
  for (const char* refused :
       {"", "identity", "br", "gzip;q=0", "gzip; q=0.000", "x-gzip", "gzipped", ",;,", "*;q=0"})
    EXPECT_FALSE(accepts_gzip(refused)) << refused;
}

}  // namespace
}  // namespace muster::server
