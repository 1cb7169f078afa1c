// SPDX-License-Identifier: Apache-2.0
//
// A page of the manual in the man(7) macros, with everything escaped that they would take for
// their own.
#pragma once

#include <string>
#include <string_view>

namespace muster::manual {

class Roff {
 public:
  /// `date`: 2026-11-22.
  Roff(std::string_view name, int section, std::string_view date);

  Roff& heading(std::string_view text);     ///< .SH
  Roff& subheading(std::string_view text);  ///< .SS
  /// Paragraphs, separated by empty lines in `text`; what is indented stands as it is.
  Roff& paragraph(std::string_view text);
  Roff& paragraph_bold(std::string_view text);
  /// A term in bold letters, and what it means behind an indent.
  Roff& item(std::string_view term, std::string_view text);
  /// What one types, as it stands.
  Roff& literal(std::string_view text);

  const std::string& text() const { return text_; }

 private:
  void space();  ///< Between paragraphs; a heading brings its own.

  std::string text_;
  bool begun_ = false;  ///< Something stands below the last heading.
};

}  // namespace muster::manual
