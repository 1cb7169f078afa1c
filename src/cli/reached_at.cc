// SPDX-License-Identifier: Apache-2.0
#include "cli/reached_at.h"

#include "cli/json_access.h"

namespace muster::cli {

std::string_view without_scheme(std::string_view server) {
  return server.starts_with("https://") ? server.substr(8) : server;
}

bool is_loopback(std::string_view server) {
  server = without_scheme(server);
  return server.starts_with("127.") || server.starts_with("localhost:") ||
         server.starts_with("[::1]");
}

std::string reached_at(Client& client) {
  std::string given(without_scheme(client.server()));
  if (!is_loopback(given)) return given;
  const auto list = client.get({"servers"});
  if (!list) return given;
  for (const Json& server : elements(*list, "servers")) {
    if (text(server, "role") != "leader") continue;
    for (const Json& address : elements(server, "addresses"))
      if (address.is_string() && !is_loopback(std::string(address.get_string())))
        return std::string(address.get_string());
  }
  return given;
}

}  // namespace muster::cli
