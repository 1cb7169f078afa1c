// SPDX-License-Identifier: Apache-2.0
#include "content/fetcher.h"

#include <algorithm>

#include "core/bytes.h"

namespace muster::content {
namespace {

using core::Code;

/// With a rate, requests are so small that it shows within half a second.
std::uint64_t burst_for(std::uint64_t bytes_per_second) {
  if (bytes_per_second == 0) return kRangeBytesMax;
  return std::clamp<std::uint64_t>(bytes_per_second / 2, kPieceBytes, kRangeBytesMax);
}

/// Worth asking again: it may be there later.
bool is_passing(Code code) {
  return code == Code::kUnavailable || code == Code::kLimit || code == Code::kTimeout;
}

constexpr std::size_t kErrorBytesMax = 512;

}  // namespace

/// One object on its way. Bytes below `received` are in `incoming`; those up to
/// `requested` have been asked for on this link.
struct Fetcher::Download {
  ContentId id;
  std::optional<std::uint64_t> size_promised;  // by a waiter
  std::optional<std::uint64_t> total;          // by the other side
  std::vector<Ticket> waiters;
  std::unique_ptr<Incoming> incoming;
  std::uint64_t received = 0;
  std::uint64_t requested = 0;
  bool active = false;  // has one of the seats
  bool damaged_before = false;
  bool say_damaged = false;  // in the next request
  core::MonoTime not_before{};
  core::MonoTime heard{};  // the latest progress, or request
  core::Duration pause = kRetryFirst;
  std::string last_reason;
  bool over = false;

  bool outstanding() const { return requested > received || (requested > 0 && !total); }
};

Fetcher::Fetcher(FetcherPort& port, Store& store, FetcherOptions options, core::MonoTime now)
    : port_(port),
      store_(store),
      options_(options),
      bucket_(options.bytes_per_second, burst_for(options.bytes_per_second), now),
      now_(now) {}

Fetcher::~Fetcher() = default;

void Fetcher::set_rate(std::uint64_t bytes_per_second, core::MonoTime now) {
  now_ = std::max(now_, now);
  bucket_ = TokenBucket(bytes_per_second, burst_for(bytes_per_second), now_);
  pump();
}

Fetcher::Download* Fetcher::find(const ContentId& id) {
  const auto at = std::ranges::find_if(
      downloads_, [&](const auto& download) { return download->id == id && !download->over; });
  return at == downloads_.end() ? nullptr : at->get();
}

Fetcher::Ticket Fetcher::want(const ContentId& id, std::optional<std::uint64_t> size,
                              core::MonoTime deadline, core::MonoTime now, Done done) {
  now_ = std::max(now_, now);
  const Ticket ticket = next_ticket_++;
  const auto refuse = [&](Code code, std::string why) {
    outcomes_.emplace_back(std::move(done), core::fail(code, std::move(why)));
    ++stats_.failed;
    return ticket;
  };
  if (size && *size > options_.object_bytes_max)
    return refuse(Code::kLimit, "object " + id.brief() + " has " + std::to_string(*size) +
                                    " bytes, " + std::to_string(options_.object_bytes_max) +
                                    " are allowed");
  Download* download = find(id);
  if (download == nullptr) {
    if (downloads_.size() >= options_.downloads_max + kDownloadsQueuedMax)
      return refuse(Code::kLimit,
                    "too many downloads: " + std::to_string(downloads_.size()) + " are waiting");
    downloads_.push_back(std::make_unique<Download>());
    download = downloads_.back().get();
    download->id = id;
    download->size_promised = size;
  } else if (download->waiters.size() >= kWaitersMax) {
    return refuse(Code::kLimit, "too many wait for object " + id.brief());
  }
  download->waiters.push_back(ticket);
  waiters_.emplace(ticket, Waiter{id, deadline, std::move(done)});
  deadlines_.emplace(deadline, ticket);
  pump();
  return ticket;
}

void Fetcher::drop_waiter(Ticket ticket) {
  const auto at = waiters_.find(ticket);
  if (at == waiters_.end()) return;
  deadlines_.erase({at->second.deadline, ticket});
  waiters_.erase(at);
}

void Fetcher::cancel(Ticket ticket) {
  const auto at = waiters_.find(ticket);
  if (at == waiters_.end()) return;
  Download* const download = find(at->second.id);
  drop_waiter(ticket);
  std::erase(download->waiters, ticket);
  if (!download->waiters.empty()) return;
  download->over = true;
  std::erase_if(downloads_, [](const auto& each) { return each->over; });
}

void Fetcher::connected(core::MonoTime now) {
  now_ = std::max(now_, now);
  connected_ = true;
  for (const auto& download : downloads_) {
    download->requested = download->received;
    download->heard = now_;
    download->not_before = {};
  }
  pump();
}

void Fetcher::disconnected() {
  connected_ = false;
  for (const auto& download : downloads_) {
    // What was asked for and never came is asked for again.
    bucket_.give_back(download->requested - download->received);
    download->requested = download->received;
  }
}

void Fetcher::receive(const wire::ContentData& data, core::MonoTime now) {
  now_ = std::max(now_, now);
  const auto id = ContentId::from_bytes(data.digest());
  Download* const download = id ? find(*id) : nullptr;
  // Nobody wants it any more, or it was not asked for on this link.
  if (download != nullptr && download->active && download->outstanding()) {
    if (!data.error().empty())
      refused(*download, data);
    else
      take_piece(*download, data);
  }
  pump();
  deliver();
}

void Fetcher::refused(Download& download, const wire::ContentData& data) {
  const Code code =
      data.error_code().empty() ? Code::kNotFound : core::code_from_name(data.error_code());
  std::string reason = core::printable(data.error(), kErrorBytesMax);
  if (!is_passing(code))
    return end(download, core::fail(code, "object " + download.id.brief() + ": " + reason));
  const std::chrono::milliseconds asked(data.retry_after_ms());
  wait(download, std::min<core::Duration>(asked, kRetryCeiling), std::move(reason));
}

void Fetcher::wait(Download& download, core::Duration pause, std::string reason) {
  bucket_.give_back(download.requested - download.received);
  download.requested = download.received;
  download.active = false;
  download.not_before = now_ + (pause > core::Duration{} ? pause : download.pause);
  download.pause = std::min<core::Duration>(download.pause * 2, kRetryCeiling);
  download.last_reason = std::move(reason);
}

void Fetcher::take_piece(Download& download, const wire::ContentData& data) {
  if (data.offset() != download.received) return;  // crossed with a change of mind
  if (!download.total) {
    const std::uint64_t total = data.total_bytes();
    if (total > options_.object_bytes_max)
      return end(download, core::fail(Code::kLimit, "object " + download.id.brief() + " has " +
                                                        std::to_string(total) + " bytes, " +
                                                        std::to_string(options_.object_bytes_max) +
                                                        " are allowed"));
    if (download.size_promised && *download.size_promised != total)
      return damaged(download,
                     {Code::kCorrupt, "object " + download.id.brief() + " has " +
                                          std::to_string(*download.size_promised) + " bytes, " +
                                          std::to_string(total) + " are offered"});
    auto incoming = store_.begin(download.id, total);
    if (!incoming) return end(download, std::unexpected(std::move(incoming.error())));
    download.incoming = std::move(*incoming);
    download.total = total;
    if (download.requested > total) bucket_.give_back(download.requested - total);
    download.requested = std::min(download.requested, total);
  }
  const std::uint64_t left = *download.total - download.received;
  if (data.total_bytes() != *download.total || data.data().size() > left ||
      (data.data().empty() && left != 0))
    return damaged(download, {Code::kCorrupt, "the pieces of object " + download.id.brief() +
                                                  " do not fit together"});
  if (auto kept = append(download, data); !kept)
    return end(download, std::unexpected(std::move(kept.error())));
  if (download.received == *download.total) complete(download);
}

core::Status Fetcher::append(Download& download, const wire::ContentData& data) {
  MUSTER_TRY(download.incoming->append(data.data()));
  download.received += data.data().size();
  download.requested = std::max(download.requested, download.received);
  download.heard = now_;
  download.pause = kRetryFirst;
  stats_.bytes += data.data().size();
  return {};
}

void Fetcher::complete(Download& download) {
  auto object = std::exchange(download.incoming, nullptr)->finish();
  if (!object && object.error().code == Code::kCorrupt)
    return damaged(download, std::move(object.error()));
  end(download, object);
}

void Fetcher::damaged(Download& download, core::Error error) {
  ++stats_.damaged;
  if (download.damaged_before) return end(download, std::unexpected(std::move(error)));
  download.damaged_before = true;
  download.say_damaged = true;
  download.incoming.reset();
  download.total.reset();
  download.received = 0;
  download.requested = 0;
  download.last_reason = std::move(error.message);
}

void Fetcher::end(Download& download, const core::Result<ObjectPtr>& result) {
  ++(result ? stats_.completed : stats_.failed);
  for (const Ticket ticket : download.waiters) {
    outcomes_.emplace_back(std::move(waiters_.at(ticket).done), result);
    drop_waiter(ticket);
  }
  download.waiters.clear();
  download.over = true;
}

void Fetcher::expire() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
    const Ticket ticket = deadlines_.begin()->second;
    Waiter& waiter = waiters_.at(ticket);
    Download& download = *find(waiter.id);
    std::string why = "object " + download.id.brief() + " did not come in time";
    if (!connected_)
      why += ": there is no connection";
    else if (!download.last_reason.empty())
      why += ": " + download.last_reason;
    outcomes_.emplace_back(std::move(waiter.done), core::fail(Code::kTimeout, std::move(why)));
    ++stats_.failed;
    drop_waiter(ticket);
    std::erase(download.waiters, ticket);
    download.over = download.waiters.empty();
  }
}

bool Fetcher::wants_more(const Download& download) const {
  const bool half_empty = download.requested - download.received <= kWindowBytes / 2;
  if (!download.total) return download.requested == 0;
  return half_empty && download.requested < *download.total;
}

std::uint32_t Fetcher::next_bytes(const Download& download) const {
  std::uint64_t bytes = std::min<std::uint64_t>(kWindowBytes / 2, bucket_.burst());
  const auto& total = download.total ? download.total : download.size_promised;
  if (total && *total > download.requested) bytes = std::min(bytes, *total - download.requested);
  return static_cast<std::uint32_t>(bytes);
}

void Fetcher::ask(Download& download, std::uint32_t bytes) {
  wire::ContentRequest request;
  request.set_digest(std::string(download.id.bytes()));
  request.set_offset(download.requested);
  request.set_bytes_max(bytes);
  request.set_damaged(std::exchange(download.say_damaged, false));
  if (download.requested == download.received) download.heard = now_;
  download.requested += bytes;
  ++stats_.requests;
  port_.request(request);
}

std::size_t Fetcher::active() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(downloads_, [](const auto& download) { return download->active; }));
}

void Fetcher::pump() {
  std::erase_if(downloads_, [](const auto& download) { return download->over; });
  if (!connected_) return;
  std::size_t seats = active();
  for (const auto& download : downloads_) {
    if (!download->active) {
      if (seats >= options_.downloads_max || download->not_before > now_) continue;
      download->active = true;
      ++seats;
    }
    if (download->outstanding() && download->heard + kPieceStall <= now_) {
      download->last_reason = "the other side does not answer";
      bucket_.give_back(download->requested - download->received);
      download->requested = download->received;
    }
    while (wants_more(*download)) {
      const std::uint32_t bytes = next_bytes(*download);
      if (!bucket_.take(bytes, now_)) break;
      ask(*download, bytes);
    }
  }
  // Whoever came first is not always first in line for the rate.
  if (bucket_.limited() && downloads_.size() > 1)
    std::ranges::rotate(downloads_, downloads_.begin() + 1);
}

void Fetcher::tick(core::MonoTime now) {
  now_ = std::max(now_, now);
  expire();
  pump();
  deliver();
}

void Fetcher::deliver() {
  while (!outcomes_.empty()) {
    auto outcomes = std::exchange(outcomes_, {});
    for (auto& [done, result] : outcomes) done(std::move(result));
  }
}

core::MonoTime Fetcher::deadline() const {
  if (!outcomes_.empty()) return now_;
  core::MonoTime at = deadlines_.empty() ? core::MonoTime::max() : deadlines_.begin()->first;
  if (!connected_) return at;
  const bool seat_free = active() < options_.downloads_max;
  for (const auto& download : downloads_) {
    if (!download->active && seat_free)
      at = std::min(at, std::max(download->not_before, now_));
    else if (!download->active)
      continue;
    else if (wants_more(*download))
      at = std::min(at, bucket_.ready_at(next_bytes(*download), now_));
    if (download->outstanding()) at = std::min(at, download->heard + kPieceStall);
  }
  return at;
}

}  // namespace muster::content
