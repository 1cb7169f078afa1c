// SPDX-License-Identifier: Apache-2.0
//
// Agent: logs in, does what it is ordered to, answers, sleeps. One loop, one thread.
//
// The ledger of runs outlives links; a link is one GatewayLink. start() once, then the
// loop runs until stop() has ended everything.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "agent/content.h"
#include "agent/gateway_link.h"
#include "agent/handover.h"
#include "agent/method_channels.h"
#include "agent/method_runs.h"
#include "agent/program_folder.h"
#include "agent/state_folder.h"
#include "agent/user_socket.h"
#include "discovery/service.h"
#include "link/endpoint_runs.h"
#include "link/reconnect.h"
#include "methods/runner.h"
#include "net/tls_context.h"
#include "orders/guard.h"
#include "runtime/signal.h"
#include "runtime/task_group.h"

namespace muster::agent {

/// Running work gets so long to end by itself when the agent is stopped.
inline constexpr std::chrono::seconds kStopGrace{10};
/// Then it is killed, and results get so long to be acknowledged.
inline constexpr std::chrono::seconds kAckGrace{3};

/// What the administrator of this machine lets the region do.
struct Permissions {
  std::set<std::string> publishing_keys;  ///< ids of the only ones to obey; empty: the region's
  bool only_methods = false;              ///< no command lines
  bool seeks = true;                      ///< asks the network where no gateway answers
  bool answers = false;                   ///< tells those of its region that it is here
  bool updates = true;                    ///< by orders; needs Launch::words
  std::string user_socket;                ///< where its users ask; empty: nowhere
};

/// How this process came to be.
struct Launch {
  std::vector<std::string> words{};    ///< the command line; empty: it cannot be started anew
  std::optional<Handover> handover{};  ///< of the program before
  bool on_trial() const { return handover && handover->kind == Handover::Kind::kTrial; }
};

class Agent final : private link::WorkPort,
                    private methods::CommandObserver,
                    private GatewayLinkObserver {
 public:
  Agent(runtime::Loop& loop, StateFolder folder, Enrolment enrolment, Permissions permissions = {},
        ContentOptions content = {}, Launch launch = {});
  /// REQUIRES: start() was not called, or the loop was stopped by stop().
  ~Agent() override;
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  void start();
  /// Ends in good order: running work first, then the link, then stops the loop.
  void stop();
  /// Kills all work at once, for a process that ends without more ado.
  void abandon_work() { runner_.kill_all(); }

 private:
  // Work
  void start_work(const wire::Invoke& invoke) override;
  void cancel_work(core::RunId run, const std::string& reason) override;
  void command_started(core::RunId run) override;
  void command_output(core::RunId run, methods::Stream stream, std::uint64_t offset,
                      std::string_view data) override;
  void command_channel(core::RunId run, std::string_view data) override;
  void command_done(core::RunId run, methods::Completion completion) override;
  // The link
  void link_open(const wire::Welcome& welcome) override;
  void link_alive() override;
  void link_content(const wire::ContentData& data) override;
  void link_ended(const link::Ending& ending) override;
  void touch_link();
  void make_methods();
  void answer_discovery();
  void listen_to_users();
  void upcall(core::RunId run, std::string name, std::string body,
              std::function<void(core::Result<std::string>)> done);
  void work_done(core::RunId run, link::RunResult result);
  std::size_t working() const { return runner_.running() + methods_->preparing(); }

  // Its own next version: agent_update.cc, docs/updates.md
  struct Update {
    core::RunId run;
    std::string nonce{};                         // of its trial
    std::optional<std::string> cancelled{};      // why
    std::optional<methods::Completion> trial{};  // how it ended
  };
  bool updates_itself() const { return permissions_.updates && !launch_.words.empty(); }
  void take_over();
  void begin_update(core::RunId run, UpdateOrder order);
  runtime::Task<void> update(core::RunId run, UpdateOrder order);
  bool judge_and_stage(core::RunId run, const UpdateOrder& order);
  runtime::Task<bool> rest_when_alone(core::RunId run, core::MonoTime until);
  bool alone() const;
  std::string own_digest() const;
  methods::Command trial_command(core::RunId run, const UpdateOrder& order) const;
  Handover handover(Handover::Kind kind, core::RunId run) const;
  std::string judge_trial(const UpdateOrder& order) const;
  std::string become(core::RunId run, const UpdateOrder& order);
  bool cancel_update(core::RunId run, const std::string& why);
  void end_update(core::RunId run, wire::Outcome outcome, std::string reason,
                  std::string stdout_bytes = {});
  void say_logged_in();

  runtime::Task<void> keep_logged_in();
  runtime::Task<link::Ending> one_link();
  runtime::Task<void> end_in_good_order();
  runtime::Task<void> wait_until(core::Duration at_most, std::function<bool()> done);
  core::Status make_tls();
  void write_status(bool open, std::string gateway, std::string explanation);
  void renew_if_due();
  void refresh_ticket_if_stale();
  core::Status take_certificate(const std::string& pem);

  runtime::Loop& loop_;
  StateFolder folder_;
  Enrolment enrolment_;
  const Permissions permissions_;
  const ContentOptions content_options_;  // its folder is the machine's
  const Launch launch_;
  const std::string instance_;
  orders::Guard guard_;
  link::EndpointRuns runs_;
  methods::Runner runner_;
  const discovery::RegionKey discovery_key_;
  std::unique_ptr<discovery::Answering> answering_;  // null: it does not answer
  link::Reconnect reconnect_;
  std::shared_ptr<const net::TlsClientContext> tls_;
  std::unique_ptr<Content> content_;  // null where its folder cannot be made
  std::unique_ptr<MethodRuns> methods_;
  std::unique_ptr<MethodChannels> channels_;  // of what methods_ runs
  std::unique_ptr<UserSocket> users_;         // null: nobody is listened to
  std::unique_ptr<GatewayLink> link_;
  ProgramFolder programs_;
  std::unique_ptr<Update> update_;  // while one goes on
  bool resting_ = false;            // no link is wanted: another program logs in
  bool linking_ = false;            // from a connection's first attempt to its end
  runtime::Signal changed_;         // a link ended, a run ended
  bool link_over_ = false;
  link::Ending ending_;
  core::WallTime renewal_due_{};
  core::MonoTime renewal_not_before_{};
  core::MonoTime release_due_{};
  bool renewing_ = false;
  bool asking_for_ticket_ = false;
  bool stopping_ = false;
  runtime::TaskGroup tasks_;
  runtime::TaskGroup stop_tasks_;
};

}  // namespace muster::agent
