// SPDX-License-Identifier: Apache-2.0
//
// How things read: sizes, ages, tables, wrapped paragraphs, and foreign bytes made
// harmless. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal.h"
#include "core/clock.h"
#include "core/result.h"
#include "core/size_text.h"

namespace muster::cli {

using core::parse_size;
/// "0 B", "512 KB", "1.5 GB" (powers of 1024).
std::string size_text(std::uint64_t bytes);

/// "just now", "42s ago", "3m ago", "5h ago", "12d ago", "in 2h"; one unit.
std::string ago(core::WallTime then, core::WallTime now);
/// Reads 2026-11-22T02:18:01.123Z; kInvalid for any other form.
core::Result<core::WallTime> parse_rfc3339(std::string_view text);

/// Columns that `text` takes on a screen, near enough: code points.
std::size_t width_of(std::string_view text);
/// `text` cut to `columns`, ending in "…" where something was cut.
std::string fit(std::string_view text, std::size_t columns);

/// Foreign bytes for a screen: control characters and malformed UTF-8 become
/// \xNN; line feeds and tabs stay, "\r\n" becomes "\n".
std::string for_screen(std::string_view bytes);
/// The same in one line: line feeds and tabs become \xNN too.
std::string in_line(std::string_view bytes);

/// Paragraphs (separated by an empty line) wrapped to `columns`. Lines that begin
/// with a space stand as they are.
std::string wrap(std::string_view text, std::size_t columns);
/// `left`, then `text` wrapped to 80 columns behind `column`.
std::string hanging(std::string_view left, std::string_view text, std::size_t column);

/// "1 host", "3 hosts".
std::string count_of(std::uint64_t count, std::string_view one, std::string_view many);
/// "a, b, c"
std::string listed(const std::vector<std::string>& words, std::string_view between = ", ");
/// An argument as a POSIX shell must be given it: unchanged where that is safe.
std::string shell_quoted(std::string_view word);

/// Aligned columns. Cells are made harmless; the colour does not count as width.
class Table {
 public:
  struct Cell {
    std::string text;
    Color color = Color::kNone;
    Cell(std::string t, Color c = Color::kNone) : text(std::move(t)), color(c) {}
    Cell(const char* t) : text(t) {}
  };
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  /// As many cells as there are headings.
  void row(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  /// On a screen the last column is cut at its edge.
  std::string render(const Terminal& terminal) const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace muster::cli
