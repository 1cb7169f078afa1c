// SPDX-License-Identifier: Apache-2.0
#include "net/detail/poller.h"

#include <utility>

namespace muster::net::detail {

boost::asio::execution_context::id Poller::id;

Poller::Poller(boost::asio::io_context& context)
    : service(context), context_(context), epoll_(context) {}

Poller& Poller::of(runtime::Loop& loop) {
  return boost::asio::use_service<Poller>(loop.context());
}

void Poller::shutdown() {
  const auto seats = std::exchange(seats_, {});
  const auto dirty = std::exchange(dirty_, {});
  boost::system::error_code ignored;
  epoll_.close(ignored);
}

bool Poller::open() {
  if (epoll_.is_open()) return true;
  const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) return false;
  boost::system::error_code failed;
  epoll_.assign(descriptor, failed);
  if (failed) ::close(descriptor);
  return !failed;
}

Poller::Ticket Poller::add(int descriptor, std::shared_ptr<Link> link) {
  if (!open()) return kNone;
  if (free_seats_.empty()) {
    free_seats_.push_back(static_cast<std::uint32_t>(seats_.size()));
    seats_.emplace_back();
  }
  const std::uint32_t index = free_seats_.back();
  Seat& seat = seats_[index];
  const Ticket ticket = static_cast<Ticket>(seat.generation) << 32 | index;
  epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.u64 = ticket}};
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, descriptor, &event) != 0) return kNone;
  free_seats_.pop_back();
  seat.link = std::move(link);
  ++links_;
  watch();
  return ticket;
}

void Poller::remove(int descriptor, Ticket ticket) {
  const auto index = static_cast<std::uint32_t>(ticket);
  if (index >= seats_.size() || seats_[index].generation != ticket >> 32) return;
  Seat& seat = seats_[index];
  // Closing would do, but not where a child process holds a copy of the descriptor.
  ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, descriptor, nullptr);
  if (++seat.generation == 0) seat.generation = 1;  // a ticket is never kNone
  free_seats_.push_back(index);
  const auto last = std::move(seat.link);  // its end may change the seats
  boost::system::error_code ignored;
  if (--links_ == 0) epoll_.cancel(ignored);  // nothing here keeps the loop from being idle
}

void Poller::watch() {
  if (watched_ || links_ == 0) return;
  watched_ = true;
  epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [this](boost::system::error_code) { take(); });
}

void Poller::take() {
  watched_ = false;
  const int count =
      ::epoll_wait(epoll_.native_handle(), events_.data(), static_cast<int>(kBatch), 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event event = events_[static_cast<std::size_t>(i)];
    const auto index = static_cast<std::uint32_t>(event.data.u64);
    if (seats_[index].generation != event.data.u64 >> 32) continue;  // gone since
    const auto link = seats_[index].link;
    const bool ended = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    link->on_ready({(event.events & EPOLLIN) != 0 || ended, ended});
  }
  if (count < static_cast<int>(kBatch)) return watch();
  if (watched_) return;  // a link came while there was none
  watched_ = true;
  boost::asio::post(context_, [this] { take(); });
}

void Poller::flush_later(std::shared_ptr<Link> link) {
  dirty_.push_back(std::move(link));
  if (std::exchange(flush_posted_, true)) return;
  boost::asio::post(context_, [this] { flush(); });
}

void Poller::flush() {
  for (std::size_t i = 0; i < kBatch && dirty_done_ < dirty_.size(); ++i) {
    const auto link = std::move(dirty_[dirty_done_++]);  // more may be added meanwhile
    link->on_flush();
  }
  flush_posted_ = dirty_done_ < dirty_.size();
  if (flush_posted_) return boost::asio::post(context_, [this] { flush(); });
  dirty_.clear();
  dirty_done_ = 0;
}

}  // namespace muster::net::detail
