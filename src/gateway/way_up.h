// SPDX-License-Identifier: Apache-2.0
//
// From an address to a server's /region, whoever is at the address: the server, or a gateway
// that lets others stand behind it. Which of the two it is, its certificate says. Through a
// gateway the same TLS session is made with the server as without one: certificates of both
// ends count, and of the role `server` only at the far one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/upper.h"
#include "net/http_client.h"
#include "net/raw_stream.h"
#include "runtime/loop.h"

namespace muster::gateway {

struct WayUp {
  std::unique_ptr<Upper> upper;                ///< null: the address is the server's
  std::unique_ptr<net::MessageSocket> server;  ///< at /region; not started
};

struct Dialled {
  core::Result<WayUp> way;
  std::vector<std::string> waiting;  ///< where there is no way: see Standing::waiting
};

/// `tls` accepts servers and gateways of the region, or servers only; `self`: this gateway's name.
runtime::Task<Dialled> dial(runtime::Loop& loop, net::ServerAddress address,
                            std::shared_ptr<const net::TlsClientContext> tls, std::string self,
                            core::Duration at_most);

/// A way to the server for another gateway's bytes.
struct Tunnel {
  std::unique_ptr<Upper> upper;  ///< null: straight to the server
  std::unique_ptr<net::RawStream> bytes;
};

/// `through_gateway`: a gateway is at the address, not a server.
runtime::Task<core::Result<Tunnel>> open_tunnel(runtime::Loop& loop, net::ServerAddress address,
                                                bool through_gateway,
                                                std::shared_ptr<const net::TlsClientContext> tls,
                                                std::string self, core::Duration at_most);

}  // namespace muster::gateway
