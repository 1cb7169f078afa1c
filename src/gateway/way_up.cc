// SPDX-License-Identifier: Apache-2.0
#include "gateway/way_up.h"

#include "identity/certificate.h"

namespace muster::gateway {
namespace {

using core::Code;
using core::fail;
using runtime::Task;

constexpr net::WebSocketLimits kRegionLimits{wire::kRegionFrameBytesMax, 64UL * 1024 * 1024};

core::Result<identity::Role> role_of(const net::TlsStream& stream) {
  MUSTER_ASSIGN(const auto certificate, identity::Certificate::from_der(stream.peer_certificate()));
  MUSTER_ASSIGN(const auto peer, identity::peer_identity(certificate));
  return peer.role;
}

Task<core::Result<std::unique_ptr<Upper>>> reach_upper(runtime::Loop& loop, net::TlsStream stream,
                                                       net::ServerAddress address, std::string self,
                                                       core::MonoTime deadline) {
  auto socket = co_await net::upgrade_to_websocket(std::move(stream), address, "/repeat",
                                                   kRepeatLimits, deadline - core::mono_now());
  if (!socket && socket.error().code == Code::kNotFound)
    co_return fail(Code::kNotFound, address.str() +
                                        " is a gateway that lets nobody stand behind it: it is of "
                                        "an older version; update it, or name a server");
  if (!socket) co_return fail(std::move(socket.error()));
  co_return std::make_unique<Upper>(loop, std::move(self), std::move(*socket));
}

}  // namespace

Task<Dialled> dial(runtime::Loop& loop, net::ServerAddress address,
                   std::shared_ptr<const net::TlsClientContext> tls, std::string self,
                   core::Duration at_most) {
  const core::MonoTime deadline = core::mono_now() + at_most;
  const auto left = [&] { return deadline - core::mono_now(); };
  const auto no_way = [](core::Error why) { return Dialled{fail(std::move(why)), {}}; };
  auto stream = co_await net::connect_tls(loop, address, tls, at_most);
  if (!stream) co_return no_way(std::move(stream.error()));
  const auto role = role_of(*stream);
  if (!role) co_return no_way(core::Error(role.error()));
  WayUp way;
  if (*role != identity::Role::kServer) {
    auto upper = co_await reach_upper(loop, std::move(*stream), address, std::move(self), deadline);
    if (!upper) co_return no_way(std::move(upper.error()));
    way.upper = std::move(*upper);
    if (auto welcome = co_await way.upper->ask(left()); !welcome)
      co_return Dialled{
          core::fail(std::move(welcome.error()).while_doing("standing behind " + address.str())),
          way.upper->waiting()};
    auto tunnel = way.upper->open_tunnel();
    if (!tunnel) co_return no_way(std::move(tunnel.error()));
    stream = co_await net::TlsStream::connect(loop, std::move(*tunnel), std::move(tls), left());
    if (!stream) {
      const std::string& why = way.upper->why();
      co_return no_way(why.empty() ? std::move(stream.error())
                                   : core::Error{Code::kUnavailable, why});
    }
    // The gateway above has a valid certificate, too: it must not answer in the server's place.
    const auto far = role_of(*stream);
    if (!far || *far != identity::Role::kServer)
      co_return no_way({Code::kDenied, "behind " + address.str() +
                                           " answers no server of the region: the gateway there "
                                           "is not to be trusted"});
  }
  auto socket = co_await net::upgrade_to_websocket(std::move(*stream), std::move(address),
                                                   "/region", kRegionLimits, left());
  if (!socket) co_return no_way(std::move(socket.error()));
  way.server = std::move(*socket);
  co_return Dialled{std::move(way), {}};
}

Task<core::Result<Tunnel>> open_tunnel(runtime::Loop& loop, net::ServerAddress address,
                                       bool through_gateway,
                                       std::shared_ptr<const net::TlsClientContext> tls,
                                       std::string self, core::Duration at_most) {
  const core::MonoTime deadline = core::mono_now() + at_most;
  Tunnel tunnel;
  if (!through_gateway) {
    MUSTER_CO_ASSIGN(tunnel.bytes, co_await net::RawStream::connect(loop, address, at_most));
    co_return tunnel;
  }
  MUSTER_CO_ASSIGN(auto stream, co_await net::connect_tls(loop, address, std::move(tls), at_most));
  MUSTER_CO_ASSIGN(tunnel.upper, co_await reach_upper(loop, std::move(stream), std::move(address),
                                                      std::move(self), deadline));
  MUSTER_CO_TRY(co_await tunnel.upper->ask(deadline - core::mono_now()));
  MUSTER_CO_ASSIGN(auto end, tunnel.upper->open_tunnel());
  tunnel.bytes = std::make_unique<net::RawStream>(std::move(end));
  co_return tunnel;
}

}  // namespace muster::gateway
