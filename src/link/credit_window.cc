// SPDX-License-Identifier: Apache-2.0
#include "link/credit_window.h"

#include "core/assert.h"

namespace muster::link {

CreditWindow::CreditWindow(std::uint64_t budget_bytes, std::uint64_t slice_bytes)
    : budget_(budget_bytes), slice_(slice_bytes) {
  MUSTER_ASSERT(slice_ > 0 && slice_ <= budget_);
}

void CreditWindow::enter(CreditClient& client) {
  waiting_.push_back(&client);
  pump();
}

void CreditWindow::leave(CreditClient& client) {
  std::erase(waiting_, &client);
}

void CreditWindow::returned(std::uint64_t bytes) {
  MUSTER_ASSERT(bytes <= in_flight_);
  in_flight_ -= bytes;
  pump();
}

void CreditWindow::pump() {
  if (pumping_) return;
  pumping_ = true;
  // Whole slices only: crumbs of credit would make crumbs of chunks.
  while (!waiting_.empty() && in_flight_ + slice_ <= budget_) {
    CreditClient* client = waiting_.front();
    waiting_.pop_front();
    const std::uint64_t taken = client->take_credit(slice_);
    MUSTER_ASSERT(taken <= slice_);
    in_flight_ += taken;
  }
  pumping_ = false;
}

}  // namespace muster::link
