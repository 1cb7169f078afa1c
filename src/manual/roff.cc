// SPDX-License-Identifier: Apache-2.0
#include "manual/roff.h"

#include <algorithm>

namespace muster::manual {
namespace {

/// Within a line, or as a macro's argument in quotes.
std::string escaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    constexpr std::string_view kDots = "\xe2\x80\xa6";  // …
    if (text[i] == '\\') {
      out += "\\e";
    } else if (text[i] == '-') {
      out += "\\-";  // a hyphen would be another character when it is copied
    } else if (text[i] == '"') {
      out += "\\(dq";
    } else if (text[i] == '\'') {
      out += "\\(aq";
    } else if (text[i] == '`') {
      out += "\\(ga";
    } else if (text.substr(i).starts_with(kDots)) {
      out += "...";
      i += kDots.size() - 1;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// A line of text: what begins as a request does not.
std::string line(std::string_view text) {
  std::string out = escaped(text);
  if (out.starts_with('.')) out.insert(0, "\\&");
  return out + "\n";
}

template <typename Each>
void each_line(std::string_view text, Each each) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    each(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

Roff::Roff(std::string_view name, int section, std::string_view date) {
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  text_ = ".\\\" Made by muster-manual from the program's help.\n.TH \"" + escaped(upper) + "\" " +
          std::to_string(section) + " \"" + std::string(date) +
          "\" \"Muster " MUSTER_VERSION "\" \"Muster\"\n";
}

void Roff::space() {
  if (begun_) text_ += ".PP\n";
  begun_ = true;
}

Roff& Roff::heading(std::string_view text) {
  text_ += ".SH \"" + escaped(text) + "\"\n";
  begun_ = false;
  return *this;
}

Roff& Roff::subheading(std::string_view text) {
  text_ += ".SS \"" + escaped(text) + "\"\n";
  begun_ = false;
  return *this;
}

Roff& Roff::paragraph(std::string_view text) {
  bool within = false;
  std::string block;
  const auto end_block = [&] {
    if (!block.empty()) literal(block);
    block.clear();
  };
  each_line(text, [&](std::string_view one) {
    if (one.starts_with(' ')) {
      block += std::string(one.substr(one.find_first_not_of(' '))) + "\n";
      within = false;
      return;
    }
    end_block();
    if (!within && !one.empty()) space();
    within = !one.empty();
    if (within) text_ += line(one);
  });
  end_block();
  return *this;
}

Roff& Roff::paragraph_bold(std::string_view text) {
  space();
  text_ += ".B \"" + escaped(text) + "\"\n";
  return *this;
}

Roff& Roff::item(std::string_view term, std::string_view text) {
  begun_ = true;
  text_ += ".TP\n.B \"" + escaped(term) + "\"\n";
  each_line(text, [&](std::string_view one) { text_ += line(one.empty() ? "\\&" : one); });
  return *this;
}

Roff& Roff::literal(std::string_view text) {
  space();
  text_ += ".nf\n.RS\n";
  each_line(text, [&](std::string_view one) { text_ += line(one); });
  text_ += ".RE\n.fi\n";
  return *this;
}

}  // namespace muster::manual
