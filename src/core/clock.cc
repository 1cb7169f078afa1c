// SPDX-License-Identifier: Apache-2.0
#include "core/clock.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

#include "core/assert.h"
#include "core/bytes.h"
#include "core/duration_text.h"

namespace muster::core {
namespace {

using namespace std::chrono_literals;

struct Unit {
  std::string_view name;
  Duration length;
};
constexpr std::array<Unit, 6> kUnits = {Unit{"ms", 1ms}, Unit{"s", 1s},  Unit{"m", 1min},
                                        Unit{"h", 1h},   Unit{"d", 24h}, Unit{"w", 24h * 7}};
constexpr Duration kDurationMax = 24h * 365 * 100;

std::unexpected<Error> bad_duration(std::string_view text) {
  return fail(Code::kInvalid,
              "not a duration: '" + printable(text, 64) + "' (write 30s, 5m, 1h30m or 7d)");
}

}  // namespace

MonoTime mono_now() {
  return std::chrono::steady_clock::now();
}

WallTime wall_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string to_rfc3339(WallTime time) {
  const auto ms = unix_ms(time);
  const std::time_t seconds = ms >= 0 ? ms / 1000 : (ms - 999) / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%03dZ",
                static_cast<int>(ms - static_cast<std::int64_t>(seconds) * 1000));
  return text;
}

std::string to_text(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (ms < 1000) return std::to_string(ms) + "ms";
  if (ms < 60'000) {
    char text[32];
    std::snprintf(text, sizeof text, ms % 1000 == 0 ? "%.0fs" : "%.1fs",
                  static_cast<double>(ms) / 1000);
    return text;
  }
  const auto seconds = ms / 1000;
  const auto two = [](std::int64_t big, const char* a, std::int64_t small, const char* b) {
    return std::to_string(big) + a + (small == 0 ? "" : std::to_string(small) + b);
  };
  if (seconds < 3600) return two(seconds / 60, "m", seconds % 60, "s");
  if (seconds < 86'400) return two(seconds / 3600, "h", seconds % 3600 / 60, "m");
  return two(seconds / 86'400, "d", seconds % 86'400 / 3600, "h");
}

Result<Duration> parse_duration(std::string_view text) {
  const std::string_view whole = text;
  Duration sum{};
  if (text.empty()) return bad_duration(whole);
  while (!text.empty()) {
    std::int64_t count = 0;
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
      if (digits >= 12) return bad_duration(whole);
      count = count * 10 + (text[digits++] - '0');
    }
    text.remove_prefix(digits);
    const std::size_t letters = std::min(text.find_first_of("0123456789"), text.size());
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) {
      return u.name == text.substr(0, letters);
    });
    if (digits == 0 || unit == kUnits.end()) return bad_duration(whole);
    if (count > kDurationMax / unit->length) return bad_duration(whole);
    sum += count * unit->length;
    if (sum > kDurationMax) return bad_duration(whole);
    text.remove_prefix(letters);
  }
  return sum;
}

Random::Random(std::uint64_t seed) {
  for (auto& word : state_) {  // splitmix64
    seed += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    word = z ^ (z >> 31);
  }
}

std::uint64_t Random::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) {
  MUSTER_ASSERT(bound > 0);
  return static_cast<std::uint64_t>(static_cast<unsigned __int128>(next()) * bound >> 64);
}

double Random::unit() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t filled = 0;
  while (filled < count) {
    const ssize_t got = getrandom(bytes.data() + filled, count - filled, 0);
    MUSTER_ASSERT(got > 0);
    filled += static_cast<std::size_t>(got);
  }
  return bytes;
}

Random random_seeded() {
  std::uint64_t seed;
  const std::string bytes = random_bytes(sizeof seed);
  std::memcpy(&seed, bytes.data(), sizeof seed);
  return Random{seed};
}

}  // namespace muster::core
