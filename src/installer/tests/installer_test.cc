// SPDX-License-Identifier: Apache-2.0
#include "installer/installer.h"

#include <gmock/gmock.h>

#include "installer/tests/world.h"

namespace muster::installer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MadePack;
using testing::Tree;
namespace fs = std::filesystem;

struct InstallerTest : testing::World {
  MadePack one = pack("1", {{"opt/webapp/bin/run", "run one"},
                            {"opt/webapp/same", "the same"},
                            {"opt/webapp/current", "-> bin/run"},
                            {"etc/webapp.conf", "port = 1"},
                            {"etc/only/one", "of version one"}});
  MadePack two = pack("2", {{"opt/webapp/bin/run", "run two"},
                            {"opt/webapp/same", "the same"},
                            {"etc/webapp.conf", "port = 2"},
                            {"etc/two", ""}});
  Tree tree_one() const {
    return {{at("opt/webapp/bin/run"), "run one"},
            {at("opt/webapp/same"), "the same"},
            {at("opt/webapp/current"), "-> bin/run"},
            {at("etc/webapp.conf"), "port = 1"},
            {at("etc/only/one"), "of version one"}};
  }
  Tree tree_two() const {
    return {{at("opt/webapp/bin/run"), "run two"},
            {at("opt/webapp/same"), "the same"},
            {at("etc/webapp.conf"), "port = 2"},
            {at("etc/two"), ""}};
  }
  Report good(core::Result<Report> report) {
    EXPECT_TRUE(report.has_value()) << report.error().message;
    return report.value_or(Report());
  }
};

TEST_F(InstallerTest, InstallsUpdatesRollsBackAndRemoves) {
  Report report = good(apply(one));
  EXPECT_EQ(report.outcome, "installed");
  EXPECT_EQ(report.version, "1");
  EXPECT_EQ(tree(), tree_one());
  EXPECT_EQ(good(apply(one)).outcome, "unchanged");

  report = good(apply(two));
  EXPECT_EQ(report.before, "1");
  EXPECT_EQ(report.counts.reused, std::string("the same").size());
  EXPECT_EQ(tree(), tree_two());

  report = good(open().roll_back());
  EXPECT_EQ(report.outcome, "rolled_back");
  EXPECT_EQ(report.version, "1");
  EXPECT_EQ(tree(), tree_one());
  EXPECT_EQ(good(open().verify()).outcome, "intact");
  EXPECT_EQ(good(open().roll_back()).version, "2");
  EXPECT_EQ(tree(), tree_two());

  EXPECT_EQ(good(open().remove()).outcome, "removed");
  EXPECT_EQ(tree(), Tree());
  EXPECT_EQ(good(open().verify()).outcome, "absent");
  EXPECT_EQ(good(open().roll_back()).version, "2");
  EXPECT_EQ(tree(), tree_two());
}

TEST_F(InstallerTest, WhatWasThereBeforeTheFirstVersionComesBack) {
  write("etc/webapp.conf", "by hand");
  write("opt/webapp/by-hand", "too");
  const Tree before = tree();
  good(apply(one));
  EXPECT_EQ(tree(), tree_one());
  EXPECT_EQ(good(open().roll_back()).version, "");
  EXPECT_EQ(tree(), before);
}

TEST_F(InstallerTest, RepairsWhatSomebodyChanged) {
  good(apply(one));
  write("opt/webapp/bin/run", "hacked!");
  fs::remove(at("etc/webapp.conf"));
  Report report = good(open().verify());
  EXPECT_EQ(report.outcome, "changed");
  EXPECT_EQ(report.changed_count, 2u);
  EXPECT_THAT(report.changed, ElementsAre(at("opt/webapp/bin/run"), at("etc/webapp.conf")));
  EXPECT_EQ(good(apply(one)).outcome, "installed");
  EXPECT_EQ(tree(), tree_one());
}

TEST_F(InstallerTest, StepsRunAroundTheSwitchAndAFailureUndoesIt) {
  good(apply(one));
  const std::string log = at("var/log"), file = at("etc/webapp.conf");
  MadePack talks = pack("3", {{"etc/webapp.conf", "port = 3"}},
                        "echo pre $MUSTER_PACK_BEFORE $(cat " + file + ") >>" + log,
                        "echo post $MUSTER_PACK_VERSION $(cat " + file + ") >>" + log);
  good(apply(talks));
  EXPECT_EQ(read(log), "pre 1 port = 1\npost 3 port = 3\n");
  MadePack again = pack("3.1", {{"etc/webapp.conf", "port = 3.1"}}, "true", "true");
  good(apply(again));
  MadePack same_steps = pack("3.2", {{"etc/webapp.conf", "port = 3"}}, "true", "true");
  good(apply(same_steps));
  EXPECT_EQ(same_steps.fetches, 0u);  // steps are here, and so is what version 3 had
  MadePack fails = pack("4", {{"etc/webapp.conf", "port = 4"}}, "", "exit 7");
  const auto failed = apply(fails);
  ASSERT_FALSE(failed.has_value());
  EXPECT_THAT(failed.error().message, HasSubstr("as it was before: the step post.sh ended with 7"));
  EXPECT_EQ(read(file), "port = 3");
  MadePack refuses = pack("5", {{"etc/webapp.conf", "port = 5"}}, "exit 1");
  EXPECT_FALSE(apply(refuses).has_value());
  EXPECT_EQ(read(file), "port = 3");
  EXPECT_EQ(good(open().verify()).version, "3.2");
}

TEST_F(InstallerTest, ALostLinkResumesWithoutFetchingAgain) {
  std::uint64_t checks = 0;
  Options limited = options();
  limited.stopped = [&] { return one.fetches >= 2 && ++checks > 0; };
  auto interrupted = Installer::open("webapp", std::move(limited));
  ASSERT_TRUE(interrupted.has_value());
  const auto stopped = interrupted->apply(one.encoded, one);
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, core::Code::kCancelled);
  EXPECT_EQ(tree(), Tree());
  interrupted = core::fail(core::Code::kInternal, "gone");  // lets go of the lock
  one.broken = true;
  EXPECT_FALSE(apply(one).has_value());
  one.broken = false;
  const Report report = good(apply(one));
  EXPECT_GT(report.counts.kept, 0u);
  EXPECT_EQ(one.fetches, one.containers.size());
  EXPECT_EQ(tree(), tree_one());
}

TEST_F(InstallerTest, ADamagedContainerChangesNothing) {
  good(apply(one));
  for (auto& [id, bytes] : two.containers) bytes[0] ^= 1;
  const auto failed = apply(two);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, core::Code::kCorrupt);
  EXPECT_EQ(tree(), tree_one());
}

TEST_F(InstallerTest, LinksOfOthersLeadNowhere) {
  fs::create_directory(at("var/victim"));
  fs::create_symlink(at("var/victim"), at("etc/only"));
  EXPECT_THAT(apply(one).error().message, HasSubstr("symbolic link"));
  fs::remove(at("etc/only"));
  fs::create_symlink(at("var/victim"), at("opt/webapp"));
  EXPECT_THAT(apply(one).error().message, HasSubstr("symbolic link"));
  fs::remove(at("opt/webapp"));
  fs::remove_all(at("opt/.muster-pack.webapp"));
  fs::create_symlink(at("var/victim"), at("opt/.muster-pack.webapp"));
  EXPECT_THAT(apply(one).error().message, HasSubstr("symbolic link"));
  fs::remove(at("opt/.muster-pack.webapp"));
  fs::create_directory(at("opt/.muster-pack.webapp"));
  fs::permissions(at("opt/.muster-pack.webapp"), fs::perms::all);
  EXPECT_THAT(apply(one).error().message, HasSubstr("look who made it"));
  fs::remove(at("opt/.muster-pack.webapp"));
  // A link in place of a file is replaced, not followed.
  write("var/victim/file", "precious");
  fs::create_symlink(at("var/victim/file"), at("etc/webapp.conf"));
  good(apply(one));
  EXPECT_EQ(read(at("var/victim/file")), "precious");
  EXPECT_EQ(tree(), tree_one());
}

TEST_F(InstallerTest, OneAtATimeAndOnlyItsOwnPack) {
  const Installer held = open();
  EXPECT_EQ(Installer::open("webapp", options()).error().code, core::Code::kConflict);
  EXPECT_EQ(Installer::open("../x", options()).error().code, core::Code::kInvalid);
  auto other = Installer::open("other", options());
  ASSERT_TRUE(other.has_value());
  EXPECT_FALSE(other->apply(one.encoded, one).has_value());
}

TEST_F(InstallerTest, AnUnknownOwnerIsToldAndNothingChanges) {
  one.index.entries.front().owner = "nobody-of-this-name";
  one.encoded = packs::encode(one.index);
  EXPECT_THAT(apply(one).error().message, HasSubstr("has no user 'nobody-of-this-name'"));
  EXPECT_EQ(tree(), Tree());
}

TEST_F(InstallerTest, AStateThatCannotBeWrittenUndoesTheSwitch) {
  good(apply(one));
  const auto failed = open([this](std::string_view step) {
                        if (step == "switched") fs::remove_all(root_ / "var/packs");
                      }).apply(two.encoded, two);
  ASSERT_FALSE(failed.has_value());
  EXPECT_THAT(failed.error().message, HasSubstr("everything is as it was before"));
  EXPECT_EQ(tree(), tree_one());
}

TEST_F(InstallerTest, TheStateIsOnlyACache) {
  good(apply(one));
  fs::remove_all(root_ / "var/packs");
  EXPECT_EQ(good(open().verify()).outcome, "absent");
  EXPECT_EQ(good(apply(one)).outcome, "installed");
  EXPECT_EQ(good(apply(two)).outcome, "installed");
  fs::remove_all(root_ / "var/packs");
  EXPECT_EQ(good(apply(two)).outcome, "installed");
  EXPECT_EQ(open().roll_back().has_value(), true);
}

TEST_F(InstallerTest, WhatIsThereButNotKnownAnyMoreIsNotCalledAbsent) {
  good(apply(one));
  for (const auto& file : fs::directory_iterator(root_ / "var/packs/webapp"))
    if (file.path().filename().string().starts_with("index-")) fs::resize_file(file.path(), 5);
  EXPECT_THAT(open().verify().error().message, HasSubstr("webapp 1, which is installed here"));
  EXPECT_THAT(open().remove().error().message, HasSubstr("webapp 1, which is installed here"));
  EXPECT_EQ(tree(), tree_one());
  good(apply(one));
  EXPECT_EQ(good(open().remove()).outcome, "removed");
  EXPECT_EQ(good(open().remove()).outcome, "absent");
}

}  // namespace
}  // namespace muster::installer
