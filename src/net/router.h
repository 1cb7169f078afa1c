// SPDX-License-Identifier: Apache-2.0
//
// Router finds the handler of a request. Pure; filled before the server starts.
//
// A pattern is a path whose segments may be {name} (one segment, not empty); a last
// {name...} takes the rest of the path, also none. Literal segments win over
// parameters, parameters over the rest.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_message.h"
#include "net/websocket.h"

namespace muster::net {

/// Called with the open link; whoever takes it calls start().
using WebSocketAcceptor = std::function<void(const Request&, std::unique_ptr<WebSocket>)>;

struct Route {
  std::string method;  ///< Empty for a WebSocket.
  std::string pattern;
  Handler handler;
  WebSocketAcceptor acceptor;
  std::shared_ptr<const WebSocketLimits> websocket_limits;
  RouteOptions options;
  std::vector<std::string> segments;  ///< Of the pattern.
};

class Router {
 public:
  Router();
  Router(Router&&) noexcept;
  ~Router();
  /// Asserts that the pattern is well-formed and new for its method.
  void add(std::string method, std::string pattern, Handler handler, RouteOptions options = {});
  /// Served on kAlpnLink only: the caller has proven a certificate of the region.
  void add_websocket(std::string pattern, WebSocketAcceptor acceptor, WebSocketLimits limits = {});

  /// Takes what no other route takes: any method, any address, as sent. With it requests are not
  /// refused for an address that cannot be decoded. At most one.
  void add_fallback(Handler handler, RouteOptions options);
  bool has_fallback() const { return fallback_ != nullptr; }

  struct Match {
    const Route* route = nullptr;  ///< None: 404, or 405 where `allow` is not empty.
    Pairs params;
    std::string allow;  ///< "GET, HEAD, POST"
  };
  /// `path_segments`: of split_path(), which decodes after splitting, so that an escaped
  /// slash stays inside its segment.
  Match match(std::string_view method, const std::vector<std::string>& path_segments) const;

 private:
  std::vector<std::unique_ptr<Route>> routes_;
  std::unique_ptr<Route> fallback_;
};

/// The segments of a path, decoded. kInvalid unless it begins with '/', on bad escapes
/// and on the segments "." and "..".
core::Result<std::vector<std::string>> split_path(std::string_view raw_path);

}  // namespace muster::net
