// SPDX-License-Identifier: Apache-2.0
//
// Downloader is a Fetcher at work: it keeps the time for it. Lives on one loop.
#pragma once

#include "content/fetcher.h"
#include "runtime/loop.h"

namespace muster::content {

class Downloader {
 public:
  /// `store` writes on the loop's thread: pieces are small.
  Downloader(runtime::Loop& loop, FetcherPort& port, Store& store, FetcherOptions options);

  Fetcher::Ticket want(const ContentId& id, std::optional<std::uint64_t> size,
                       core::Duration patience, Fetcher::Done done);
  void cancel(Fetcher::Ticket ticket);
  void connected();
  void disconnected();
  void receive(const wire::ContentData& data);
  /// From now on; 0: no limit.
  void set_rate(std::uint64_t bytes_per_second);
  FetcherStats stats() const { return fetcher_.stats(); }

 private:
  void arm();

  Fetcher fetcher_;
  runtime::Timer timer_;
  core::MonoTime armed_for_ = core::MonoTime::max();
};

}  // namespace muster::content
