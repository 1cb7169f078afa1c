// SPDX-License-Identifier: Apache-2.0
//
// Transport carries requests to the server. The real one is http_transport.cc;
// tests plug in one that answers from a table, so that every command runs
// without a network.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cli/config.h"
#include "core/result.h"

namespace muster::cli {

struct Request {
  std::string method = "GET";
  std::string target = {};           ///< Path and query, escaped.
  std::string body = {};             ///< Empty for none.
  std::string idempotency_key = {};  ///< Sent where not empty; the request may then be repeated.
  std::string cookie = {};           ///< Instead of the token; login only.
  std::string content_type = "application/json";  ///< Of the body.
};

struct Answer {
  int status = 0;
  std::string body;
  std::string cookie;  ///< "name=value" of Set-Cookie; only login looks at it.
};

struct Event {
  std::string name;
  std::string data;
};

/// Who reads a stream of events. Each call returns whether to go on reading.
class EventReader {
 public:
  virtual ~EventReader() = default;
  virtual bool on_event(const Event& event) = 0;
  /// About twice a second, so that a clock on the screen moves.
  virtual bool on_tick() = 0;
  /// Ctrl-C or SIGTERM arrived; default behaviour is suspended while reading.
  virtual bool on_interrupt(bool terminate) = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  /// Blocks. An answer of any status is a value; kUnavailable and kTimeout name
  /// the address and what to do.
  virtual core::Result<Answer> request(Request request) = 0;
  /// Reads server-sent events until the reader or the stream ends. An answer that
  /// is no stream is an error with the server's message.
  virtual core::Status events(std::string target, EventReader& reader) = 0;
};

/// Opens nothing yet: each request connects by itself.
std::unique_ptr<Transport> make_http_transport(Region region);

/// The fingerprint (SHA-256 of the DER, base 32, as join tokens carry it) of the
/// authority that `server` presents. Nothing is verified: a person must compare it.
core::Result<std::string> presented_fingerprint(std::string server);

}  // namespace muster::cli
