// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <sys/socket.h>

#include <list>
#include <map>
#include <unordered_map>

#include "core/log.h"
#include "net/detail/http_connection.h"
#include "net/tls_stream.h"
#include "runtime/signal.h"
#include "runtime/task_group.h"

namespace muster::net {

using boost::asio::ip::tcp;
using core::Code;
using core::Status;
using runtime::Task;

namespace {

constexpr int kBacklog = 4096;
constexpr core::Duration kAcceptPause = std::chrono::milliseconds(100);

}  // namespace

class HttpServer::Impl {
 public:
  Impl(runtime::Loop& on_loop, std::shared_ptr<const TlsServerContext> with_tls, Router router,
       HttpServerOptions options)
      : loop(on_loop),
        tls(std::move(with_tls)),
        service{std::move(router), std::move(options), false, {}},
        acceptor(loop.context()),
        group(loop, "net") {}

  Status listen();
  Task<void> accept();
  Task<void> serve(tcp::socket socket, std::string address);
  Task<void> stop(core::Duration grace);
  bool admit(const std::string& address);
  void leave(const std::string& address);
  Task<void> make_room();
  Task<core::Result<TlsStream>> shake_hands(tcp::socket socket);

  runtime::Loop& loop;
  const std::shared_ptr<const TlsServerContext> tls;
  detail::HttpService service;
  tcp::acceptor acceptor;
  runtime::TaskGroup group;
  std::list<detail::HttpConnection> connections;
  runtime::Signal ended;
  std::unordered_map<std::string, std::size_t> per_address;
  struct Handshake {
    int socket;
    core::MonoTime begun;
  };
  std::map<std::uint64_t, Handshake> handshakes;  // by number: the oldest first
  std::uint64_t next_handshake = 0;
};

namespace {

Status bind_error(const boost::system::error_code& failed, const HttpServerOptions& options) {
  const std::string where = options.address + " port " + std::to_string(options.port);
  if (failed == boost::asio::error::address_in_use)
    return core::fail(Code::kConflict,
                      where +
                          " is in use: stop the program that listens there ('ss -ltnp' "
                          "names it) or choose another port");
  if (failed == boost::asio::error::access_denied)
    return core::fail(Code::kDenied, where +
                                         " may not be bound by this user: choose a port from "
                                         "1024 on, or grant CAP_NET_BIND_SERVICE");
  return core::fail(Code::kIo, "listening on " + where + ": " + failed.message());
}

}  // namespace

Status HttpServer::Impl::listen() {
  boost::system::error_code failed;
  const auto& options = service.options;
  const auto address = boost::asio::ip::make_address(options.address, failed);
  if (failed)
    return core::fail(Code::kInvalid, "'" + options.address + "' is no IP address to listen on");
  const tcp::endpoint endpoint(address, options.port);
  if (const auto& listening = options.listening; listening && *listening) {
    acceptor.assign(endpoint.protocol(), listening->get(), failed);
    if (failed) return bind_error(failed, options);
    listening->release();
    return {};
  }
  acceptor.open(endpoint.protocol(), failed);
  if (!failed) acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed) acceptor.bind(endpoint, failed);
  if (!failed) acceptor.listen(kBacklog, failed);
  if (failed) return bind_error(failed, options);
  return {};
}

Task<void> HttpServer::Impl::accept() {
  bool complained = false;
  while (!service.stopping && acceptor.is_open()) {
    tcp::socket socket(loop.context());
    const auto [failed] = co_await acceptor.async_accept(socket, runtime::kAwait);
    if (failed == boost::asio::error::operation_aborted || service.stopping) co_return;
    if (failed == boost::asio::error::connection_aborted) continue;
    if (failed) {  // no descriptors or memory: a pause, lest the loop spins
      if (!std::exchange(complained, true))
        core::log(core::Level::kError, "net",
                  "cannot accept connections; raise the limit of open files (ulimit -n)",
                  {{"cause", failed.message()}});
      co_await runtime::sleep_for(kAcceptPause);
      continue;
    }
    complained = false;
    boost::system::error_code ignored;
    std::string address = socket.remote_endpoint(ignored).address().to_string();
    if (handshakes.size() >= service.options.limits.handshakes_max) co_await make_room();
    if (service.stopping) co_return;
    if (admit(address)) group.spawn(serve(std::move(socket), std::move(address)));
  }
}

// Those that wait in the kernel's queue lose nothing by it: a fleet that comes all at once
// keeps the processor busy with handshakes that end. Only what is old by then is cut, for
// it is the peer that was waited for.
Task<void> HttpServer::Impl::make_room() {
  const HttpLimits& limits = service.options.limits;
  ++service.stats.handshakes_crowded;
  while (handshakes.size() >= limits.handshakes_max && !service.stopping) {
    const auto oldest = handshakes.begin();
    const auto wait = oldest->second.begun + limits.handshake_time_crowded - core::mono_now();
    if (wait > core::Duration::zero()) {
      co_await ended.wait(ended.count(), wait);
      continue;
    }
    ++service.stats.handshakes_cut;
    ::shutdown(oldest->second.socket, SHUT_RDWR);  // its wait ends; the socket is its own
    handshakes.erase(oldest);
  }
}

bool HttpServer::Impl::admit(const std::string& address) {
  const HttpLimits& limits = service.options.limits;
  const auto found = per_address.find(address);
  if (service.stats.connections >= limits.connections_max ||
      (found != per_address.end() && found->second >= limits.connections_per_address_max)) {
    ++service.stats.connections_refused;
    return false;
  }
  ++per_address[address];
  ++service.stats.connections;
  return true;
}

void HttpServer::Impl::leave(const std::string& address) {
  const auto found = per_address.find(address);
  if (--found->second == 0) per_address.erase(found);
  --service.stats.connections;
}

Task<core::Result<TlsStream>> HttpServer::Impl::shake_hands(tcp::socket socket) {
  struct Done {
    Impl& impl;
    std::uint64_t number;
    ~Done() {
      impl.handshakes.erase(number);  // unless it was cut
      impl.ended.notify();
    }
  } done{*this, next_handshake++};
  handshakes.emplace(done.number, Handshake{socket.native_handle(), core::mono_now()});
  auto stream = co_await TlsStream::accept(loop, std::move(socket), tls,
                                           service.options.limits.handshake_time_max);
  if (!stream) ++service.stats.handshakes_failed;
  co_return stream;
}

Task<void> HttpServer::Impl::serve(tcp::socket socket, std::string address) {
  struct Leave {
    Impl& impl;
    const std::string& address;
    std::list<detail::HttpConnection>::iterator connection;
    ~Leave() {
      if (connection != impl.connections.end()) impl.connections.erase(connection);
      impl.leave(address);
      impl.ended.notify();
    }
  } guard{*this, address, connections.end()};
  try {
    auto stream = co_await shake_hands(std::move(socket));
    if (!stream) {
      core::log(core::Level::kDebug, "net", "a connection was refused",
                {{"address", address}, {"why", stream.error().message}});
      co_return;
    }
    guard.connection = connections.emplace(connections.end(), std::move(*stream), service);
    co_await guard.connection->run();
  } catch (const boost::system::system_error& thrown) {
    if (thrown.code() != boost::asio::error::operation_aborted) throw;
  }
}

Task<void> HttpServer::Impl::stop(core::Duration grace) {
  service.stopping = true;
  boost::system::error_code ignored;
  acceptor.close(ignored);
  for (auto& connection : connections) connection.stop();
  const core::MonoTime deadline = core::mono_now() + grace;
  while (!connections.empty() && core::mono_now() < deadline)
    co_await ended.wait(ended.count(), deadline - core::mono_now());
  co_await group.stop();
}

HttpServer::HttpServer(runtime::Loop& loop, std::shared_ptr<const TlsServerContext> tls,
                       Router router, HttpServerOptions options)
    : impl_(std::make_shared<Impl>(loop, std::move(tls), std::move(router), std::move(options))) {}

HttpServer::~HttpServer() = default;

Status HttpServer::start() {
  MUSTER_TRY(impl_->listen());
  impl_->group.spawn(impl_->accept());
  return {};
}

std::shared_ptr<runtime::Descriptor> HttpServer::hand_over() {
  boost::system::error_code failed;
  const int socket = impl_->acceptor.is_open() ? impl_->acceptor.release(failed) : -1;
  return socket < 0 || failed ? nullptr : std::make_shared<runtime::Descriptor>(socket);
}

Task<void> HttpServer::stop(core::Duration grace) {
  return impl_->stop(grace);
}

std::uint16_t HttpServer::port() const {
  boost::system::error_code failed;
  return impl_->acceptor.local_endpoint(failed).port();
}

HttpServerStats HttpServer::stats() const {
  HttpServerStats stats = impl_->service.stats;
  stats.handshakes = impl_->handshakes.size();
  return stats;
}

}  // namespace muster::net
