// SPDX-License-Identifier: Apache-2.0
//
// RequestParser turns the bytes of a connection into one Request and its body: Beast's
// parser behind our limits. Pure: no sockets.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/http_message.h"
#include "net/http_server.h"

namespace muster::net::detail {

/// What to answer to bytes that are no request; the connection ends after it.
struct HttpFault {
  int status;
  core::Error error;
};

class RequestParser {
 public:
  explicit RequestParser(const HttpLimits& limits);
  ~RequestParser();

  /// Uses up bytes of `input`. True when the headers are complete.
  std::expected<bool, HttpFault> header(std::string& input);

  /// After header(): method, target, path, query, headers. Call once. `any_target`: one that
  /// cannot be decoded is no fault; its path is then as sent, without segments and query.
  std::expected<Request, HttpFault> request(bool any_target = false);
  /// The decoded segments of the path, for Router::match().
  const std::vector<std::string>& path_segments() const { return segments_; }

  /// Moves body bytes from `input` to the end of `body`. Fails with 413 when the body
  /// has more than `bytes_max` in all.
  std::expected<void, HttpFault> body(std::string& input, std::string& body, std::size_t bytes_max);
  /// The whole request was read.
  bool done() const;
  std::optional<std::uint64_t> content_length() const;
  bool keep_alive() const;
  bool http_1_0() const;
  bool expects_continue() const;
  /// The client's key, where the request asks to become a WebSocket.
  std::optional<std::string> websocket_key() const;

 private:
  struct Beast;
  std::expected<void, HttpFault> check_framing() const;
  std::expected<void, HttpFault> read_target(Request& request);
  const HttpLimits& limits_;
  bool first_line_seen_ = false;
  std::unique_ptr<Beast> beast_;
  std::vector<std::string> segments_;
  std::uint64_t body_bytes_ = 0;
};

}  // namespace muster::net::detail
