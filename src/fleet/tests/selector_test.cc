// SPDX-License-Identifier: Apache-2.0
#include "fleet/selector.h"

#include <gtest/gtest.h>

namespace muster::fleet {
namespace {

using namespace std::chrono_literals;

class SelectorTest : public ::testing::Test {
 protected:
  SelectorTest() {
    platform_.os = "linux";
    platform_.distribution = "debian";
    platform_.distribution_version = "12.10";
    platform_.kernel = "6.1.0-38-amd64";
    platform_.machine = "x86_64";
    platform_.agent_version = "0.1.0";
    platform_.features = {"python3", "shell"};
    subject_.id = &id_;
    subject_.name = "Web07.example";
    subject_.platform = &platform_;
    subject_.cpus = 8;
    subject_.memory_bytes = 16ULL << 30;
    subject_.labels = labels_;
    subject_.online = true;
    subject_.silent_for = core::Duration::zero();
  }

  bool matches(std::string_view text) {
    auto selector = Selector::parse(text);
    EXPECT_TRUE(selector) << text << ": " << (selector ? "" : selector.error().message);
    return selector && selector->matches(subject_);
  }

  core::EndpointId id_ = core::EndpointId::of_public_key("key");
  Platform platform_;
  Labels labels_ = {{"role", "web"}, {"site", "a"}, {"tier", "9"}};
  Subject subject_;
};

TEST_F(SelectorTest, MatchesFactsAndLabels) {
  for (const char* text : {"os=linux",
                           "os==linux",
                           "os=linux and site in (a,b) and not role=db",
                           "site not in (c)",
                           "site!=b",
                           "missing!=x",
                           "not missing=x",
                           "labels.site=a",
                           "facts.os=linux",
                           "\"site\"=a",
                           "role~w*",
                           "kernel~6.1.*",
                           "cpus>4",
                           "cpus<=8",
                           "memory>=8G",
                           "memory=16GiB",
                           "tier<10",
                           "distribution_version>=12.9",
                           "version>=0.1",
                           "feature=python3",
                           "feature in (x,shell)",
                           "feature!=ruby",
                           "state=active",
                           "os=bsd or (role=web and online)",
                           "role='web'",
                           "site in ( 'a' )",
                           "OS=x or all",
                           "NOT offline AND online"})
    EXPECT_TRUE(matches(text)) << text;
  for (const char* text : {"os=Linux", "missing=x", "missing~*", "site in (b,c)", "site not in (a)",
                           "cpus>8", "memory<8G", "tier>10", "not all", "offline", "revoked",
                           "distribution_version>=12.11", "os=linux and role=db or site=b"})
    EXPECT_FALSE(matches(text)) << text;
}

TEST_F(SelectorTest, MatchesNamesAndIds) {
  const std::string id = id_.str();
  for (const std::string& text : std::vector<std::string>{
           std::string("web07.example"), std::string("WEB*"), std::string("web?7*"),
           std::string("db1,web[05-09].example"), std::string("web[01-12]*"),
           std::string("name~web*"), std::string("hostname=web07.EXAMPLE"), id, id.substr(0, 6),
           "id=" + id.substr(0, 9), "db1," + id, std::string("'web07.example'"),
           "id in (" + id + ")", "id in (zzzzzz," + id.substr(0, 6) + ")",
           "name in (x,web07.example)"})
    EXPECT_TRUE(matches(text)) << text;
  for (const std::string& text :
       std::vector<std::string>{std::string("web07"), std::string("web[1-9].example"),
                                std::string("db*,offline"), id.substr(1, 8), "id!=" + id,
                                "id not in (" + id + ")", "id in (zzzzzz)", std::string("'web*'")})
    EXPECT_FALSE(matches(text)) << text;
}

TEST_F(SelectorTest, MatchesTheAgeOfTheLastContact) {
  EXPECT_TRUE(matches("seen<5m"));
  EXPECT_FALSE(matches("seen>7d"));
  EXPECT_TRUE(matches("seen!=never"));
  subject_.silent_for = 8 * 24h;
  EXPECT_TRUE(matches("seen>7d"));
  EXPECT_FALSE(matches("seen<5m"));
  subject_.silent_for.reset();
  EXPECT_TRUE(matches("seen>7d"));
  EXPECT_TRUE(matches("seen=never"));
}

// The help itself said name=web*, which matched nothing in silence.
TEST_F(SelectorTest, PatternsBehindAnEqualSignAreRefusedWithAdvice) {
  const auto advice = [](std::string_view text) {
    const auto selector = Selector::parse(text);
    return selector ? "" : selector.error().message;
  };
  EXPECT_EQ(advice("os=linux and name=web*"),
            "column 18: '=' compares exactly: write name~web* for a pattern, or quote the value");
  EXPECT_EQ(
      advice("role!=w?b"),
      "column 5: '!=' compares exactly: write not role~w?b for a pattern, or quote the value");
  EXPECT_FALSE(matches("role='w*'"));
  EXPECT_TRUE(matches("role~w*"));
}

TEST_F(SelectorTest, ErrorsPointAtTheColumn) {
  const std::pair<std::string, std::size_t> wrong[] = {
      {"", 1},
      {"site =  ", 9},
      {"site=a role=b", 8},
      {"site=a,b", 7},
      {"(site=a", 8},
      {"site=a)", 7},
      {"= a", 1},
      {"site in a", 9},
      {"site in (a", 11},
      {"site in ()", 10},
      {"cpus>many", 6},
      {"memory~8*", 7},
      {"seen=5m", 5},
      {"seen<soon", 6},
      {"facts.color=red", 1},
      {"web[1-", 4},
      {"web[9-1]", 1},
      {"site='a", 6},
      {"!role=db", 1},
      {"and", 1},
      {"web1,", 6},
      {"id=zz", 4},
      {"-x=1", 1},
      {"web[1-99999999]", 1},
      {std::string(200, '('), 65},
      {std::string(kSelectorBytesMax + 1, 'a'), kSelectorBytesMax + 1},
  };
  for (const auto& [text, column] : wrong) {
    const auto selector = Selector::parse(text);
    ASSERT_FALSE(selector) << text;
    EXPECT_EQ(selector.error().column, column) << text << ": " << selector.error().message;
    EXPECT_TRUE(selector.error().message.starts_with("column " + std::to_string(column) + ": "));
  }
  EXPECT_EQ(Selector::parse("site =").error().message, "column 7: expected a value after '='");
}

TEST_F(SelectorTest, KnowsWhenItMatchesAll) {
  EXPECT_TRUE(Selector::all().matches_all());
  EXPECT_TRUE(Selector::parse("all")->matches_all());
  EXPECT_FALSE(Selector::parse("online")->matches_all());
  EXPECT_TRUE(Selector::all().matches(subject_));
}

}  // namespace
}  // namespace muster::fleet
