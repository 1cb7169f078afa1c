// SPDX-License-Identifier: Apache-2.0
//
// Callbacks for what is not a socket: a descriptor that becomes readable (a pipe from
// a process), a signal. Both live on one loop; after stop() or destruction the function
// is not called any more, and a function may destroy its own watch.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <initializer_list>
#include <memory>

#include "runtime/loop.h"

namespace muster::runtime {

/// Owns a descriptor and calls `ready` whenever it is readable (data or end of file).
class ReadWatch {
 public:
  /// Takes `descriptor` over and closes it in the end.
  ReadWatch(Loop& loop, int descriptor, std::function<void()> ready);
  ~ReadWatch();
  ReadWatch(const ReadWatch&) = delete;
  ReadWatch& operator=(const ReadWatch&) = delete;

  int descriptor() { return state_->stream.native_handle(); }

 private:
  struct State {
    boost::asio::posix::stream_descriptor stream;
    std::function<void()> ready;
    bool stopped = false;
  };
  static void wait(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

/// Calls `caught` with the number of each signal of the set, from the loop.
class SignalWatch {
 public:
  SignalWatch(Loop& loop, std::initializer_list<int> signals, std::function<void(int)> caught);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  struct State {
    State(Loop& loop, std::function<void(int)> action)
        : set(loop.context()), caught(std::move(action)) {}
    boost::asio::signal_set set;
    std::function<void(int)> caught;
    bool stopped = false;
  };
  static void wait(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace muster::runtime
