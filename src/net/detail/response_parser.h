// SPDX-License-Identifier: Apache-2.0
//
// ResponseParser turns the bytes that a server sends into one response. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "net/http_client.h"

namespace muster::net::detail {

class ResponseParser {
 public:
  /// `to_head`: the request was a HEAD, whose answer has no body.
  ResponseParser(std::size_t header_bytes_max, bool to_head);
  ~ResponseParser();

  /// Uses up bytes of `input`. True when the headers are complete; interim responses
  /// (100 Continue) are skipped.
  core::Result<bool> header(std::string& input);
  /// Status and headers. Call once.
  ClientResponse response();
  /// Moves body bytes from `input` to the end of `body`.
  core::Status body(std::string& input, std::string& body);
  /// The connection has ended: fails unless that is a way to end this body.
  core::Status end_of_stream();
  bool done() const;
  bool keep_alive() const;

 private:
  struct Beast;
  const std::size_t header_bytes_max_;
  const bool to_head_;
  std::unique_ptr<Beast> beast_;
};

}  // namespace muster::net::detail
