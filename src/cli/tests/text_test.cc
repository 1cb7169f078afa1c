// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"

#include <gtest/gtest.h>

#include "cli/json_access.h"
#include "cli/selector_text.h"
#include "cli/tests/fakes.h"

namespace muster::cli {
namespace {

using namespace std::chrono_literals;

TEST(Text, SizesAreReadAndShown) {
  EXPECT_EQ(parse_size("65536").value(), 65536u);
  EXPECT_EQ(parse_size("512K").value(), 512u * 1024);
  EXPECT_EQ(parse_size("1.5GiB").value(), 1536u * 1024 * 1024);
  EXPECT_EQ(parse_size("2mb").value(), 2u * 1024 * 1024);
  for (const char* bad : {"", "x", "1Q", "-1", "1 G", "1e30", "nan", "inf"}) {
    EXPECT_FALSE(parse_size(bad)) << bad;
  }
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1536), "1.5 KB");
  EXPECT_EQ(size_text(16'777'216'000), "15.6 GB");
  EXPECT_EQ(size_text(1024 * 1024 - 1), "1.0 MB");
}

TEST(Text, AgesHaveOneUnit) {
  const auto now = core::wall_from_unix_ms(1'000'000'000'000);
  EXPECT_EQ(ago(now, now), "just now");
  EXPECT_EQ(ago(now - 42s, now), "42s ago");
  EXPECT_EQ(ago(now - 3min - 59s, now), "3m ago");
  EXPECT_EQ(ago(now - 47h, now), "47h ago");
  EXPECT_EQ(ago(now - 12 * 24h, now), "12d ago");
  EXPECT_EQ(ago(now + 2h, now), "in 2h");
}

TEST(Text, TimesOfTheApiAreRead) {
  const auto time = parse_rfc3339("2026-11-22T02:18:01.123Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(core::to_rfc3339(*time), "2026-11-22T02:18:01.123Z");
  for (const char* bad : {"", "2026-11-22", "2026-13-22T02:18:01Z", "2026-11-22T02:18:01+01:00"}) {
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  }
}

TEST(Text, ForeignBytesCannotSteerAScreen) {
  EXPECT_EQ(for_screen("a\tb\r\nc\n"), "a\tb\nc\n");
  EXPECT_EQ(for_screen("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(for_screen("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(for_screen("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(for_screen("over\rwritten\n"), "over\\x0dwritten\n");
  EXPECT_EQ(in_line("a\nb"), "a\\x0ab");
}

TEST(Text, FitCountsCharactersNotBytes) {
  EXPECT_EQ(fit("abc", 3), "abc");
  EXPECT_EQ(fit("abcd", 3), "ab…");
  EXPECT_EQ(fit("äöü", 3), "äöü");
  EXPECT_EQ(fit("äöüß", 3), "äö…");
}

TEST(Text, WrappingKeepsIndentedLines) {
  EXPECT_EQ(wrap("one two three\n  kept as   it is\nfour", 8),
            "one two\nthree\n  kept as   it is\nfour\n");
}

TEST(Text, WordsAreQuotedForTheShell) {
  EXPECT_EQ(shell_quoted("a/b-c=1"), "a/b-c=1");
  EXPECT_EQ(shell_quoted("a b"), "'a b'");
  EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quoted(""), "''");
}

TEST(Text, TablesAlignAndCannotBeForged) {
  FakeTerminal terminal;
  Table table({"NAME", "STATE"});
  table.row({"web1", {"online", Color::kGreen}});
  table.row({"d\x1b[2Jb", "offline"});
  EXPECT_EQ(table.render(terminal), "NAME       STATE\nweb1       online\nd\\x1b[2Jb  offline\n");
}

TEST(Text, ColoursOnlyWhereTheyShow) {
  FakeTerminal terminal;
  terminal.colors = true;
  EXPECT_EQ(terminal.paint(Color::kRed, "x"), "x");  // not a terminal
  terminal.out_is_terminal = true;
  EXPECT_EQ(terminal.paint(Color::kRed, "x"), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(terminal.paint_error(Color::kRed, "x"), "x");
  terminal.colors = false;  // NO_COLOR
  EXPECT_EQ(terminal.paint(Color::kRed, "x"), "x");
}

TEST(Text, BytesAreKeptInFilesAndMadeHarmlessOnScreens) {
  FakeTerminal terminal;
  terminal.out_bytes("\xff\x1b\n");
  EXPECT_EQ(terminal.output, "\xff\x1b\n");
  terminal.output.clear();
  terminal.out_is_terminal = true;
  terminal.out_bytes("\xff\x1b\n");
  EXPECT_EQ(terminal.output, "\\xff\\x1b\n");
}

TEST(Text, SelectorErrorsPointAtTheColumn) {
  const auto error = pointing_at({core::Code::kInvalid, "column 6: expected a value"}, "role=");
  EXPECT_EQ(error.message, "column 6: expected a value\n  role=\n       ^");
  EXPECT_EQ(pointing_at({core::Code::kNotFound, "column 6"}, "role=").message, "column 6");
  EXPECT_EQ(pointing_at({core::Code::kInvalid, "column 99"}, "role=").message, "column 99");
}

TEST(JsonAccess, AbsentAndWrongMembersReadAsNothing) {
  const Json json = {{"a", "x"}, {"n", 5}, {"l", {1, 2}}, {"b_base64", "/w=="}};
  EXPECT_EQ(text(json, "a"), "x");
  EXPECT_EQ(text(json, "n"), "");
  EXPECT_EQ(number(json, "a"), 0);
  EXPECT_EQ(elements(json, "l").size(), 2u);
  EXPECT_TRUE(elements(json, "a").empty());
  EXPECT_EQ(bytes_of(json, "b").value(), "\xff");
  EXPECT_FALSE(bytes_of(json, "c"));
  EXPECT_EQ(text(Json("no object"), "a"), "");
}

}  // namespace
}  // namespace muster::cli
