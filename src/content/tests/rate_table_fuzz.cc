// SPDX-License-Identifier: Apache-2.0
//
// Any text as a table of rates: refused with a sentence, or read; and what it is written as
// means the same at every minute of the day.
#include <cstdint>

#include "content/rate_table.h"
#include "core/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using muster::content::RateTable;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto table = RateTable::parse(text);
  if (!table) {
    MUSTER_ASSERT(!table.error().message.empty());
    return 0;
  }
  const auto again = RateTable::parse(table->str());
  MUSTER_ASSERT(again && again->str() == table->str());
  bool limits = false;
  for (unsigned minute = 0; minute < RateTable::kDayMinutes; ++minute) {
    MUSTER_ASSERT(table->at(minute) == again->at(minute));
    limits |= table->at(minute) != 0;
  }
  MUSTER_ASSERT(!limits || table->limits());
  return 0;
}
