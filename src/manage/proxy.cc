// SPDX-License-Identifier: Apache-2.0
#include "manage/proxy.h"

#include <algorithm>

#include "core/log.h"
#include "manage/call.h"
#include "net/content_length.h"
#include "net/tls_stream.h"

namespace muster::manage {
namespace {

using core::Code;
using core::Result;
using net::Response;
using runtime::Task;

/// Bodies up to this size travel whole, on a connection that is kept.
constexpr std::size_t kSmallBytes = 64 * 1024;
constexpr std::size_t kTunnelBlock = 16 * 1024;
constexpr net::ClientLimits kLimits{.connect_time_max = Proxy::kConnectTime,
                                    .response_time_max = Proxy::kAnswerTime,
                                    .stream_idle_max = Proxy::kAnswerTime};

/// Notes why the client's body could not be read: that is not the application's fault.
class NotedBody final : public net::BodyReader {
 public:
  explicit NotedBody(net::BodyReader& body) : body_(body) {}
  Task<Result<std::string>> read() override {
    auto part = co_await body_.read();
    if (!part) why_ = part.error();
    co_return part;
  }
  const std::optional<core::Error>& why() const { return why_; }

 private:
  net::BodyReader& body_;
  std::optional<core::Error> why_;
};

bool wants_websocket(const net::Request& request) {
  const auto upgrade = request.header("upgrade");
  return request.method == "GET" && upgrade &&
         std::ranges::equal(*upgrade, std::string_view("websocket"), {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : +c; });
}

Response with_status(int status, Code code, std::string message) {
  Response response = Response::error({code, std::move(message)});
  response.status = status;
  return response;
}

std::optional<Response> refused(const net::Request& request) {
  if (request.method == "CONNECT")
    return with_status(405, Code::kInvalid, "this is no proxy to other hosts");
  const bool all = request.method == "OPTIONS" && request.target == "*";
  if ((!request.target.starts_with('/') && !all) || request.target.contains('#'))
    return with_status(400, Code::kInvalid, "the address of a request begins with '/'");
  return std::nullopt;
}

/// Counts one request as long as it lives.
struct Counted {
  std::size_t& count;
  explicit Counted(std::size_t& of) : count(of) { ++count; }
  ~Counted() { --count; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
};

}  // namespace

Proxy::Proxy(runtime::Loop& loop, net::ServerAddress application, std::string shown,
             std::string own_id)
    : loop_(loop),
      application_(std::move(application)),
      shown_(std::move(shown)),
      own_id_(std::move(own_id)),
      tasks_(loop, "proxy") {}

Proxy::~Proxy() = default;

Task<core::Status> Proxy::reach() {
  auto stream = co_await net::connect_tls(loop_, application_, nullptr, kConnectTime);
  if (!stream) co_return std::unexpected(std::move(stream.error()));
  stream->close();
  co_return core::Status{};
}

// A kept connection may have ended in the meantime. Only what may be sent twice goes there.
Proxy::Client Proxy::client(bool repeatable) {
  if (idle_.empty() || !repeatable)
    return std::make_shared<net::HttpClient>(loop_, application_, nullptr, kLimits);
  auto kept = std::move(idle_.back());
  idle_.pop_back();
  return kept;
}

void Proxy::give_back(net::ClientStream stream, Client client) {
  client->keep(std::move(stream));
  if (idle_.size() < kIdleMax) idle_.push_back(std::move(client));
}

Response Proxy::failed(const core::Error& why) {
  ++stats_.failed;
  core::log(core::Level::kWarn, "manage", "the application did not answer",
            {{"application", shown_}, {"why", why.message}});
  if (why.code == Code::kTimeout)
    return with_status(504, Code::kTimeout, "the application behind this host took too long");
  if (why.code == Code::kUnavailable)
    return with_status(502, Code::kUnavailable, "the application behind this host does not answer");
  return with_status(502, Code::kUnavailable,
                     "the application behind this host answered what is no HTTP");
}

Task<Response> Proxy::pass(net::Request& request) {
  if (auto no = refused(request)) {
    ++stats_.refused;
    co_return std::move(*no);
  }
  auto headers = headers_onward(request, own_id_);
  if (!headers) {
    ++stats_.refused;
    co_return Response::error(headers.error());
  }
  const bool websocket = wants_websocket(request);
  if (stats_.under_way >= kUnderWayMax || (websocket && stats_.tunnels >= kTunnelsMax)) {
    ++stats_.refused;
    auto busy = with_status(503, Code::kUnavailable, "this host is busy; try again");
    busy.headers.emplace_back("Retry-After", "1");
    co_return busy;
  }
  net::ClientRequest onward{
      .method = request.method, .target = request.target, .headers = std::move(*headers)};
  if (websocket) {
    onward.headers.emplace_back("Connection", "Upgrade");
    onward.headers.emplace_back("Upgrade", "websocket");
  }
  NotedBody body(*request.body_stream);
  const auto length = net::content_length(request.header("content-length"));
  if ((length && *length > 0) || request.header("transfer-encoding")) {
    onward.body_stream = &body;
    onward.content_length = length;
  }
  const bool repeatable =
      (request.method == "GET" || request.method == "HEAD") && !onward.body_stream && !websocket;
  const Client to = client(repeatable);
  const auto counted = std::make_shared<Counted>(stats_.under_way);
  auto opened = co_await to->open(std::move(onward));
  if (body.why()) {
    ++stats_.refused;
    co_return Response::error(*body.why());
  }
  if (!opened) co_return failed(opened.error());
  if (opened->response().status == 101) {
    if (websocket) co_return tunnel(std::move(*opened), to);
    co_return failed({Code::kInvalid, "it changed the protocol unasked"});
  }
  auto response = co_await answer(request, std::move(*opened), to);
  if (response.producer)  // it is under way until its body is through
    response.producer = [produce = std::move(response.producer), counted](net::BodyWriter& writer) {
      return produce(writer);
    };
  co_return response;
}

Task<Response> Proxy::answer(net::Request& request, net::ClientStream stream, Client client) {
  const net::ClientResponse& from = stream.response();
  Response response;
  response.status = from.status;
  response.headers = headers_back(from.headers);
  const auto size = net::content_length(from.header("content-length"));
  const bool empty = request.method == "HEAD" || from.status == 204 || from.status == 304;
  ++stats_.passed;
  if (empty || (size && *size <= kSmallBytes)) {
    for (;;) {
      auto part = co_await stream.read();
      if (!part) co_return failed(part.error());
      if (part->empty()) break;
      response.body += *part;
    }
    give_back(std::move(stream), std::move(client));
    if (request.method == "HEAD" && size) {  // how long it would be; nothing is produced
      response.content_length = size;
      response.producer = [](net::BodyWriter&) -> Task<core::Status> { co_return core::Status{}; };
    }
    co_return response;
  }
  response.content_length = size;
  auto rest = std::make_shared<net::ClientStream>(std::move(stream));
  response.producer = [this, rest, client](net::BodyWriter& writer) -> Task<core::Status> {
    for (;;) {
      MUSTER_CO_ASSIGN(std::string part, co_await rest->read());
      if (part.empty()) break;
      MUSTER_CO_TRY(co_await writer.write(std::move(part)));
    }
    give_back(std::move(*rest), client);
    co_return core::Status{};
  };
  co_return response;
}

// One direction; its end ends the other one, which waits for bytes of a peer that has gone.
Task<void> Proxy::pump(std::shared_ptr<net::TlsStream> from, std::shared_ptr<net::TlsStream> to) {
  std::string block(kTunnelBlock, '\0');
  for (;;) {
    const auto got = co_await from->read_some(block, kTunnelIdle);
    if (!got || *got == 0) break;
    const auto sent = co_await to->write(std::string_view(block).substr(0, *got), kAnswerTime);
    if (!sent) break;
  }
  from->close();
  to->close();
}

Response Proxy::tunnel(net::ClientStream stream, Client) {
  Response response;
  response.status = 101;
  response.headers = headers_back(stream.response().headers);
  response.headers.emplace_back("Connection", "Upgrade");
  response.headers.emplace_back("Upgrade", "websocket");
  auto received = std::make_shared<std::string>();
  auto application = std::make_shared<net::TlsStream>(std::move(stream).take(*received));
  ++stats_.passed;
  response.takeover = [this, application, received](net::TlsStream connection,
                                                    std::string early) -> Task<void> {
    const Counted counted(stats_.tunnels);
    auto client = std::make_shared<net::TlsStream>(std::move(connection));
    const auto to_client = co_await client->write(*received, kAnswerTime);
    const auto to_application = co_await application->write(early, kAnswerTime);
    if (!to_client || !to_application) {
      client->close();
      application->close();
      co_return;
    }
    tasks_.spawn(pump(application, client));
    co_await pump(client, application);
  };
  return response;
}

}  // namespace muster::manage
