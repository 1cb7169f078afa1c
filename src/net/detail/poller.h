// SPDX-License-Identifier: Apache-2.0
//
// Poller tells the links of one loop when their sockets are ready. A link is registered
// once, edge-triggered, for its life: waiting again costs no system call and no memory,
// and links that are ready together are served together. Asio only watches the poller.
//
// An edge says "something changed": who hears it reads until the socket has no more.
//
// Lives on its loop, as long as that. Links may come, go and die inside any call.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/loop.h"

namespace muster::net::detail {

class Poller final : public boost::asio::execution_context::service {
 public:
  struct Ready {
    bool readable = false;  ///< Or ended, or broken: a read will tell.
    bool ended = false;     ///< The peer sends no more, or the connection broke.
  };

  class Link {
   public:
    virtual void on_ready(Ready ready) = 0;
    /// What flush_later() promised.
    virtual void on_flush() = 0;

   protected:
    ~Link() = default;
  };

  using Ticket = std::uint64_t;
  static constexpr Ticket kNone = 0;

  static Poller& of(runtime::Loop& loop);

  /// Keeps `link` alive until remove(). What is ready already is told soon. kNone when
  /// the system has no room for it.
  Ticket add(int descriptor, std::shared_ptr<Link> link);
  /// No on_ready() any more, whatever is on its way. Before the descriptor is closed.
  void remove(int descriptor, Ticket ticket);
  /// Calls on_flush() at the end of this turn of the loop: what is said in one turn
  /// leaves together.
  void flush_later(std::shared_ptr<Link> link);

  // For Asio, which owns it.
  static boost::asio::execution_context::id id;
  explicit Poller(boost::asio::io_context& context);

 private:
  struct Seat {
    std::shared_ptr<Link> link;
    std::uint32_t generation = 1;  // of the ticket; tells a successor from its predecessor
  };
  static constexpr std::size_t kBatch = 128;  // then other work of the loop gets its turn

  void shutdown() override;
  bool open();
  void watch();
  void take();
  void flush();

  boost::asio::io_context& context_;
  boost::asio::posix::stream_descriptor epoll_;
  std::vector<Seat> seats_;
  std::vector<std::uint32_t> free_seats_;
  std::vector<std::shared_ptr<Link>> dirty_;
  std::size_t dirty_done_ = 0;  // of dirty_
  std::size_t links_ = 0;
  bool watched_ = false;  // take() is on its way
  bool flush_posted_ = false;
  std::array<epoll_event, kBatch> events_;
};

}  // namespace muster::net::detail
