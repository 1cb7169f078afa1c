// SPDX-License-Identifier: Apache-2.0
#include "server/scope.h"

#include <gmock/gmock.h>

namespace muster::server {
namespace {

using core::Code;
using ::testing::HasSubstr;

class ScopeTest : public ::testing::Test {
 protected:
  ScopeTest() {
    EXPECT_TRUE(registry.add(web, {{"env", "prod"}, {"role", "web"}}, core::wall_now()));
    EXPECT_TRUE(registry.add(db, {{"env", "prod"}, {"role", "db"}}, core::wall_now()));
  }
  static access::Principal narrowed(std::vector<std::string> selectors) {
    access::Principal principal = access::Principal::system();
    principal.selectors = std::move(selectors);
    return principal;
  }
  bool sees(const std::vector<std::string>& selectors, const core::EndpointId& id) {
    const auto found = find_in_scope(registry, narrowed(selectors), id.str());
    EXPECT_TRUE(found || found.error().code == Code::kNotFound);
    return found.has_value();
  }

  const core::EndpointId web = core::EndpointId::of_public_key("web");
  const core::EndpointId db = core::EndpointId::of_public_key("db");
  fleet::Registry registry;
};

TEST_F(ScopeTest, EachSelectorNarrows) {
  EXPECT_TRUE(sees({}, web));
  EXPECT_TRUE(sees({"env=prod"}, db));
  EXPECT_TRUE(sees({"env=prod", "role=web"}, web));
  EXPECT_FALSE(sees({"env=prod", "role=web"}, db));
  EXPECT_FALSE(sees({"role=web", "role=db"}, web));
  EXPECT_TRUE(Scope::of(narrowed({}))->everywhere());
  EXPECT_EQ(Scope::of(narrowed({}))->selector(), nullptr);
}

TEST_F(ScopeTest, NoSelectorEscapesFromItsParentheses) {
  const auto scope = Scope::of(narrowed({"role=web or role=db", "role=web"}));
  ASSERT_TRUE(scope);
  const auto visible = registry.select(nullptr, scope->selector(), core::wall_now());
  ASSERT_EQ(visible.size(), 1U);
  EXPECT_EQ(visible[0]->id, web);
  EXPECT_FALSE(sees({"role=web or role=db", "role=web"}, db));
}

TEST_F(ScopeTest, WhatCannotBeReadAllowsNothing) {
  for (const char* bad : {"role=", ") or (role=web", "role=web) or (role=db"}) {
    const auto scope = Scope::of(narrowed({bad}));
    ASSERT_FALSE(scope) << bad;
    EXPECT_EQ(scope.error().code, Code::kDenied) << bad;
  }
  EXPECT_FALSE(find_in_scope(registry, narrowed({"role="}), web.str()));
}

TEST_F(ScopeTest, HostsOutOfScopeDoNotExist) {
  const auto hidden = find_in_scope(registry, narrowed({"role=web"}), db.str());
  const auto missing = find_in_scope(registry, narrowed({"role=web"}),
                                     core::EndpointId::of_public_key("none").str());
  EXPECT_EQ(hidden.error().code, missing.error().code);
  const auto ugly = find_in_scope(registry, narrowed({}), "\x1b[31m" + std::string(500, 'x'));
  EXPECT_EQ(ugly.error().message.find('\x1b'), std::string::npos);
  EXPECT_LT(ugly.error().message.size(), 200U);
}

TEST(ReadSelector, EmptyIsEveryHost) {
  EXPECT_TRUE(read_selector(""));
  EXPECT_TRUE(read_selector(" \t\n"));
  EXPECT_TRUE(check_selector(""));
  EXPECT_TRUE(check_selector("env=prod"));
  EXPECT_EQ(check_selector("env=").error().code, Code::kInvalid);
}

TEST(ReadSelector, ColumnCountsCharacters) {
  const auto plain = read_selector("a=b ) c");
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().status, 400);
  EXPECT_THAT(plain.error().body, HasSubstr("\"column\":5"));
  const auto wide = read_selector("a=\"ä\" ) c");
  ASSERT_FALSE(wide);
  EXPECT_THAT(wide.error().body, HasSubstr("\"column\":7"));
}

}  // namespace
}  // namespace muster::server
