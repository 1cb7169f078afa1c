// SPDX-License-Identifier: Apache-2.0
#include "jobs/chain.h"

#include <gmock/gmock.h>

#include <set>

#include "jobs/chain_trees.h"
#include "jobs/tests/test_sink.h"

namespace muster::jobs {
namespace {

using namespace std::chrono_literals;
using core::Code;
using core::RunId;
using ::testing::HasSubstr;

Chain root_chain() {
  Chain chain;
  chain.grant = {{"db::dump", "db::load"}, false, "role=db"};
  chain.role = 1;
  chain.selectors = {"site=a"};
  return chain;
}

ChainLink link(int run, int host, std::string method = "db::dump") {
  return {RunId(static_cast<std::uint64_t>(run)), endpoint_number(host), std::move(method)};
}

TEST(Chain, SurvivesItsTable) {
  Chain chain = *chain_of_child(root_chain(), link(1, 1), "db::load");
  EXPECT_EQ(*chain_from(stored_text(chain)), chain);
  for (const char* bad : {"", "{}", "[]", "{\"methods\":7}", "nonsense"})
    EXPECT_EQ(chain_from(bad).error().code, Code::kCorrupt) << bad;
}

TEST(Chain, StartsWhatWasGrantedAndNothingElse) {
  const Chain root = root_chain();
  EXPECT_TRUE(chain_of_child(root, link(1, 1), "db::load"));
  const auto other = chain_of_child(root, link(1, 1), "db::drop");
  EXPECT_EQ(other.error().code, Code::kDenied);
  EXPECT_THAT(other.error().message, HasSubstr("db::dump, db::load on role=db"));
  EXPECT_EQ(chain_of_child(root, link(1, 1), "").error().code, Code::kDenied);
  Chain with_commands = root;
  with_commands.grant.commands = true;
  EXPECT_TRUE(chain_of_child(with_commands, link(1, 1), ""));
}

TEST(Chain, GoesNoDeeperThanItMay) {
  Chain chain = root_chain();
  for (std::size_t depth = 1; depth <= kChainDepthMax; ++depth) {
    const int number = static_cast<int>(depth);
    chain = *chain_of_child(chain, link(number, number), "db::load");
    EXPECT_EQ(chain.depth(), depth);
    EXPECT_EQ(chain.parent().run, RunId(depth));
  }
  EXPECT_EQ(chain_of_child(chain, link(9, 9), "db::load").error().code, Code::kLimit);
}

TEST(Chain, SeesLoops) {
  Chain chain = *chain_of_child(root_chain(), link(1, 1, "db::dump"), "db::load");
  chain = *chain_of_child(chain, link(2, 2, "db::load"), "db::dump");
  const auto on = [&](const char* method, int host) {
    const core::EndpointId targets[] = {endpoint_number(7), endpoint_number(host)};
    return check_loop(chain, method, targets);
  };
  EXPECT_EQ(on("db::dump", 1).error().code, Code::kConflict);
  EXPECT_TRUE(on("db::dump", 2));
  EXPECT_EQ(on("db::load", 2).error().code, Code::kConflict);
  EXPECT_TRUE(on("db::load", 1));
  EXPECT_TRUE(on("", 1)) << "a command starts nothing";
}

TEST(Chain, AGrantGrantsSomethingSomewhere) {
  EXPECT_EQ(check_grant({{}, false, "all"}).error().code, Code::kInvalid);
  EXPECT_EQ(check_grant({{"x"}, false, ""}).error().code, Code::kInvalid);
  EXPECT_EQ(check_grant({std::vector<std::string>(65, "x"), false, "all"}).error().code,
            Code::kLimit);
  EXPECT_TRUE(check_grant({{}, true, "all"}));
}

/// Plays the ledger: which targets are under way.
class ChainTreesTest : public ::testing::Test {
 protected:
  using Chained = std::shared_ptr<const Chain>;

  Chained child_of(int parent, int host, const Chained& chain) {
    return std::make_shared<const Chain>(*chain_of_child(*chain, link(parent, host), "db::load"));
  }
  std::vector<std::uint64_t> tell(int run, const Chained& chain, bool finished = false,
                                  std::string cancelled_by = "",
                                  std::vector<core::EndpointId> ended = {}) {
    ChainTrees::News news{RunId(static_cast<std::uint64_t>(run)), chain, finished,
                          std::move(cancelled_by), std::move(ended)};
    for (const auto& endpoint : news.ended) running.erase({news.run, endpoint});
    last = trees.changed(news);
    std::vector<std::uint64_t> cancelled;
    for (const auto& cancel : last) cancelled.push_back(cancel.run.value());
    return cancelled;
  }
  void start(int run, int host) {
    running.insert({RunId(static_cast<std::uint64_t>(run)), endpoint_number(host)});
  }

  std::set<std::pair<RunId, core::EndpointId>> running;
  ChainTrees trees{[this](RunId run, const core::EndpointId& endpoint) {
    return running.contains({run, endpoint});
  }};
  std::vector<ChainTrees::Cancel> last;
  const Chained root = std::make_shared<const Chain>(root_chain());
  core::MonoTime now{1h};
};

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST_F(ChainTreesTest, ChildrenEndWithTheTargetThatAskedForThem) {
  start(1, 1);
  start(1, 2);
  EXPECT_THAT(tell(1, root), IsEmpty());
  const auto of_one = child_of(1, 1, root), of_two = child_of(1, 2, root);
  EXPECT_THAT(tell(10, of_one), IsEmpty());
  EXPECT_THAT(tell(11, of_one), IsEmpty());
  EXPECT_THAT(tell(20, of_two), IsEmpty());
  EXPECT_THAT(trees.open_children(RunId(1), endpoint_number(1)), ElementsAre(RunId(10), RunId(11)));
  EXPECT_THAT(tell(10, of_one, true), IsEmpty()) << "it has ended by itself";
  EXPECT_THAT(tell(1, root, false, "", {endpoint_number(1)}), ElementsAre(11));
  EXPECT_EQ(last.front().by, "system");
  EXPECT_THAT(tell(1, root, true, "", {endpoint_number(2)}), UnorderedElementsAre(11, 20));
  EXPECT_EQ(trees.trees(), 1u);
  tell(11, of_one, true);
  tell(20, of_two, true);
  EXPECT_EQ(trees.trees(), 0u);
  EXPECT_EQ(trees.open_children(), 0u);
}

TEST_F(ChainTreesTest, ACancelGoesDownTheTree) {
  start(1, 1);
  start(2, 2);
  tell(1, root);
  const auto child = child_of(1, 1, root), grandchild = child_of(2, 2, child);
  tell(2, child);
  tell(3, grandchild);
  EXPECT_THAT(tell(1, root, false, "ada"), ElementsAre(2));
  EXPECT_EQ(last.front().by, "ada");
  EXPECT_THAT(tell(2, child, false, "ada"), ElementsAre(3));
}

TEST_F(ChainTreesTest, AChildThatComesLateIsCancelledAtOnce) {
  start(1, 1);
  tell(1, root);
  const auto child = child_of(1, 1, root);
  ASSERT_TRUE(trees.reserve(*child, now));
  tell(1, root, true, "", {endpoint_number(1)});
  EXPECT_THAT(tell(2, child), ElementsAre(2));
  EXPECT_THAT(tell(2, child), IsEmpty()) << "it was said";
  tell(2, child, true);
  EXPECT_EQ(trees.trees(), 0u);
}

TEST_F(ChainTreesTest, OrphansAreFoundAfterARestart) {
  start(1, 1);
  const auto kept = child_of(1, 1, root), orphan = child_of(1, 2, root);
  trees.restore(RunId(1), root, false);
  trees.restore(RunId(2), kept, false);
  trees.restore(RunId(3), orphan, false);
  trees.restore(RunId(4), kept, true);
  const auto found = trees.sweep();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.front().run, RunId(3));
  EXPECT_THAT(trees.open_children(RunId(1), endpoint_number(1)), ElementsAre(RunId(2)));
  // Those that have ended count: two of 32 are taken.
  for (std::size_t i = 2; i < kChildrenOfTargetMax; ++i) {
    ASSERT_TRUE(trees.reserve(*kept, now)) << i;
    now += 1s;
  }
  EXPECT_EQ(trees.reserve(*kept, now).error().code, Code::kLimit);
  trees.give_back(*kept);
  EXPECT_TRUE(trees.reserve(*kept, now));
}

TEST_F(ChainTreesTest, ATreeIsBoundedAndPaced) {
  for (int host = 0; host < 100; ++host) start(1, host);
  tell(1, root);
  EXPECT_EQ(
      trees.reserve(*child_of(5, 1, std::make_shared<const Chain>(root_chain())), now).error().code,
      Code::kDenied)
      << "of no tree";
  std::size_t started = 1;
  int fast = 0;
  for (int host = 0; started < kTreeRunsMax; host = (host + 1) % 100) {
    const auto taken = trees.reserve(*child_of(1, host, root), now);
    if (taken) {
      ++started;
      continue;
    }
    ASSERT_EQ(taken.error().code, Code::kUnavailable) << taken.error().message;
    ++fast;
    now += 1s;
  }
  EXPECT_GT(fast, 100);
  now += 1h;
  EXPECT_EQ(trees.reserve(*child_of(1, 99, root), now).error().code, Code::kLimit);
}

}  // namespace
}  // namespace muster::jobs
