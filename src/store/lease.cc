// SPDX-License-Identifier: Apache-2.0
#include "store/lease.h"

#include <utility>

namespace muster::store {

Lease::Lease(std::string instance, std::string name, LeaseTimes times)
    : instance_(std::move(instance)), name_(std::move(name)), times_(times) {}

Lease::Step Lease::looked(const LeaseRow& row, core::MonoTime asked) {
  const bool same = seen_ && seen_->term == row.term && seen_->renewals == row.renewals &&
                    seen_->holder == row.holder;
  const bool asleep = asked - looked_ > times_.looks_apart_max;
  if (!same || asleep) since_ = asked;
  seen_ = row;
  looked_ = asked;
  if (row.term != 0 && row.holder == instance_) {
    if (row.term == term_) return Step::kRenew;
    return Step::kTake;  // a step of ours succeeded whose answer was lost: again, with a new term
  }
  if (term_ != 0) lost();
  if (row.holder.empty()) return Step::kTake;
  // This very server before its restart: nobody else is to wait for.
  if (!row.connected && row.name == name_) return Step::kTake;
  const core::Duration patience = row.connected ? times_.lasts : times_.head_start;
  return asked - since_ >= patience ? Step::kTake : Step::kWait;
}

void Lease::holds(std::int64_t term, core::MonoTime asked) {
  term_ = term;
  until_ = asked + times_.lasts - times_.margin;
}

}  // namespace muster::store
