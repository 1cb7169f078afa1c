// SPDX-License-Identifier: Apache-2.0
#include "content/downloader.h"

#include <algorithm>

namespace muster::content {

Downloader::Downloader(runtime::Loop& loop, FetcherPort& port, Store& store, FetcherOptions options)
    : fetcher_(port, store, options, core::mono_now()), timer_(loop) {}

Fetcher::Ticket Downloader::want(const ContentId& id, std::optional<std::uint64_t> size,
                                 core::Duration patience, Fetcher::Done done) {
  const core::MonoTime now = core::mono_now();
  const auto ticket = fetcher_.want(id, size, now + patience, now, std::move(done));
  arm();
  return ticket;
}

void Downloader::cancel(Fetcher::Ticket ticket) {
  fetcher_.cancel(ticket);
}

void Downloader::connected() {
  fetcher_.connected(core::mono_now());
  arm();
}

void Downloader::disconnected() {
  fetcher_.disconnected();
}

void Downloader::receive(const wire::ContentData& data) {
  fetcher_.receive(data, core::mono_now());
  arm();
}

void Downloader::set_rate(std::uint64_t bytes_per_second) {
  fetcher_.set_rate(bytes_per_second, core::mono_now());
  arm();
}

// The timer is left alone where it fires early enough.
void Downloader::arm() {
  const core::MonoTime next = fetcher_.deadline();
  if (next >= armed_for_) return;
  armed_for_ = next;
  timer_.start(std::max<core::Duration>(next - core::mono_now(), core::Duration{1}), [this] {
    armed_for_ = core::MonoTime::max();
    fetcher_.tick(core::mono_now());
    arm();
  });
}

}  // namespace muster::content
