// SPDX-License-Identifier: Apache-2.0
//
// Task<T>: a coroutine on an event loop. Sequential code, no callbacks;
// parameters by value; no lock held across co_await; errors are Results.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace muster::runtime {

template <typename T>
using Task = boost::asio::awaitable<T>;

/// Completion token of every Asio call in a Task: the socket error is a value.
/// `auto [failed, bytes] = co_await socket.async_read_some(buffer, kAwait);`
inline constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace muster::runtime
