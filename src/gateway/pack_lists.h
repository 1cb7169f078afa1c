// SPDX-License-Identifier: Apache-2.0
//
// PackLists remembers which file packs the server said each endpoint may have, so that asking
// again costs the server nothing, and so that there is an answer while it is away (ADR 25).
//
// Only what is shown comes from here: an installation is an order, which the server signs, and
// it asks the rules again. Pure logic, on the gateway's loop; bounded.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/clock.h"
#include "core/ids.h"

namespace muster::gateway {

class PackLists {
 public:
  static constexpr std::string_view kCall = "packs.list";
  /// A list is given out without asking for so long.
  static constexpr core::Duration kFresh = std::chrono::seconds(15);
  /// Without a server it is given out for so long.
  static constexpr core::Duration kLasts = std::chrono::hours(24);
  static constexpr std::size_t kEndpointsMax = 100'000;
  static constexpr std::size_t kBytesMax = 64UL << 20;
  /// Questions that the server has not answered yet.
  static constexpr std::size_t kAskedMax = 10'000;

  /// The list, with its age where the server is away; nothing where it is to be asked.
  std::optional<std::string> find(const core::EndpointId& endpoint, bool server_reachable,
                                  core::MonoTime now) const;
  /// The server is asked this.
  void asked(std::uint64_t link, std::uint64_t question);
  /// It has answered something on this link: kept where it is an answer to asked().
  void answered(const core::EndpointId& endpoint, std::uint64_t link, std::uint64_t question,
                const std::string& list, core::MonoTime now);
  /// It has refused.
  void refused(std::uint64_t link, std::uint64_t question) { asked_.erase({link, question}); }

  std::size_t bytes() const { return bytes_; }

 private:
  struct Kept {
    core::ContentId list;
    core::MonoTime at;
  };
  /// Machines of one kind have one list; it is kept once.
  struct List {
    std::string text;
    std::size_t users = 0;
  };
  void release(const core::ContentId& list);
  void forget_oldest();

  using Question = std::pair<std::uint64_t, std::uint64_t>;
  std::map<core::EndpointId, Kept> kept_;
  std::deque<core::EndpointId> order_;  // of kept_, the longest there first
  std::map<core::ContentId, List> lists_;
  std::set<Question> asked_;
  std::size_t bytes_ = 0;
};

}  // namespace muster::gateway
