// SPDX-License-Identifier: Apache-2.0
#include "regions/health.h"

#include <algorithm>

#include "core/bytes.h"

namespace muster::regions {

Health::Health(core::MonoTime now, core::WallTime wall, std::uint64_t random_seed)
    : random_(random_seed), since_(wall), probe_at_(now) {}

void Health::enter(State state, core::WallTime wall) {
  if (state == state_) return;
  if (state == State::kDown) ++downs_;
  if (state_ == State::kDown) ++generation_;
  state_ = state;
  since_ = wall;
}

bool Health::begin_probe(core::MonoTime now) {
  if (probing_ || now < probe_at_) return false;
  probing_ = true;
  probe_at_ = now + kProbeEvery;
  return true;
}

void Health::answered(core::MonoTime now, core::WallTime wall, core::Duration took) {
  failures_ = 0;
  why_.clear();
  took_ = took;
  probe_at_ = std::min<core::MonoTime>(probe_at_, now + kProbeEvery);
  slow_ = took > kSlowAnswer ? slow_ + 1 : 0;
  fast_ = took > kSlowAnswer ? 0 : fast_ + 1;
  if (slow_ >= kInARow)
    enter(State::kSlow, wall);
  else if (state_ != State::kSlow || fast_ >= kInARow)
    enter(State::kUp, wall);
}

void Health::failed(core::MonoTime now, core::WallTime wall, std::string_view why) {
  why_ = core::printable(why, kWhyBytesMax);
  slow_ = fast_ = 0;
  ++failures_;
  ++generation_;
  const bool was_there = state_ == State::kUp || state_ == State::kSlow;
  if (was_there && failures_ < kFailuresToDown) {
    probe_at_ = now;  // at once: was it one request, or is it gone?
    return;
  }
  enter(State::kDown, wall);
  const auto doubled = kRetryFirst * (1LL << std::min(failures_ - 1, 10U));
  const auto ceiling = std::min<core::Duration>(doubled, kRetryCeiling);
  const auto half = std::chrono::duration_cast<core::Duration>(ceiling / 2);
  probe_at_ = now + half + core::Duration(random_.below(static_cast<std::uint64_t>(half.count())));
}

std::string_view name(Health::State state) {
  switch (state) {
    case Health::State::kUnknown:
      return "unknown";
    case Health::State::kUp:
      return "up";
    case Health::State::kSlow:
      return "slow";
    case Health::State::kDown:
      return "down";
  }
  return "unknown";
}

}  // namespace muster::regions
