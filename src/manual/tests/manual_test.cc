// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/app.h"
#include "manual/pages.h"
#include "manual/roff.h"

namespace muster::manual {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST(Roff, WhatMacrosWouldTakeForTheirOwnIsEscaped) {
  Roff page("a-b", 1, "2026-11-22");
  page.heading("A \"B\"").paragraph(".one\n'two\\n\n  a b\n\nthree -x\xe2\x80\xa6");
  EXPECT_THAT(page.text(), HasSubstr(".SH \"A \\(dqB\\(dq\"\n\\&.one\n\\(aqtwo\\en\n"));
  EXPECT_THAT(page.text(), EndsWith(".PP\n.nf\n.RS\na b\n.RE\n.fi\n.PP\nthree \\-x...\n"));
  EXPECT_THAT(page.text(), HasSubstr(".TH \"A\\-B\" 1 \"2026-11-22\""));
}

void walk(const cli::Command& command, const std::function<void(const cli::Command&)>& visit) {
  visit(command);
  for (const auto& child : command.children()) walk(*child, visit);
}

TEST(Manual, EveryCommandAndOptionIsInThePage) {
  const auto made = files("2026-11-22");
  std::string page = made.at("man/muster.1");
  for (std::size_t at; (at = page.find("\\-")) != page.npos;) page.erase(at, 1);
  walk(*cli::build_tree(), [&](const cli::Command& command) {
    if (!command.run()) return;
    EXPECT_THAT(page, HasSubstr("\n.SS \"" + command.full_name()));
    for (const auto& option : command.options()) EXPECT_THAT(page, HasSubstr(option.long_name()));
  });
}

TEST(Manual, TheSameDateGivesTheSameBytes) {
  EXPECT_EQ(files("2026-11-22"), files("2026-11-22"));
  EXPECT_NE(files("2026-11-22"), files("2026-11-23"));
}

TEST(Manual, ThePackagesConfigurationsKeepStateInTheSystemsFolders) {
  const auto made = files("2026-11-22");
  EXPECT_THAT(made.at("etc/server.toml"), HasSubstr("\nstate = \"/var/lib/muster\"\n"));
  EXPECT_THAT(made.at("etc/agent.toml"), HasSubstr("\nstate = \"/var/lib/muster-agent\"\n"));
  EXPECT_THAT(made.at("etc/gateway.toml"), HasSubstr("\n#listen = \"0.0.0.0:7443\"\n"));
}

}  // namespace
}  // namespace muster::manual
