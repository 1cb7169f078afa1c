// SPDX-License-Identifier: Apache-2.0
//
// Any text as a cron expression and as a blackout window: refused with a column inside
// or just behind it, or it names instants that it fits.
#include <cstdint>

#include "core/assert.h"
#include "schedules/blackout.h"
#include "schedules/cron.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  using namespace muster::schedules;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const Zone zone = Zone::find("UTC").value();
  const core::WallTime start = core::wall_from_unix_ms(1'795'000'000'000);
  if (const auto window = Window::parse(text)) {
    auto blackouts = Blackouts::parse({std::string(text)});
    const auto free = blackouts->free_from(start, zone);
    MUSTER_ASSERT(!free || (*free >= start && !blackouts->around(*free, zone)));
  }
  const auto cron = Cron::parse(text);
  if (!cron) {
    MUSTER_ASSERT(cron.error().column >= 1 && cron.error().column <= size + 1);
    return 0;
  }
  core::WallTime last = start;
  for (int i = 0; i < 3; ++i) {
    const auto next = cron->next(last, zone);
    MUSTER_ASSERT(next && *next > last && cron->matches(zone.local(*next)));
    last = *next;
  }
  return 0;
}
