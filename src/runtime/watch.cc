// SPDX-License-Identifier: Apache-2.0
#include "runtime/watch.h"

namespace muster::runtime {

ReadWatch::ReadWatch(Loop& loop, int descriptor, std::function<void()> ready)
    : state_(std::make_shared<State>(State{
          boost::asio::posix::stream_descriptor(loop.context(), descriptor), std::move(ready)})) {
  wait(state_);
}

ReadWatch::~ReadWatch() {
  state_->stopped = true;
  boost::system::error_code ignored;
  state_->stream.close(ignored);
}

void ReadWatch::wait(std::shared_ptr<State> state) {
  auto& stream = state->stream;
  stream.async_wait(boost::asio::posix::descriptor_base::wait_read,
                    [state = std::move(state)](boost::system::error_code failed) mutable {
                      if (failed || state->stopped) return;
                      state->ready();
                      if (!state->stopped) wait(std::move(state));
                    });
}

SignalWatch::SignalWatch(Loop& loop, std::initializer_list<int> signals,
                         std::function<void(int)> caught)
    : state_(std::make_shared<State>(loop, std::move(caught))) {
  for (const int signal : signals) state_->set.add(signal);
  wait(state_);
}

SignalWatch::~SignalWatch() {
  state_->stopped = true;
  boost::system::error_code ignored;
  state_->set.cancel(ignored);  // clear() alone would leave the wait, which holds the state
  state_->set.clear(ignored);
}

void SignalWatch::wait(std::shared_ptr<State> state) {
  auto& set = state->set;
  set.async_wait([state = std::move(state)](boost::system::error_code failed, int number) mutable {
    if (failed || state->stopped) return;
    state->caught(number);
    if (!state->stopped) wait(std::move(state));
  });
}

}  // namespace muster::runtime
