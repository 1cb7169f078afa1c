// SPDX-License-Identifier: Apache-2.0
#include "store/servers.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/log.h"
#include "store/detail/postgres_servers.h"
#include "store/detail/postgres_session.h"

namespace muster::store {
namespace {

using core::Code;
using core::Level;
using namespace std::chrono_literals;

constexpr core::Duration kStartRetry = 500ms;
constexpr core::Duration kForgottenAfter = 24h;
constexpr core::Duration kNamePatience = 3s;
constexpr core::Duration kNameRetry = 100ms;

}  // namespace

const ServerRow* ServersView::leader() const {
  const auto found = std::ranges::find_if(servers, &ServerRow::leads);
  return found == servers.end() ? nullptr : &*found;
}

bool ServersView::has_others() const {
  return std::ranges::any_of(servers, [](const ServerRow& row) { return !row.here && row.alive; });
}

class Servers::Watch {
 public:
  Watch(std::string url, std::string schema, ServerSelf self, LeaseTimes times)
      : instance_(detail::new_instance()),
        connection_(std::move(url), std::move(schema), instance_),
        self_(std::move(self)),
        lease_(instance_, self_.name, times) {}
  ~Watch() { stop(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  core::Status start(core::Duration wait) {
    const auto begun = core::mono_now(), deadline = begun + wait;
    for (bool told = false;;) {
      auto opened = connection_.open();
      if (opened) opened = connection_.enter(self_);
      if (opened) break;
      const bool away = opened.error().code == Code::kUnavailable;
      // A server of this name that was killed just now is seen for a moment still.
      const bool taken = opened.error().code == Code::kConflict;
      const auto until = taken ? begun + kNamePatience : deadline;
      if ((!away && !taken) || core::mono_now() >= until) return opened;
      if (taken) {
        std::this_thread::sleep_for(kNameRetry);
        continue;
      }
      if (!std::exchange(told, true))
        core::log(Level::kWarn, "store", "waiting for the database",
                  {{"at_most", core::to_text(wait)}, {"why", opened.error().message}});
      std::this_thread::sleep_for(kStartRetry);
    }
    MUSTER_TRY(look());
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void stop() {
    {
      const std::lock_guard guard(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  void set(bool stands) {
    {
      const std::lock_guard guard(mutex_);
      stands_ = stands;
      if (!stands) lease_.lost();
      looked_at_once_ = true;
    }
    wake_.notify_all();
  }

  void set_addresses(std::vector<std::string> addresses) {
    const std::lock_guard guard(mutex_);
    self_.addresses = std::move(addresses);
  }

  void say(std::string word) {
    {
      const std::lock_guard guard(mutex_);
      to_say_ = std::move(word);
      looked_at_once_ = true;
    }
    wake_.notify_all();
  }

  void met_another() {
    const std::lock_guard guard(mutex_);
    met_another_until_ = core::mono_now() + kAliveFor;
  }

  bool may_answer() const {
    const std::lock_guard guard(mutex_);
    return lease_.counts(core::mono_now()) ||
           (lease_.term() != 0 && core::mono_now() >= met_another_until_ && !view_.has_others());
  }

  ServersView view() const {
    const std::lock_guard guard(mutex_);
    ServersView view = view_;
    view.term = lease_.term();
    view.counts = lease_.counts(core::mono_now());
    return view;
  }

 private:
  void run() {
    std::unique_lock guard(mutex_);
    while (!stopping_) {
      wake_.wait_for(guard, lease_.times().renew_every,
                     [this] { return stopping_ || looked_at_once_; });
      looked_at_once_ = false;
      if (stopping_) break;
      guard.unlock();
      auto looked = connection_.lost() ? connection_.open() : core::Status();
      if (looked) looked = look();
      guard.lock();
      if (view_.reachable == looked.has_value()) continue;
      view_.reachable = looked.has_value();
      if (!looked)
        core::log(Level::kWarn, "servers", "cannot look at the lease",
                  {{"why", looked.error().message}});
    }
    const std::int64_t term = lease_.term();
    lease_.lost();
    guard.unlock();
    if (connection_.lost()) return;  // others will find out
    if (term != 0) [[maybe_unused]]
      const auto given = connection_.give_up(term);
    [[maybe_unused]] const auto left = connection_.leave(self_.name);
  }

  core::Status look() {
    ServerSelf self;
    bool may_lead = false;
    {
      const std::lock_guard guard(mutex_);
      self = self_;
      may_lead = stands_ && !view_.replaced;
    }
    MUSTER_TRY(listen());
    MUSTER_ASSIGN(const bool ours, connection_.beat(self));
    if (!ours) MUSTER_TRY(enter_again(self));
    const auto asked = core::mono_now();
    MUSTER_ASSIGN(const LeaseRow row, connection_.lease());
    MUSTER_TRY(step(row, asked, may_lead));
    MUSTER_ASSIGN(auto kept, connection_.servers());
    take_note(std::move(kept), asked);
    return {};
  }

  core::Status listen() {
    std::optional<std::string> to_say;
    {
      const std::lock_guard guard(mutex_);
      to_say = to_say_;
    }
    if (to_say) MUSTER_TRY(connection_.say(*to_say));
    MUSTER_ASSIGN(auto heard, connection_.hear());
    const std::lock_guard guard(mutex_);
    if (to_say == to_say_) to_say_.reset();
    view_.word = std::move(heard.first);
    view_.word_serial = heard.second;
    return {};
  }

  // The row is gone, as after a fail-over that lost it, or another process's.
  core::Status enter_again(const ServerSelf& self) {
    auto entered = connection_.enter(self);
    if (!entered && entered.error().code != Code::kConflict) return entered;
    const std::lock_guard guard(mutex_);
    if (entered) {
      view_.replaced = false;
      return {};
    }
    if (!std::exchange(view_.replaced, true))
      core::log(Level::kError, "servers", "another server has this one's name",
                {{"why", entered.error().message}});
    return {};
  }

  core::Status step(const LeaseRow& row, core::MonoTime asked, bool may_lead) {
    Lease::Step what = Lease::Step::kWait;
    std::int64_t term = 0;
    {
      const std::lock_guard guard(mutex_);
      what = lease_.looked(row, asked);
      term = lease_.term();
      if (!may_lead) lease_.lost();
      view_.last_term = row.term;
      holder_ = row.holder;
    }
    if (!may_lead) return row.holder == instance_ ? connection_.give_up(row.term) : core::Status();
    if (what == Lease::Step::kRenew) {
      MUSTER_ASSIGN(const bool renewed, connection_.renew(term));
      const std::lock_guard guard(mutex_);
      if (renewed && stands_)
        lease_.holds(term, asked);
      else
        lease_.lost();
      return {};
    }
    if (what != Lease::Step::kTake) return {};
    MUSTER_ASSIGN(const auto taken, connection_.take(row, self_.name));
    if (taken == 0) return {};
    core::log(Level::kInfo, "servers", "this server leads", {{"term", taken}});
    const std::lock_guard guard(mutex_);
    if (!stands_) return {};  // withdrawn meanwhile: the next look gives it up
    lease_.holds(taken, asked);
    ++view_.takeovers;
    view_.last_term = taken;
    holder_ = instance_;
    return {};
  }

  void take_note(std::vector<detail::ServersConnection::Kept> kept, core::MonoTime now) {
    const std::lock_guard guard(mutex_);
    view_.reachable = true;
    view_.servers.clear();
    decltype(grown_) grown;
    for (auto& one : kept) {
      auto& at = grown[one.instance];
      const auto before = grown_.find(one.instance);
      at = before != grown_.end() && before->second.first == one.beats ? before->second
                                                                       : std::pair(one.beats, now);
      one.row.unseen = now - at.second;
      one.row.alive = one.row.here || one.row.unseen < kAliveFor;
      one.row.leads = one.instance == holder_;
      if (one.row.unseen > kForgottenAfter) [[maybe_unused]]
        const auto removed = connection_.remove(one.row.self.name, one.instance);
      view_.servers.push_back(std::move(one.row));
    }
    grown_ = std::move(grown);
  }

  const std::string instance_;
  detail::ServersConnection connection_;  // of the thread, once that runs

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  ServerSelf self_;
  Lease lease_;
  ServersView view_;
  std::string holder_;
  core::MonoTime met_another_until_{};
  std::optional<std::string> to_say_;
  std::map<std::string, std::pair<std::int64_t, core::MonoTime>> grown_;  // by instance
  bool stands_ = false, stopping_ = false, looked_at_once_ = false;
  std::thread thread_;
};

Servers::Servers(std::unique_ptr<Watch> watch) : watch_(std::move(watch)) {}
Servers::~Servers() = default;

core::Result<std::unique_ptr<Servers>> Servers::open(std::string url, ServerSelf self,
                                                     core::Duration start_wait, LeaseTimes times,
                                                     std::string schema) {
  auto watch = std::make_unique<Watch>(std::move(url), std::move(schema), std::move(self), times);
  MUSTER_TRY(watch->start(start_wait));
  return std::unique_ptr<Servers>(new Servers(std::move(watch)));
}

void Servers::stand() {
  watch_->set(true);
}
void Servers::withdraw() {
  watch_->set(false);
}
void Servers::set_addresses(std::vector<std::string> addresses) {
  watch_->set_addresses(std::move(addresses));
}
void Servers::say(std::string word) {
  watch_->say(std::move(word));
}
void Servers::met_another() {
  watch_->met_another();
}

bool Servers::may_answer() const {
  return watch_->may_answer();
}
ServersView Servers::view() const {
  return watch_->view();
}
void Servers::stop() {
  watch_->stop();
}

}  // namespace muster::store
