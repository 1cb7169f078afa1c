// SPDX-License-Identifier: Apache-2.0
//
// Requests and responses as handlers see them. Nothing here knows sockets or Beast.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "runtime/task.h"

namespace muster::net {

class TlsStream;

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// The value of the first pair with this key; none where there is none.
std::optional<std::string_view> find(const Pairs& pairs, std::string_view key);

/// The HTTP status of a kind of failure: the one table (kNotFound → 404 …).
int http_status(core::Code code);
/// The reverse, for clients whose error body is not ours.
core::Code code_of_status(int status);

/// Percent-decoding of a path segment ('+' stays). kInvalid on a bad escape or a NUL.
core::Result<std::string> percent_decode(std::string_view text);
/// Everything but unreserved characters escaped; fits a segment and a query value.
std::string percent_encode(std::string_view text);
/// "a=1&b=x%20y" in order ('+' is a space). kInvalid on bad escapes, kLimit beyond 100.
core::Result<Pairs> parse_query(std::string_view query);

/// Reads a body that a route takes as a stream.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  /// The next bytes, as they come; empty at the end. kLimit beyond the route's limit,
  /// kTimeout, kUnavailable when the client went away.
  virtual runtime::Task<core::Result<std::string>> read() = 0;
};

/// Takes the body of a streamed response.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  /// Sends `bytes` now (one chunk). An error means: the client is gone or too slow; end.
  virtual runtime::Task<core::Status> write(std::string bytes) = 0;
  /// The client has closed the connection or the server stops.
  virtual bool gone() const = 0;
  /// Calls `action` once when gone() becomes true, so that a producer that waits for
  /// something else can be woken (`writer.on_gone([&] { signal.notify(); })`).
  virtual void on_gone(std::function<void()> action) = 0;
};

struct RouteOptions {
  std::size_t body_bytes_max = 1024 * 1024;
  /// The handler reads the body itself (request.body_stream) instead of getting it whole.
  bool stream_body = false;
  /// Time to receive the whole body (streamed: each read).
  core::Duration body_time_max = std::chrono::seconds(30);
  /// Free for the hooks: what a caller must be allowed to do, for example.
  std::string access;
};

struct Request {
  std::string method;                 ///< "GET"; HEAD reaches the handlers of GET as "HEAD".
  std::string target;                 ///< As sent.
  std::string path;                   ///< Decoded, without query.
  Pairs query;                        ///< Decoded.
  Pairs headers;                      ///< Names in lower case.
  Pairs params;                       ///< What matched {name} in the route.
  std::string body;                   ///< Whole, unless the route streams.
  BodyReader* body_stream = nullptr;  ///< Set where the route streams.

  std::string remote_address;
  std::string peer_certificate;  ///< DER; empty on API connections. Of kAlpnPeer: not verified.
  std::string alpn;
  std::string route;                      ///< "/v1/hosts/{id}"; empty where none matched.
  const RouteOptions* options = nullptr;  ///< Of that route.
  core::MonoTime received{};
  /// For the before-hook to leave what it found out (the caller, a request id).
  std::shared_ptr<void> context;

  std::optional<std::string_view> header(std::string_view lower_case_name) const {
    return find(headers, lower_case_name);
  }
  /// A route's parameter; empty where the route has none of that name.
  std::string_view param(std::string_view name) const {
    return find(params, name).value_or(std::string_view{});
  }
  std::optional<std::string_view> query_value(std::string_view name) const {
    return find(query, name);
  }
};

struct Response {
  int status = 200;
  Pairs headers;
  std::string body;
  /// Instead of `body`: called after the headers were sent. Without `content_length`
  /// the body is chunked. An error breaks the connection, so that a cut body shows.
  std::function<runtime::Task<core::Status>(BodyWriter&)> producer;
  std::optional<std::uint64_t> content_length;
  /// With status 101: called after the headers were sent, with the connection and what was read
  /// of it already. It owns the connection from there on, as long as it runs.
  std::function<runtime::Task<void>(TlsStream, std::string received)> takeover;

  static Response text(int status, std::string body);
  static Response json(std::string body, int status = 200);
  static Response bytes(std::string body, std::string content_type);
  /// {"error":{"code":…,"message":…}} with the status of its code.
  static Response error(const core::Error& error);
  static Response stream(std::string content_type,
                         std::function<runtime::Task<core::Status>(BodyWriter&)> producer);
  static Response no_content();
};

using Handler = std::function<runtime::Task<Response>(Request&)>;

}  // namespace muster::net
