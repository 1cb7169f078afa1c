// SPDX-License-Identifier: Apache-2.0
#include "net/detail/client_exchange.h"

#include <algorithm>
#include <cstdio>

namespace muster::net {

using core::Code;
using core::Result;
using core::Status;
using runtime::Task;

namespace {

constexpr std::size_t kReadBytes = 16 * 1024;

Task<Result<std::size_t>> read_into(TlsStream& stream, std::string& input, core::Duration at_most) {
  const std::size_t had = input.size();
  input.resize(had + kReadBytes);
  auto got = co_await stream.read_some(std::span(input).subspan(had), at_most);
  input.resize(had + (got ? *got : 0));
  co_return got;
}

}  // namespace

core::Error ClientStream::Impl::describe(core::Error error) const {
  if (error.code == Code::kTimeout) error.message = "the server did not answer in time";
  return std::move(error).while_doing(where);
}

Task<Status> ClientStream::Impl::send_chunks(BodyReader& body) {
  for (;;) {
    MUSTER_CO_ASSIGN(const std::string bytes, co_await body.read());
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    // The last one has no bytes.
    MUSTER_CO_TRY(co_await stream.write(size + bytes + "\r\n", limits.stream_idle_max));
    if (bytes.empty()) co_return Status{};
  }
}

Task<Status> ClientStream::Impl::send_whole(BodyReader& body, std::uint64_t length) {
  for (;;) {
    MUSTER_CO_ASSIGN(const std::string bytes, co_await body.read());
    if (bytes.empty() && length == 0) co_return Status{};
    if (bytes.empty() || bytes.size() > length)
      co_return core::fail(Code::kInvalid, "the body has not the announced length");
    length -= bytes.size();
    MUSTER_CO_TRY(co_await stream.write(bytes, limits.stream_idle_max));
  }
}

Task<Status> ClientStream::Impl::exchange(std::string head, std::string body,
                                          BodyReader* body_stream,
                                          std::optional<std::uint64_t> length) {
  core::MonoTime deadline = core::mono_now() + limits.response_time_max;
  if (body.size() <= kReadBytes) head += std::exchange(body, {});
  auto sent = co_await stream.write(head, deadline - core::mono_now());
  if (sent && !body.empty()) sent = co_await stream.write(body, deadline - core::mono_now());
  if (sent && body_stream != nullptr) {
    sent = length ? co_await send_whole(*body_stream, *length) : co_await send_chunks(*body_stream);
    deadline = core::mono_now() + limits.response_time_max;
  }
  // A server that refuses a body answers before it has read it: look for that answer.
  core::Error why = sent ? core::Error{} : std::move(sent.error());
  for (;;) {
    auto complete = parser.header(input);
    if (!complete) co_return core::fail(describe(std::move(complete.error())));
    if (*complete) break;
    const auto got = co_await read_into(stream, input, deadline - core::mono_now());
    if (!got) co_return core::fail(describe(sent ? got.error() : std::move(why)));
    if (*got == 0)
      co_return core::fail(
          describe({Code::kUnavailable, "the server closed the connection without an answer"}));
    answered = true;
  }
  response = parser.response();
  co_return Status{};
}

Task<Result<std::string>> ClientStream::Impl::read(core::Duration at_most) {
  std::string bytes;
  for (;;) {
    if (auto parsed = parser.body(input, bytes); !parsed)
      co_return core::fail(describe(std::move(parsed.error())));
    if (!bytes.empty() || parser.done()) co_return bytes;
    const auto got = co_await read_into(stream, input, at_most);
    if (!got) co_return core::fail(describe(got.error()));
    if (*got > 0) continue;
    if (auto ended = parser.end_of_stream(); !ended)
      co_return core::fail(describe(std::move(ended.error())));
    co_return bytes;
  }
}

Result<std::string> detail::request_head(const ClientRequest& request,
                                         const ServerAddress& server) {
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\n";
  const auto given = [&](std::string_view wanted) {
    return std::ranges::any_of(request.headers, [&](const auto& header) {
      return std::ranges::equal(header.first, wanted, {}, [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
    });
  };
  if (!given("host")) head += "Host: " + server.str() + "\r\n";
  if (!given("user-agent")) head += "User-Agent: muster\r\n";
  if (request.target.empty() || request.target.find_first_of(" \r\n") != std::string::npos ||
      request.method.empty() || request.method.find_first_of(" \r\n") != std::string::npos)
    return core::fail(Code::kInvalid, "the method or address of the request is malformed");
  for (const auto& [name, value] : request.headers) {
    if (name.find_first_of(": \r\n") != std::string::npos ||
        value.find_first_of("\r\n") != std::string::npos)
      return core::fail(Code::kInvalid, "the header '" + name + "' holds a line break");
    head += name + ": " + value + "\r\n";
  }
  const bool has_body = request.method != "GET" && request.method != "HEAD";
  if (request.body_stream && request.content_length)
    head += "Content-Length: " + std::to_string(*request.content_length) + "\r\n";
  else if (request.body_stream)
    head += "Transfer-Encoding: chunked\r\n";
  else if (has_body || !request.body.empty())
    head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return head + "\r\n";
}

}  // namespace muster::net
