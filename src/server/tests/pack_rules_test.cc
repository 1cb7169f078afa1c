// SPDX-License-Identifier: Apache-2.0
//
// Which packs the users of a host may have: nothing without a rule, and a denial goes first.
#include "server/pack_rules.h"

#include "server/tests/fixture.h"

namespace muster::server {
namespace {

using core::Code;
using ::testing::HasSubstr;
using testing::host;

class PackRulesTest : public ::testing::Test {
 protected:
  PackRulesTest() {
    web.id = &id;
    web.platform = db.platform = &platform;
    web.labels = labels;
    db.id = &id;
  }
  ~PackRulesTest() override {
    database->stop();
    loop.run_until_idle();
  }
  core::Result<PackRule> add(PackRule rule, access::Role role = access::Role::kAdmin) {
    return runtime::run_to_end(loop, rules.add({"ada", role, {}, "test"}, std::move(rule)));
  }
  core::Status remove(std::int64_t rule) {
    return runtime::run_to_end(loop, rules.remove({"ada", access::Role::kAdmin, {}, "test"}, rule));
  }
  static PackRule allow(std::string pack, std::string version, std::string selector) {
    PackRule rule;
    rule.pack = std::move(pack);
    rule.version = std::move(version);
    rule.selector = std::move(selector);
    return rule;
  }
  static PackRule deny(std::string pack, std::string version, std::string selector) {
    PackRule rule = allow(std::move(pack), std::move(version), std::move(selector));
    rule.deny = true;
    return rule;
  }

  runtime::Loop loop;
  std::unique_ptr<store::Database> database =
      *store::Database::open_temporary({access::migrations(), pack_rule_migrations()});
  core::EndpointId id = host(1);
  fleet::Platform platform;
  fleet::Labels labels{{"role", "web"}};
  fleet::Subject web, db;
  PackRules rules{*database};
};

TEST_F(PackRulesTest, NothingIsAllowedThatNoRuleAllows) {
  EXPECT_FALSE(rules.allows("editor", "1.0", true, web));
  ASSERT_TRUE(add(allow("editor", "", "role=web")));
  EXPECT_TRUE(rules.allows("editor", "1.0", true, web));
  EXPECT_FALSE(rules.allows("editor", "0.9", false, web)) << "not the current version";
  EXPECT_FALSE(rules.allows("editor", "1.0", true, db)) << "another host";
  EXPECT_FALSE(rules.allows("edito", "1.0", true, web));
  ASSERT_TRUE(add(allow("editor", "0.9", "all")));
  EXPECT_TRUE(rules.allows("editor", "0.9", false, db));
  EXPECT_FALSE(rules.allows("editor", "1.0", true, db));
  EXPECT_TRUE(rules.speaks_of("editor"));
}

TEST_F(PackRulesTest, ADenialGoesFirstWheneverItCame) {
  ASSERT_TRUE(add(deny("editor", "1.1", "all")));
  ASSERT_TRUE(add(allow("editor", "", "all")));
  EXPECT_FALSE(rules.allows("editor", "1.1", true, web));
  EXPECT_TRUE(rules.allows("editor", "1.2", true, web));
  ASSERT_TRUE(add(deny("editor", "", "role=web")));
  EXPECT_FALSE(rules.allows("editor", "1.2", true, web));
  EXPECT_FALSE(rules.allows("editor", "0.9", false, web)) << "every version";
  EXPECT_TRUE(rules.allows("editor", "1.2", true, db));
  ASSERT_TRUE(add(deny("viewer", "", "all")));
  EXPECT_FALSE(rules.speaks_of("viewer"));
}

TEST_F(PackRulesTest, RulesOutliveARestartAndEndWithTheirRemoval) {
  const auto rule = add(allow("editor", "", "all"));
  ASSERT_TRUE(rule);
  EXPECT_EQ(rule->created_by, "ada");
  {
    PackRules again(*database);
    ASSERT_TRUE(again.open());
    ASSERT_EQ(again.all().size(), 1U);
    EXPECT_EQ(again.all()[0].id, rule->id);
    EXPECT_TRUE(again.allows("editor", "1.0", true, web));
  }
  EXPECT_TRUE(remove(rule->id));
  EXPECT_FALSE(rules.allows("editor", "1.0", true, web));
  EXPECT_EQ(remove(rule->id).error().code, Code::kNotFound);
  PackRules again(*database);
  ASSERT_TRUE(again.open());
  EXPECT_TRUE(again.all().empty());
}

TEST_F(PackRulesTest, ARuleThatCannotBeReadStopsTheServer) {
  ASSERT_TRUE(add(deny("editor", "", "all")));
  ASSERT_TRUE(database->write_blocking([](store::Connection& connection) -> core::Status {
    MUSTER_TRY(connection.execute("UPDATE pack_rules SET selector = 'from=tomorrow('"));
    return {};
  }));
  PackRules again(*database);
  EXPECT_EQ(again.open().error().code, Code::kCorrupt);
}

TEST_F(PackRulesTest, WhatIsWrongIsRefused) {
  EXPECT_EQ(add(allow("editor", "", "role=")).error().code, Code::kInvalid);
  EXPECT_THAT(add(allow("editor", "", "role=")).error().message, HasSubstr("selector: column"));
  EXPECT_EQ(add(allow("../etc", "", "all")).error().code, Code::kInvalid);
  EXPECT_EQ(add(allow("editor", "../1", "all")).error().code, Code::kInvalid);
  EXPECT_EQ(add(allow("editor", "", "all"), access::Role::kOperator).error().code, Code::kDenied);
  EXPECT_TRUE(rules.all().empty());
}

}  // namespace
}  // namespace muster::server
