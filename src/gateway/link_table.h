// SPDX-License-Identifier: Apache-2.0
//
// LinkTable finds a gateway's links by their numbers without hashing: a number is a place
// in an array and a serial, so that the link that takes over a place has another number.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/assert.h"

namespace muster::gateway {

/// `Link` has a `number()`. Numbers are never 0 and never repeat.
template <typename Link>
class LinkTable {
 public:
  /// The number that the next link must have.
  std::uint64_t next_number() const {
    return serial_ << kPlaceBits | (free_.empty() ? links_.size() : free_.back());
  }
  /// REQUIRES: its number is next_number().
  Link& put(std::unique_ptr<Link> link) {
    MUSTER_ASSERT(link->number() == next_number());
    if (free_.empty()) {
      MUSTER_ASSERT(links_.size() <= kPlaceMask);
      free_.push_back(static_cast<std::uint32_t>(links_.size()));
      links_.emplace_back();
    }
    ++serial_;
    auto& place = links_[free_.back()];
    free_.pop_back();
    place = std::move(link);
    return *place;
  }
  /// Null where there is no such link (any more).
  Link* find(std::uint64_t number) const {
    const std::uint64_t place = number & kPlaceMask;
    Link* link = place < links_.size() ? links_[place].get() : nullptr;
    return link && link->number() == number ? link : nullptr;
  }
  void erase(std::uint64_t number) {
    if (!find(number)) return;
    const auto place = static_cast<std::uint32_t>(number & kPlaceMask);
    const auto last = std::exchange(links_[place], nullptr);
    free_.push_back(place);
  }
  /// `visit` must not put or erase.
  template <typename Visit>
  void each(Visit visit) const {
    for (const auto& link : links_)
      if (link) visit(*link);
  }

 private:
  static constexpr int kPlaceBits = 24;
  static constexpr std::uint64_t kPlaceMask = (1U << kPlaceBits) - 1;

  std::vector<std::unique_ptr<Link>> links_;
  std::vector<std::uint32_t> free_;
  std::uint64_t serial_ = 1;
};

}  // namespace muster::gateway
