// SPDX-License-Identifier: Apache-2.0
#include "content/token_bucket.h"

#include <algorithm>
#include <cmath>

namespace muster::content {
namespace {

constexpr double kNanosPerSecond = 1e9;

}  // namespace

TokenBucket::TokenBucket(std::uint64_t bytes_per_second, std::uint64_t burst, core::MonoTime now)
    : rate_(bytes_per_second),
      burst_(std::max<std::uint64_t>(burst, 1)),
      level_(static_cast<double>(burst_)),
      at_(now) {}

double TokenBucket::level_at(core::MonoTime now) const {
  const auto passed = static_cast<double>(std::max<std::int64_t>((now - at_).count(), 0));
  return std::min(static_cast<double>(burst_),
                  level_ + passed * static_cast<double>(rate_) / kNanosPerSecond);
}

bool TokenBucket::take(std::uint64_t bytes, core::MonoTime now) {
  if (rate_ == 0) return true;
  if (ready_at(bytes, now) > now) return false;
  level_ = level_at(now) - static_cast<double>(bytes);
  at_ = std::max(at_, now);
  return true;
}

void TokenBucket::give_back(std::uint64_t bytes) {
  level_ = std::min(static_cast<double>(burst_), level_ + static_cast<double>(bytes));
}

core::MonoTime TokenBucket::ready_at(std::uint64_t bytes, core::MonoTime now) const {
  if (rate_ == 0) return now;
  const double missing = static_cast<double>(std::min(bytes, burst_)) - level_at(now);
  if (missing <= 0) return now;
  // One nanosecond more than computed: what is rounded must not be early.
  const double nanos = std::ceil(missing * kNanosPerSecond / static_cast<double>(rate_)) + 1;
  return now + core::Duration(static_cast<std::int64_t>(std::min(nanos, 3.6e15)));
}

}  // namespace muster::content
