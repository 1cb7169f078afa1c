// SPDX-License-Identifier: Apache-2.0
#include "fleet/node_set.h"

#include <gtest/gtest.h>

#include <set>

#include "core/clock.h"

namespace muster::fleet {
namespace {

using Names = std::vector<std::string>;

TEST(NodeSet, Folds) {
  EXPECT_EQ(fold_names(Names{"web1", "web2", "web3", "db1"}), "db1,web[1-3]");
  EXPECT_EQ(fold_names(Names{"web08", "web09", "web10", "web12"}), "web[08-10,12]");
  EXPECT_EQ(fold_names(Names{"web1", "web01"}), "web01,web1");
  EXPECT_EQ(fold_names(Names{"web1.example", "web2.example", "gw"}), "gw,web[1-2].example");
  EXPECT_EQ(fold_names(Names{"a", "a", "n5", "n5"}), "a,n5");
  EXPECT_EQ(fold_names(Names{}), "");
}

TEST(NodeSet, Expands) {
  EXPECT_EQ(expand_names("db[01-03]").value(), (Names{"db01", "db02", "db03"}));
  EXPECT_EQ(expand_names("r[1-2]n[1,3]").value(), (Names{"r1n1", "r1n3", "r2n1", "r2n3"}));
  EXPECT_EQ(expand_names("plain").value(), (Names{"plain"}));
  for (const char* wrong : {"a[", "a]", "a[]", "a[x]", "a[3-1]", "a[1-2", "a[1,]", "a[[1]]"})
    EXPECT_FALSE(expand_names(wrong)) << wrong;
  EXPECT_EQ(expand_names("a[1-1000000]").error().code, core::Code::kLimit);
  EXPECT_EQ(expand_names("a[1-1000][1-1000]").error().code, core::Code::kLimit);
}

TEST(NodeSet, WhatIsFoldedExpandsToTheSame) {
  core::Random random(7);
  for (int round = 0; round < 200; ++round) {
    std::set<std::string> names;
    for (int i = 0; i < 40; ++i) {
      std::string digits = std::to_string(random.below(120));
      if (random.below(2) == 0)
        digits = std::string(3 - std::min<std::size_t>(3, digits.size()), '0') + digits;
      names.insert((random.below(2) == 0 ? "web" : "db") + digits);
    }
    std::string folded = fold_names(Names(names.begin(), names.end()));
    std::set<std::string> again;
    while (!folded.empty()) {
      std::size_t end = 0;
      for (bool inside = false; end < folded.size() && (inside || folded[end] != ','); ++end)
        inside = folded[end] == '[' || (inside && folded[end] != ']');
      for (auto& name : expand_names(folded.substr(0, end)).value()) again.insert(name);
      folded.erase(0, end + 1);
    }
    EXPECT_EQ(again, names);
  }
}

}  // namespace
}  // namespace muster::fleet
