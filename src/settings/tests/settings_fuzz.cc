// SPDX-License-Identifier: Apache-2.0
//
// Any text as a configuration file: every mistake has a line of it, nothing is kept twice, and
// what was kept can be written and read again.
#include <algorithm>
#include <cstdint>
#include <set>

#include "core/assert.h"
#include "core/bytes.h"
#include "settings/file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster::settings;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Text read = parse(text);
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  MUSTER_ASSERT(read.entries.size() <= kEntriesMax && read.mistakes.size() <= kMistakesMax + 1);
  for (const Mistake& mistake : read.mistakes) {
    MUSTER_ASSERT(mistake.line >= 1 && mistake.line <= lines);
    MUSTER_ASSERT(mistake.message == muster::core::printable(mistake.message));
  }
  std::set<std::string> keys;
  for (const Entry& entry : read.entries) {
    MUSTER_ASSERT(!entry.key.empty() && keys.insert(entry.key).second);
    MUSTER_ASSERT(entry.values.size() <= kListMax);
    if (entry.form != Entry::Form::kText) continue;
    const Text again = parse(entry.key + " = " + written_text(entry.values.at(0)));
    MUSTER_ASSERT(again.mistakes.empty() && again.entries.at(0).values == entry.values);
  }
  const Setting settings[] = {
      {"name", Kind::kText, "h", "s", {}, "", {}},   {"port", Kind::kNumber, "h", "1", {}, "", {}},
      {"cache", Kind::kSize, "h", "1G", {}, "", {}}, {"on", Kind::kSwitch, "h", "true", {}, "", {}},
      {"also", Kind::kList, "h", "s", {}, "", {}},   {"log", Kind::kText, "h", "a", {"a"}, "", {}}};
  const Checked checked = check(text, settings);
  for (const Mistake& mistake : checked.mistakes)
    MUSTER_ASSERT(mistake.message == muster::core::printable(mistake.message));
  return 0;
}
