// SPDX-License-Identifier: Apache-2.0
//
// The machine dies at each step of a switch, and at each step of putting that right. What is
// there afterwards is one version or the other, whole; and the next run goes on from it.
#include <sys/wait.h>

#include "installer/tests/world.h"

namespace muster::installer {
namespace {

using testing::MadePack;
using testing::Tree;

struct KilledTest : testing::World {
  MadePack one = pack("1", {{"opt/webapp/run", "one"},
                            {"etc/a", "one"},
                            {"etc/gone", "of one only"},
                            {"etc/kept", "always"}});
  MadePack two = pack("2", {{"opt/webapp/run", "two"},
                            {"opt/webapp/more", "of two only"},
                            {"etc/a", "two"},
                            {"etc/new", "of two only"},
                            {"etc/kept", "always"}});
  Tree old_tree, new_tree;

  enum class What { kApply, kRollBack, kRemove };

  /// Works in a process of its own, which ends at its `step`-th checkpoint. True where it came
  /// to its end before that.
  bool work_until(int step, What what) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto count = std::make_shared<int>(0);
      auto opened = Installer::open("webapp", options([count, step](std::string_view) {
                                      if (++*count == step) ::_exit(9);
                                    }));
      if (!opened) ::_exit(1);
      auto done = what == What::kApply      ? opened->apply(two.encoded, two)
                  : what == What::kRollBack ? opened->roll_back()
                                            : opened->remove();
      ::_exit(done ? 0 : 2);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_TRUE(WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0) << WEXITSTATUS(status);
    return WEXITSTATUS(status) == 0;
  }

  void start_over() {
    for (const char* folder : {"opt", "etc", "var"}) {
      std::filesystem::remove_all(root_ / folder);
      std::filesystem::create_directory(root_ / folder);
    }
    ASSERT_TRUE(apply(one).has_value());
    if (old_tree.empty()) old_tree = tree();
  }
  void finish(What what, const Tree& wanted) {
    auto installer = open();
    const auto after = tree();
    EXPECT_TRUE(after == old_tree || after == wanted) << "neither the one nor the other";
    const auto done = what == What::kApply && after != wanted ? installer.apply(two.encoded, two)
                                                              : installer.verify();
    ASSERT_TRUE(done.has_value()) << done.error().message;
    if (what == What::kApply) {
      EXPECT_EQ(tree(), wanted);
      EXPECT_EQ(installer.verify()->outcome, "intact");
      EXPECT_EQ(installer.roll_back()->version, "1");
      EXPECT_EQ(tree(), old_tree);
    }
  }
};

TEST_F(KilledTest, AtEachStepOfAnUpdate) {
  start_over();
  ASSERT_TRUE(apply(two).has_value());
  new_tree = tree();
  for (int step = 1; step < 100; ++step) {
    SCOPED_TRACE(step);
    start_over();
    const bool over = work_until(step, What::kApply);
    finish(What::kApply, new_tree);
    if (!over) continue;
    EXPECT_GT(step, 10);
    return;
  }
  FAIL() << "it never came to its end";
}

TEST_F(KilledTest, AgainWhileItIsPutRight) {
  start_over();
  ASSERT_TRUE(apply(two).has_value());
  new_tree = tree();
  for (int first = 6; first < 9; ++first)
    for (int second = 1; second < 5; ++second) {
      SCOPED_TRACE(first * 100 + second);
      start_over();
      work_until(first, What::kApply);
      work_until(second, What::kApply);
      finish(What::kApply, new_tree);
    }
}

TEST_F(KilledTest, AtEachStepOfARemoval) {
  start_over();
  for (int step = 1; step < 100; ++step) {
    SCOPED_TRACE(step);
    start_over();
    const bool over = work_until(step, What::kRemove);
    finish(What::kRemove, Tree());
    if (!over) continue;
    EXPECT_GT(step, 5);
    return;
  }
  FAIL() << "it never came to its end";
}

TEST_F(KilledTest, AtEachStepOfARollBack) {
  for (int step = 1; step < 100; ++step) {
    SCOPED_TRACE(step);
    start_over();
    ASSERT_TRUE(apply(two).has_value());
    new_tree = tree();
    const bool over = work_until(step, What::kRollBack);
    finish(What::kRollBack, new_tree);
    if (!over) continue;
    EXPECT_GT(step, 5);
    return;
  }
  FAIL() << "it never came to its end";
}

}  // namespace
}  // namespace muster::installer
