// SPDX-License-Identifier: Apache-2.0
//
// Requests over HTTPS from a program without an event loop: each call runs one of
// its own until the answer is there.
#include <csignal>
#include <cstring>

#include "cli/client.h"
#include "cli/transport.h"
#include "core/bytes.h"
#include "member/credential.h"
#include "net/http_client.h"
#include "net/presented_authority.h"
#include "runtime/signal.h"
#include "runtime/task_group.h"

namespace muster::cli {
namespace {

using core::Code;
using runtime::Task;

constexpr auto kPollEvery = std::chrono::milliseconds(100);
constexpr int kTickPolls = 5;
/// For a server that may be away, while others are known.
constexpr auto kChooseTime = std::chrono::seconds(3);
constexpr std::size_t kErrorBodyBytesMax = 64 * 1024;

// 0 none, else the signal that arrived last. Handlers may write nothing else.
volatile std::sig_atomic_t pending_signal = 0;

/// SIGINT and SIGTERM are counted instead of ending the process, while it lives.
class Interrupts {
 public:
  Interrupts() {
    pending_signal = 0;
    struct sigaction action{};
    action.sa_handler = [](int number) { pending_signal = number; };
    // No SA_RESTART: a question to the person must notice Ctrl-C.
    ::sigaction(SIGINT, &action, &old_int_);
    ::sigaction(SIGTERM, &action, &old_term_);
  }
  ~Interrupts() {
    ::sigaction(SIGINT, &old_int_, nullptr);
    ::sigaction(SIGTERM, &old_term_, nullptr);
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

 private:
  struct sigaction old_int_{};
  struct sigaction old_term_{};
};

/// What a person can do about a server that cannot be reached.
core::Error explained(core::Error error, const Region& region) {
  if (error.code != Code::kUnavailable && error.code != Code::kTimeout) return error;
  error.message += "\nIs `muster up` or `muster server` running there?";
  if (!region.source.empty()) error.message += " The address comes from " + region.source;
  return error;
}

/// Reads one stream of events on a loop of its own.
class EventSession {
 public:
  EventSession(net::ServerAddress server, std::shared_ptr<const net::TlsClientContext> tls,
               EventReader& reader)
      : client_(loop_, std::move(server), std::move(tls)),
        tasks_(loop_, "cli"),
        supervisor_(loop_, "cli"),
        reader_(reader) {}

  core::Status run(net::ClientRequest request) {
    const Interrupts interrupts;
    tasks_.spawn(read(std::move(request)));
    tasks_.spawn(poll());
    supervisor_.spawn(supervise());
    loop_.run_until_idle();
    return std::move(status_);
  }

 private:
  Task<void> supervise() {
    while (!ended_) co_await changed_.wait(changed_.count(), std::chrono::hours(1));
    co_await tasks_.stop();
  }

  void end(core::Status status) {
    if (ended_) return;
    ended_ = true;
    status_ = std::move(status);
    changed_.notify();
  }

  Task<void> read(net::ClientRequest request) {
    auto opened = co_await client_.open(std::move(request));
    if (!opened) {
      end(core::fail(std::move(opened.error())));
      co_return;
    }
    if (opened->response().status >= 400) {
      Answer answer{opened->response().status, "", ""};
      for (;;) {
        const auto part = co_await opened->read();
        if (!part || part->empty() || answer.body.size() > kErrorBodyBytesMax) break;
        answer.body += *part;
      }
      end(core::fail(error_of(answer)));
      co_return;
    }
    net::EventStream events(*std::move(opened));
    while (!ended_) {
      auto event = co_await events.next();
      if (!event) {
        end(core::fail(std::move(event.error())));
      } else if (!*event) {
        end({});
      } else if (!ended_ && !reader_.on_event({(*event)->name, (*event)->data})) {
        end({});
      }
    }
  }

  Task<void> poll() {
    for (int polls = 1; !ended_; ++polls) {
      if (!co_await runtime::sleep_for(kPollEvery) || ended_) co_return;
      if (const int number = pending_signal; number != 0) {
        const bool go_on = reader_.on_interrupt(number == SIGTERM);
        pending_signal = 0;  // also the one that answered the question
        if (!go_on) end({});
      } else if (polls % kTickPolls == 0 && !reader_.on_tick()) {
        end({});
      }
    }
  }

  runtime::Loop loop_;
  net::HttpClient client_;
  runtime::TaskGroup tasks_;
  runtime::TaskGroup supervisor_;
  runtime::Signal changed_;
  EventReader& reader_;
  core::Status status_;
  bool ended_ = false;
};

class HttpTransport final : public Transport {
 public:
  explicit HttpTransport(Region region) : region_(std::move(region)) {}

  core::Result<Answer> request(Request request) override {
    MUSTER_TRY(prepare());
    core::Result<net::ClientResponse> response =
        core::fail(Code::kInternal, "the request ended by an exception");
    tasks_.spawn(exchange(head(request), response));
    loop_.run_until_idle();
    if (!response) return core::fail(explained(std::move(response.error()), region_));
    net::ClientResponse& got = *response;
    std::string cookie(got.header("set-cookie").value_or(""));
    return Answer{got.status, std::move(got.body), cookie.substr(0, cookie.find(';'))};
  }

  core::Status events(std::string target, EventReader& reader) override {
    MUSTER_TRY(prepare());
    net::ClientRequest request = head({.target = std::move(target)});
    request.headers.emplace_back("Accept", "text/event-stream");
    EventSession session(*server_, tls_, reader);
    auto status = session.run(std::move(request));
    if (!status) return core::fail(explained(std::move(status.error()), region_));
    return {};
  }

 private:
  Task<void> exchange(net::ClientRequest request, core::Result<net::ClientResponse>& response) {
    response = co_await client_->request(std::move(request));
  }

  core::Status prepare() {
    if (client_) return {};
    MUSTER_ASSIGN(server_, net::ServerAddress::parse(region_.server));
    net::TlsClientOptions options;
    if (!region_.ca_pem.empty()) {
      options.ca_pem = region_.ca_pem;
    } else {
      MUSTER_ASSIGN(options.ca_fingerprint, core::from_base32(region_.ca_fingerprint));
    }
    // A gateway's certificate is of this region too, but API tokens are not for gateways.
    options.check_peer = member::check_server;
    MUSTER_ASSIGN(tls_, net::TlsClientContext::make(std::move(options)));
    MUSTER_TRY(choose());
    client_.emplace(loop_, *server_, tls_);
    return {};
  }

  // The first server that answers, where several are known: tried before anything is asked, so
  // that nothing is asked twice.
  core::Status choose() {
    if (region_.others.empty()) return {};
    std::vector<net::ServerAddress> all{*server_};
    for (const auto& other : region_.others) {
      MUSTER_ASSIGN(auto address, net::ServerAddress::parse(other));
      all.push_back(std::move(address));
    }
    tasks_.spawn(choose_of(std::move(all)));
    loop_.run_until_idle();
    return {};  // where none does, the first one's error is told by the request
  }

  Task<void> choose_of(std::vector<net::ServerAddress> all) {
    for (const auto& address : all) {
      const auto stream = co_await net::connect_tls(loop_, address, tls_, kChooseTime);
      if (!stream) continue;
      server_ = address;
      co_return;
    }
  }

  net::ClientRequest head(const Request& request) const {
    net::ClientRequest made;
    made.method = request.method;
    made.target = request.target;
    made.body = request.body;
    if (!request.body.empty()) made.headers.emplace_back("Content-Type", request.content_type);
    if (!request.cookie.empty()) {
      made.headers.emplace_back("Cookie", request.cookie);
      made.headers.emplace_back("X-Muster-Request", "1");
    } else if (!region_.token.empty()) {
      made.headers.emplace_back("Authorization", "Bearer " + region_.token);
    }
    if (!request.idempotency_key.empty()) {
      made.headers.emplace_back("Idempotency-Key", request.idempotency_key);
    }
    return made;
  }

  const Region region_;
  runtime::Loop loop_;
  std::optional<net::ServerAddress> server_;
  std::shared_ptr<const net::TlsClientContext> tls_;
  std::optional<net::HttpClient> client_;  // after the loop: it goes first
  runtime::TaskGroup tasks_{loop_, "cli"};
};

}  // namespace

std::unique_ptr<Transport> make_http_transport(Region region) {
  return std::make_unique<HttpTransport>(std::move(region));
}

core::Result<std::string> presented_fingerprint(std::string server) {
  MUSTER_ASSIGN(const auto address, net::ServerAddress::parse(server));
  MUSTER_ASSIGN(const auto bytes, net::presented_authority(address, std::chrono::seconds(10)));
  return core::to_base32(bytes);
}

}  // namespace muster::cli
