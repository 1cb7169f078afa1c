// SPDX-License-Identifier: Apache-2.0
//
// One request and its response on a connection that ClientStream::Impl owns meanwhile.
#pragma once

#include <memory>
#include <string>

#include "net/detail/response_parser.h"
#include "net/http_client.h"

namespace muster::net {

class ClientStream::Impl {
 public:
  Impl(TlsStream connection, const ClientLimits& with_limits, std::string to, bool to_head)
      : stream(std::move(connection)),
        parser(with_limits.header_bytes_max, to_head),
        limits(with_limits),
        where(std::move(to)) {}

  /// Sends the head and the body, reads the headers of the answer.
  runtime::Task<core::Status> exchange(std::string head, std::string body,
                                       BodyReader* body_stream = nullptr,
                                       std::optional<std::uint64_t> length = {});
  /// The next part of the body; empty at the end.
  runtime::Task<core::Result<std::string>> read(core::Duration at_most);
  core::Error describe(core::Error error) const;
  runtime::Task<core::Status> send_chunks(BodyReader& body);
  runtime::Task<core::Status> send_whole(BodyReader& body, std::uint64_t length);

  TlsStream stream;
  detail::ResponseParser parser;
  const ClientLimits limits;
  const std::string where;  // host:port
  std::string input;        // read and not yet parsed
  ClientResponse response;
  bool answered = false;  // a byte of the answer came
};

namespace detail {
/// Request line and headers. kInvalid where a name or value holds a line break.
core::Result<std::string> request_head(const ClientRequest& request, const ServerAddress& server);
}  // namespace detail

}  // namespace muster::net
