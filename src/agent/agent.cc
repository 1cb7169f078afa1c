// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.h"

#include <cstdlib>

#include "agent/facts.h"
#include "agent/version.h"
#include "agent/work.h"
#include "core/log.h"
#include "member/credential.h"
#include "net/http_client.h"
#include "orders/signer.h"
#include "runtime/idle_memory.h"
#include "wire/limits.h"

namespace muster::agent {
namespace {

constexpr std::chrono::seconds kConnectTimeMax{20};
constexpr std::chrono::hours kForever{24 * 365};
/// Less than the pause between two heartbeats: what a login or a command needed goes back
/// at the next one, and many small orders in a row do not pay for it each.
constexpr std::chrono::seconds kReleasePause{15};
constexpr std::chrono::milliseconds kStopPoll{100};

}  // namespace

Agent::Agent(runtime::Loop& loop, StateFolder folder, Enrolment enrolment, Permissions permissions,
             ContentOptions content, Launch launch)
    : loop_(loop),
      folder_(std::move(folder)),
      enrolment_(std::move(enrolment)),
      permissions_(std::move(permissions)),
      content_options_(std::move(content)),
      launch_(std::move(launch)),
      instance_(launch_.handover && !launch_.handover->instance.empty() ? launch_.handover->instance
                                                                        : core::random_bytes(16)),
      guard_(std::make_shared<orders::Verifier>(enrolment_.authority, enrolment_.region),
             enrolment_.key.endpoint_id(), instance_),
      runs_(*this),
      runner_(loop, *this,
              std::make_shared<runtime::SpoolFolder>(
                  runtime::SpoolOptions{.folder = folder_.path() / "spool"})),
      discovery_key_(enrolment_.authority.fingerprint()),
      reconnect_(enrolment_.servers, enrolment_.last_good, core::random_seeded().next()),
      programs_(folder_.path()),
      tasks_(loop, "agent"),
      stop_tasks_(loop, "agent stop") {}

// The task that stopped the loop has not quite ended.
Agent::~Agent() {
  loop_.context().restart();
  while (stop_tasks_.size() > 0) loop_.context().run_one();
}

void Agent::start() {
  core::log(core::Level::kInfo, "agent", "started",
            {{"endpoint", enrolment_.key.endpoint_id()},
             {"region", enrolment_.region},
             {"version", version()}});
  take_over();
  if (launch_.on_trial()) {
    make_methods();
    return tasks_.spawn(keep_logged_in());
  }
  ContentOptions options = content_options_;
  options.folder = folder_.path();
  if (auto content = Content::open(loop_, std::move(options)))
    content_ = std::move(*content);
  else
    core::log(core::Level::kError, "agent", "methods cannot be fetched",
              {{"error", content.error().message}});
  make_methods();
  if (permissions_.answers) answer_discovery();
  if (!permissions_.user_socket.empty()) listen_to_users();
  tasks_.spawn(keep_logged_in());
}

void Agent::answer_discovery() {
  answering_ = std::make_unique<discovery::Answering>(loop_, discovery_key_, discovery::kEndpoints);
  answering_->set_answer({.endpoint = enrolment_.key.endpoint_id()});
  if (const auto started = answering_->start(discovery::kAgentPort); !started)
    core::log(core::Level::kWarn, "agent", "this machine is not found by discovery",
              {{"why", started.error().message}});
}

void Agent::make_methods() {
  methods_ = std::make_unique<MethodRuns>(
      content_.get(), permissions_.publishing_keys,
      [this] {
        const wire::Facts facts = gather_facts(updates_itself());
        return std::vector<std::string>(facts.features().begin(), facts.features().end());
      },
      MethodRuns::Effects{
          .start =
              [this](core::RunId run, methods::Command command) {
                channels_->open(run, methods_->package(run), !command.user.empty());
                runner_.run(run, std::move(command));
              },
          .finished = [this](core::RunId run,
                             link::RunResult result) { work_done(run, std::move(result)); },
          .update = [this](core::RunId run,
                           UpdateOrder order) { begin_update(run, std::move(order)); }});
  channels_ = std::make_unique<MethodChannels>(
      loop_, content_.get(),
      MethodChannels::Effects{
          .tell = [this](core::RunId run, std::string_view bytes) { runner_.tell(run, bytes); },
          .progress =
              [this](core::RunId run, const methods::Progress& progress) {
                runs_.progress(run, progress.percent, progress.text);
                if (users_) users_->progress(run, progress.percent, progress.text);
                touch_link();
              },
          .upcall =
              [this](core::RunId run, std::string name, std::string body, auto done) {
                upcall(run, std::move(name), std::move(body), std::move(done));
              }});
}

void Agent::listen_to_users() {
  auto listening = UserSocket::open(loop_, permissions_.user_socket,
                                    [this](std::string name, std::string body, auto done) {
                                      upcall({}, std::move(name), std::move(body), std::move(done));
                                    });
  if (listening)
    users_ = std::move(*listening);
  else
    core::log(core::Level::kWarn, "agent", "users of this machine cannot ask for file packs",
              {{"why", listening.error().message}});
}

void Agent::upcall(core::RunId run, std::string name, std::string body,
                   std::function<void(core::Result<std::string>)> done) {
  if (!link_ || link_over_)
    return done(
        core::fail(core::Code::kUnavailable, "there is no open link to a gateway; try again"));
  link_->session().upcall(std::move(name), std::move(body), MethodChannels::kUpcallPatience,
                          core::mono_now(), std::move(done), run);
  touch_link();
}

void Agent::stop() {
  if (std::exchange(stopping_, true)) return;
  users_.reset();
  changed_.notify();
  if (update_) cancel_update(update_->run, "the agent was stopped");
  stop_tasks_.spawn(end_in_good_order());
}

// --- the link

runtime::Task<void> Agent::keep_logged_in() {
  while (!stopping_) {
    if (resting_) {
      co_await changed_.wait(changed_.count(), kForever);
      continue;
    }
    linking_ = true;
    const link::Ending ending = co_await one_link();
    linking_ = false;
    const core::Duration wait = reconnect_.ended(ending, core::mono_now());
    if (stopping_) break;
    core::log(core::Level::kWarn, "agent", reconnect_.explanation(),
              {{"goodbye", link::name(ending.code)}});
    write_status(false, {}, reconnect_.explanation());
    if (permissions_.seeks && reconnect_.shall_seek(core::mono_now()))
      reconnect_.found(co_await discovery::seek(loop_, discovery_key_,
                                                discovery::kGateways | discovery::kServers));
    else
      co_await changed_.wait(changed_.count(), wait);
  }
}

// From the connection to its end; says how it ended.
runtime::Task<link::Ending> Agent::one_link() {
  const std::string server = reconnect_.server();
  if (!tls_)
    if (const core::Status made = make_tls(); !made)
      co_return link::Ending{.reason = made.error().message};
  const auto address = net::ServerAddress::parse(server);
  if (!address) co_return link::Ending{.reason = address.error().message};
  auto socket = co_await net::connect_websocket(
      loop_, *address, tls_, "/link",
      {.message_bytes_max = wire::kFrameBytesMax, .queue_bytes_max = 16 * 1024 * 1024},
      kConnectTimeMax);
  if (!socket) co_return link::Ending{.reason = std::move(socket.error().message)};
  link_over_ = false;
  link_ = std::make_unique<GatewayLink>(loop_, std::move(*socket), runs_, guard_,
                                        static_cast<GatewayLinkObserver&>(*this));
  link_->start({.instance = instance_,
                .nonce = core::random_bytes(orders::kNonceBytes),
                .facts = gather_facts(updates_itself()),
                .wall_clock_unix_ms = core::unix_ms(core::wall_now()),
                .follows = true});
  while (!link_over_) co_await changed_.wait(changed_.count(), kForever);
  if (content_) content_->link_over();
  link_.reset();
  renewing_ = asking_for_ticket_ = false;
  co_return std::move(ending_);
}

core::Status Agent::make_tls() {
  net::TlsClientOptions options;
  options.ca_pem = enrolment_.authority.pem();
  options.identity = net::TlsIdentity{enrolment_.certificate.pem(), enrolment_.key.pem()};
  options.alpn = net::kAlpnLink;
  options.check_peer = member::check_gateway;
  MUSTER_ASSIGN(tls_, net::TlsClientContext::make(std::move(options)));
  return {};
}

void Agent::link_open(const wire::Welcome& welcome) {
  reconnect_.connected(core::mono_now(), {welcome.gateways().begin(), welcome.gateways().end()});
  core::log(core::Level::kInfo, "agent", "logged in",
            {{"server", reconnect_.server()}, {"gateway", welcome.gateway()}});
  const auto skew = std::abs(welcome.wall_clock_unix_ms() - core::unix_ms(core::wall_now()));
  if (skew > 60'000)
    core::log(core::Level::kWarn, "agent",
              "this machine's clock differs from the gateway's: certificates may seem invalid",
              {{"by", core::to_text(std::chrono::milliseconds(skew))}});
  if (launch_.on_trial()) return say_logged_in();
  if (launch_.handover) programs_.proven(launch_.handover->program);
  if (enrolment_.last_good != reconnect_.server()) {
    enrolment_.last_good = reconnect_.server();
    if (const core::Status saved = folder_.save_servers(enrolment_); !saved)
      core::log(core::Level::kWarn, "agent", saved.error().message);
  }
  write_status(true, welcome.gateway(), "logged in");
  if (content_)
    content_->link_open([this](const wire::ContentRequest& request) {
      (void)link_->session().request_content(request);
    });
}

void Agent::link_alive() {
  renew_if_due();
  refresh_ticket_if_stale();
  const core::MonoTime now = core::mono_now();
  if (now < release_due_ || working() > 0) return;
  release_due_ = now + kReleasePause;
  runtime::release_idle_memory();
}

void Agent::link_content(const wire::ContentData& data) {
  if (content_) content_->receive(data);
}

void Agent::link_ended(const link::Ending& ending) {
  ending_ = ending;
  link_over_ = true;
  changed_.notify();
}

void Agent::touch_link() {
  if (link_ && !link_over_) link_->touched();
}

void Agent::write_status(bool open, std::string gateway, std::string explanation) {
  if (launch_.on_trial()) return;  // the agent before is still there
  if (answering_)
    answering_->set_answer({.endpoint = enrolment_.key.endpoint_id(), .link_open = open});
  const core::Status saved = folder_.save_status({.open = open,
                                                  .server = reconnect_.server(),
                                                  .gateway = std::move(gateway),
                                                  .explanation = std::move(explanation),
                                                  .since = core::to_rfc3339(core::wall_now())});
  if (!saved) core::log(core::Level::kWarn, "agent", saved.error().message);
}

// --- work

void Agent::start_work(const wire::Invoke& invoke) {
  if (launch_.on_trial()) return;  // nothing of it was started: whoever logs in next gets it again
  const core::RunId run{invoke.run()};
  link::RunResult refused;
  refused.announce.set_outcome(wire::OUTCOME_REFUSED);
  if (stopping_) {
    refused.announce.set_reason("the agent is stopping");
  } else if (invoke.has_method()) {
    return methods_->begin(invoke);
  } else if (permissions_.only_methods) {
    refused.announce.set_reason("this machine runs methods only, no commands (--only-methods)");
  } else {
    return runner_.run(run, command_of(invoke));
  }
  runs_.finished(run, std::move(refused), core::mono_now());
}

void Agent::cancel_work(core::RunId run, const std::string& reason) {
  const std::string why = reason.empty() ? "cancelled" : reason;
  if (launch_.on_trial() || cancel_update(run, why)) return;
  if (!methods_->cancel(run, why)) runner_.cancel(run, why);
}

void Agent::command_started(core::RunId run) {
  core::log(core::Level::kInfo, "agent", "started a command", {{"run", run}});
  runs_.started(run);
}

void Agent::command_output(core::RunId run, methods::Stream stream, std::uint64_t offset,
                           std::string_view data) {
  if (!methods_->may_show(run, stream, data)) return;
  runs_.output(run, stream == methods::Stream::kStdout ? wire::STREAM_STDOUT : wire::STREAM_STDERR,
               offset, data);
}

void Agent::command_channel(core::RunId run, std::string_view data) {
  channels_->heard(run, data);
}

void Agent::command_done(core::RunId run, methods::Completion completion) {
  core::log(core::Level::kInfo, "agent", "a command ended",
            {{"run", run},
             {"exit_code", completion.exit_code},
             {"signal", completion.signal},
             {"reason", completion.reason}});
  if (update_ && update_->run == run) {
    update_->trial = std::move(completion);
    return changed_.notify();
  }
  channels_->close(run);
  work_done(run, methods_->has(run) ? methods_->ended(run, std::move(completion))
                                    : result_of(std::move(completion)));
}

void Agent::work_done(core::RunId run, link::RunResult result) {
  if (users_) users_->finished(run, result);
  runs_.finished(run, std::move(result), core::mono_now());
  changed_.notify();
  touch_link();
}

// --- the end

runtime::Task<void> Agent::wait_until(core::Duration at_most, std::function<bool()> done) {
  const core::MonoTime until = core::mono_now() + at_most;
  while (!done() && core::mono_now() < until) co_await changed_.wait(changed_.count(), kStopPoll);
}

runtime::Task<void> Agent::end_in_good_order() {
  methods_->cancel_all("the agent was stopped");
  if (working() > 0)
    core::log(core::Level::kInfo, "agent", "stopping; waiting for running work",
              {{"running", working()}, {"at_most", core::to_text(kStopGrace)}});
  co_await wait_until(kStopGrace, [this] { return runner_.running() == 0; });
  runner_.cancel_all("the agent was stopped");
  co_await wait_until(methods::kKillGrace + kAckGrace, [this] { return runner_.running() == 0; });
  if (link_ && link_->session().open() && !launch_.on_trial())
    co_await wait_until(kAckGrace, [this] { return runs_.all().empty() || link_over_; });
  if (link_ && !link_over_) {
    link_->session().goodbye(wire::GOODBYE_STOPPING, "the agent is stopping");
    co_await wait_until(kAckGrace, [this] { return link_over_; });
  }
  link_over_ = true;
  changed_.notify();
  co_await tasks_.stop();
  if (content_) content_->link_over();
  link_.reset();
  write_status(false, {}, "the agent was stopped");
  if (launch_.handover && !launch_.on_trial()) programs_.proven(launch_.handover->program);
  core::log(core::Level::kInfo, "agent", "stopped");
  loop_.stop();
}

}  // namespace muster::agent
