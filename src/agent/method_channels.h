// SPDX-License-Identifier: Apache-2.0
//
// MethodChannels serves the channels of the methods that run here
// (docs/protocols/method-channel.md): passes progress on, answers calls, or has the server
// answer them under the run's name.
//
// Lives on the agent's loop. Whatever a method does here, its run goes on.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "agent/content.h"
#include "core/ids.h"
#include "methods/channel.h"
#include "methods/package.h"
#include "runtime/loop.h"

namespace muster::agent {

class MethodChannels {
 public:
  /// Calls of all methods that wait for the server: the agent's own upcalls need room too.
  static constexpr std::size_t kMethodUpcallsMax = 32;
  static constexpr core::Duration kUpcallPatience = std::chrono::seconds(30);
  static constexpr core::Duration kContentPatience = std::chrono::minutes(10);
  /// Files that one run may have fetched and not released.
  static constexpr std::size_t kFilesMax = 64;

  struct Effects {
    /// Bytes for the method's end of the channel.
    std::function<void(core::RunId, std::string_view)> tell;
    std::function<void(core::RunId, const methods::Progress&)> progress;
    /// Ask the server; the answer comes once, possibly at once.
    std::function<void(core::RunId, std::string name, std::string body,
                       std::function<void(core::Result<std::string>)>)>
        upcall;
  };

  /// `content` may be null; then there is none to be fetched.
  MethodChannels(runtime::Loop& loop, Content* content, Effects effects);
  ~MethodChannels();
  MethodChannels(const MethodChannels&) = delete;
  MethodChannels& operator=(const MethodChannels&) = delete;

  /// The run's process starts. `package` lives until close(). `other_user`: that user must be
  /// able to read what is fetched.
  void open(core::RunId run, const methods::Package& package, bool other_user);
  /// What it wrote; nothing happens where the run has no channel.
  void heard(core::RunId run, std::string_view bytes);
  /// Removes what was fetched for it.
  void close(core::RunId run);

 private:
  struct Open;

  void pass_progress(core::RunId run, Open& open);
  void answer(core::RunId run, Open& open, methods::Channel::Call call);
  void release(core::RunId run, Open& open, const methods::Channel::Call& call);
  void ask_server(core::RunId run, methods::Channel::Call call);
  core::Status fetch(core::RunId run, Open& open, const methods::Channel::Call& call);
  void reply(core::RunId run, std::uint64_t id, const core::Result<std::string>& body);

  runtime::Loop& loop_;
  Content* const content_;
  const Effects effects_;
  std::map<core::RunId, std::unique_ptr<Open>> open_;
  std::size_t upcalls_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace muster::agent
