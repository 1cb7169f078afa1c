// SPDX-License-Identifier: Apache-2.0
//
// UserSocket is where users of this machine, who need not be root, ask its agent for file
// packs (ADR 25): a Unix socket that anybody may connect to. Who asks is what the kernel says
// of the other end, never what it writes. One question for each connection, answers as lines of
// JSON; a connection that ends before the installation does ends nothing.
//
// Lives on the agent's loop. Everything is bounded: connections in all and of one user, bytes,
// time, and how often a user may ask.
#pragma once

#include <sys/types.h>

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "content/token_bucket.h"
#include "core/ids.h"
#include "link/endpoint_runs.h"
#include "runtime/loop.h"
#include "runtime/watch.h"

namespace muster::agent {

class UserSocket {
 public:
  static constexpr std::size_t kClientsMax = 32;
  static constexpr std::size_t kClientsOfUserMax = 4;
  /// A user asks 10 times at once, then once a second.
  static constexpr std::uint64_t kQuestionsAtOnce = 10;
  static constexpr std::size_t kUsersMax = 1000;
  /// From the connection to its question.
  static constexpr core::Duration kQuestionPatience = std::chrono::seconds(5);
  /// From the order to the first sign of its run here.
  static constexpr core::Duration kStartPatience = std::chrono::minutes(2);
  /// Runs that have just ended, for answers that come after the end.
  static constexpr std::size_t kEndedMax = 32;

  /// Asks the server; the answer comes once, possibly at once.
  using Upcall = std::function<void(std::string name, std::string body,
                                    std::function<void(core::Result<std::string>)>)>;

  /// Makes the socket, mode 0666, in a folder that is there. What a dead agent has left is
  /// taken over; kConflict where a live one listens, or the name is something else.
  static core::Result<std::unique_ptr<UserSocket>> open(runtime::Loop& loop,
                                                        std::filesystem::path path, Upcall upcall);
  ~UserSocket();
  UserSocket(const UserSocket&) = delete;
  UserSocket& operator=(const UserSocket&) = delete;

  // What happens to runs here; nobody need have asked for them.
  void progress(core::RunId run, std::optional<std::uint32_t> percent, std::string_view text);
  void finished(core::RunId run, const link::RunResult& result);

 private:
  struct Client;
  using Number = std::uint64_t;

  UserSocket(runtime::Loop& loop, std::filesystem::path path, Upcall upcall);
  void accept();
  void heard(Number number);
  void ask(Number number, std::string_view line);
  void listed(Number number, core::Result<std::string> list);
  void ordered(Number number, core::Result<std::string> order);
  bool may_ask(uid_t user);
  /// False: the client is gone.
  bool tell(Number number, std::string_view line);
  void tell_error(Number number, const core::Error& error);
  void end(Number number);
  Client* find(Number number);

  runtime::Loop& loop_;
  const std::filesystem::path path_;
  const Upcall upcall_;
  std::unique_ptr<runtime::ReadWatch> listening_;
  std::map<Number, std::unique_ptr<Client>> clients_;
  std::map<uid_t, content::TokenBucket> asked_;
  std::deque<std::pair<core::RunId, std::string>> ended_;
  Number next_ = 1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace muster::agent
