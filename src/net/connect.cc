// SPDX-License-Identifier: Apache-2.0
//
// From an address to a TLS connection, and on to a WebSocket.
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "core/bytes.h"
#include "net/detail/client_exchange.h"
#include "net/detail/websocket_key.h"
#include "net/raw_stream.h"
#include "net/service_lookup.h"
#include "runtime/descriptor.h"
#include "runtime/worker_pool.h"

namespace muster::net {

using boost::asio::ip::tcp;
using core::Code;
using core::Result;
using runtime::Task;

Result<ServerAddress> ServerAddress::parse(std::string_view text) {
  const auto wrong = [whole = text] {
    return core::fail(Code::kInvalid, "'" + core::printable(whole, 200) +
                                          "' is no server address; it looks like "
                                          "https://muster.example:7443");
  };
  if (text.starts_with("http://"))
    return core::fail(Code::kInvalid, "Muster is reached by https only: write https://…");
  if (text.starts_with("https://")) text.remove_prefix(8);
  if (text.ends_with('/')) text.remove_suffix(1);
  ServerAddress address;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return wrong();
    address.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    address.host = text.substr(0, colon);
    port = text.substr(colon);
    if (address.host.find_first_of("[]/?#@ ") != std::string::npos) return wrong();
  }
  if (address.host.empty() || address.host.size() > 253) return wrong();
  if (core::printable(address.host) != address.host) return wrong();
  if (port.empty()) return address;
  port.remove_prefix(1);
  const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (failed != std::errc{} || end != port.data() + port.size() || address.port == 0)
    return wrong();
  return address;
}

std::string ServerAddress::str() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

namespace {

core::Error connect_error(const ServerAddress& server, const boost::system::error_code& failed) {
  std::string message = "connecting to " + server.str() + ": ";
  if (failed == boost::asio::error::connection_refused)
    message += "nothing listens there: is the server running, and is the port right?";
  else if (failed == boost::asio::error::host_unreachable ||
           failed == boost::asio::error::network_unreachable)
    message += "there is no route: check the network and the address";
  else
    message += failed.message();
  return {Code::kUnavailable, std::move(message)};
}

core::Error too_slow(const ServerAddress& server) {
  return {Code::kTimeout, "connecting to " + server.str() +
                              ": no answer in time: check the address, the network and firewalls"};
}

// A program on this machine that listens on a path. Such a connect does not wait for the peer
// but where its queue is full, which counts as not being there.
Result<tcp::socket> connect_path(runtime::Loop& loop, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return core::fail(Code::kInvalid, path + ": the path of a socket has at most 107 bytes");
  std::ranges::copy(path, address.sun_path);
  runtime::Descriptor made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made ||
      ::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return core::fail(Code::kUnavailable, "connecting to " + path + ": " + std::strerror(errno));
  tcp::socket socket(loop.context());
  boost::system::error_code failed;
  socket.assign(tcp::v4(), made.get(), failed);
  if (failed) return core::fail(Code::kIo, "connecting to " + path + ": " + failed.message());
  made.release();
  return socket;
}

// What the deadline cancels: a name look-up or a connect.
Task<Result<tcp::socket>> connect_host(runtime::Loop& loop, ServerAddress server,
                                       core::MonoTime deadline) {
  tcp::resolver resolver(loop.context());
  tcp::socket socket(loop.context());
  bool timed_out = false;
  runtime::Timer timer(loop);
  timer.start(deadline - core::mono_now(), [&] {
    timed_out = true;
    resolver.cancel();
    boost::system::error_code ignored;
    socket.close(ignored);
  });
  std::vector<tcp::endpoint> endpoints;
  boost::system::error_code no_literal;
  const auto literal = boost::asio::ip::make_address(server.host, no_literal);
  if (!no_literal) {
    endpoints.emplace_back(literal, server.port);
  } else {
    const auto [failed, found] =
        co_await resolver.async_resolve(server.host, std::to_string(server.port), runtime::kAwait);
    if (timed_out) co_return core::fail(too_slow(server));
    if (failed)
      co_return core::fail(Code::kUnavailable, "the name '" + server.host + "' is not known (" +
                                                   failed.message() +
                                                   "): check its spelling and the name service");
    for (const auto& entry : found) endpoints.push_back(entry.endpoint());
  }
  boost::system::error_code last = boost::asio::error::host_not_found;
  for (const auto& endpoint : endpoints) {
    boost::system::error_code ignored;
    socket.close(ignored);
    const auto [failed] = co_await socket.async_connect(endpoint, runtime::kAwait);
    if (timed_out) co_return core::fail(too_slow(server));
    if (!failed) co_return std::move(socket);
    if (failed == boost::asio::error::operation_aborted)
      co_return core::fail(Code::kCancelled, "connecting to " + server.str() + " was given up");
    last = failed;
  }
  co_return core::fail(connect_error(server, last));
}

// Where a server is to be looked for, in turn: of a service, wherever its name says.
Task<Result<std::vector<ServerAddress>>> places_of(ServerAddress server) {
  if (!is_service(server.host)) co_return std::vector{std::move(server)};
  runtime::WorkerPool worker(1);
  MUSTER_CO_ASSIGN(auto records, co_await worker.run([&] { return ask_service(server.host); }));
  core::Random random = core::random_seeded();
  co_return in_order(std::move(records), random);
}

// Whoever does not answer leaves time for those behind it.
core::MonoTime share_of(core::MonoTime deadline, std::size_t places_left) {
  const core::MonoTime now = core::mono_now();
  return now + (deadline - now) / static_cast<std::int64_t>(places_left);
}

Task<Result<tcp::socket>> connect_tcp(runtime::Loop& loop, ServerAddress place,
                                      core::MonoTime deadline) {
  if (place.host.starts_with('/')) co_return connect_path(loop, place.host);
  co_return co_await connect_host(loop, std::move(place), deadline);
}

Task<Result<TlsStream>> connect_place(runtime::Loop& loop, ServerAddress place,
                                      std::shared_ptr<const TlsClientContext> tls,
                                      core::MonoTime deadline) {
  MUSTER_CO_ASSIGN(auto socket, co_await connect_tcp(loop, place, deadline));
  if (!tls) co_return TlsStream::plain(loop, std::move(socket));
  auto stream = co_await TlsStream::connect(loop, std::move(socket), std::move(tls),
                                            deadline - core::mono_now());
  if (!stream && stream.error().code == Code::kTimeout) co_return core::fail(too_slow(place));
  if (!stream)
    co_return std::unexpected(
        std::move(stream.error()).while_doing("connecting to " + place.str()));
  co_return stream;
}

// Tries the places of `server` until one is good: one that is there and is somebody else's must
// not hide those behind it.
template <typename Connected, typename Connect>
Task<Result<Connected>> connect_first(ServerAddress server, core::MonoTime deadline,
                                      Connect connect) {
  MUSTER_CO_ASSIGN(auto places, co_await places_of(server));
  Result<Connected> connected = core::fail(too_slow(server));
  for (std::size_t left = places.size(); left > 0 && core::mono_now() < deadline; --left) {
    connected = co_await connect(std::move(places[places.size() - left]), share_of(deadline, left));
    if (connected || connected.error().code == Code::kCancelled) break;
  }
  co_return connected;
}

}  // namespace

Task<Result<TlsStream>> connect_tls(runtime::Loop& loop, ServerAddress server,
                                    std::shared_ptr<const TlsClientContext> tls,
                                    core::Duration at_most) {
  const auto connect = [&](ServerAddress place, core::MonoTime deadline) {
    return connect_place(loop, std::move(place), tls, deadline);
  };
  co_return co_await connect_first<TlsStream>(std::move(server), core::mono_now() + at_most,
                                              connect);
}

Task<Result<std::unique_ptr<RawStream>>> RawStream::connect(runtime::Loop& loop,
                                                            ServerAddress server,
                                                            core::Duration at_most) {
  const auto connect = [&](ServerAddress place, core::MonoTime deadline) {
    return connect_tcp(loop, std::move(place), deadline);
  };
  MUSTER_CO_ASSIGN(auto socket, co_await connect_first<tcp::socket>(
                                    std::move(server), core::mono_now() + at_most, connect));
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  co_return std::make_unique<RawStream>(std::move(socket));
}

Task<Result<std::unique_ptr<WebSocket>>> connect_websocket(
    runtime::Loop& loop, ServerAddress server, std::shared_ptr<const TlsClientContext> tls,
    std::string path, WebSocketLimits limits, core::Duration at_most) {
  const core::MonoTime deadline = core::mono_now() + at_most;
  MUSTER_CO_ASSIGN(auto stream, co_await connect_tls(loop, server, std::move(tls), at_most));
  co_return co_await upgrade_to_websocket(std::move(stream), std::move(server), std::move(path),
                                          limits, deadline - core::mono_now());
}

Task<Result<std::unique_ptr<WebSocket>>> upgrade_to_websocket(TlsStream stream,
                                                              ServerAddress server,
                                                              std::string path,
                                                              WebSocketLimits limits,
                                                              core::Duration at_most) {
  const core::MonoTime deadline = core::mono_now() + at_most;
  const std::string key = core::to_base64(core::random_bytes(16));
  ClientRequest request;
  request.target = std::move(path);
  request.headers = {{"Connection", "Upgrade"},
                     {"Upgrade", "websocket"},
                     {"Sec-WebSocket-Version", "13"},
                     {"Sec-WebSocket-Key", key}};
  MUSTER_CO_ASSIGN(std::string head, detail::request_head(request, server));
  ClientLimits client_limits;
  client_limits.response_time_max = deadline - core::mono_now();
  client_limits.stream_idle_max = client_limits.response_time_max;
  auto exchange =
      std::make_unique<ClientStream::Impl>(std::move(stream), client_limits, server.str(), false);
  MUSTER_CO_TRY(co_await exchange->exchange(std::move(head), {}));
  if (exchange->response.status != 101) {
    auto body = co_await exchange->read(deadline - core::mono_now());
    if (body) exchange->response.body = std::move(*body);
    co_return std::unexpected(
        error_of(exchange->response).while_doing("opening a link to " + server.str()));
  }
  if (exchange->response.header("sec-websocket-accept") != detail::websocket_accept(key))
    co_return core::fail(Code::kInvalid,
                         server.str() + " did not accept the link as RFC 6455 says");
  co_return std::make_unique<WebSocket>(std::move(exchange->stream), WebSocket::Role::kClient,
                                        std::make_shared<const WebSocketLimits>(limits),
                                        std::move(exchange->input));
}

}  // namespace muster::net
