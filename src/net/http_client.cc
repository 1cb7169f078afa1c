// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include "net/detail/client_exchange.h"
#include "net/detail/tls_channel.h"

namespace muster::net {

using core::Code;
using core::Result;
using core::Status;
using runtime::Task;

ClientStream::ClientStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ClientStream::ClientStream(ClientStream&&) noexcept = default;
ClientStream& ClientStream::operator=(ClientStream&&) noexcept = default;
ClientStream::~ClientStream() = default;

const ClientResponse& ClientStream::response() const {
  return impl_->response;
}

Task<Result<std::string>> ClientStream::read() {
  co_return co_await impl_->read(impl_->limits.stream_idle_max);
}

TlsStream ClientStream::take(std::string& received) && {
  received = std::move(impl_->input);
  return std::move(impl_->stream);
}

HttpClient::HttpClient(runtime::Loop& loop, ServerAddress server,
                       std::shared_ptr<const TlsClientContext> tls, ClientLimits limits)
    : loop_(loop), server_(std::move(server)), tls_(std::move(tls)), limits_(limits) {}

HttpClient::~HttpClient() = default;

Task<Result<std::unique_ptr<ClientStream::Impl>>> HttpClient::exchange(ClientRequest request) {
  using Exchange = std::unique_ptr<ClientStream::Impl>;
  MUSTER_CO_ASSIGN(const std::string head, detail::request_head(request, server_));
  const bool to_head = request.method == "HEAD";
  const bool repeatable = to_head || request.method == "GET";
  while (idle_ && !request.body_stream) {
    auto kept = std::exchange(idle_, nullptr);
    // Anything to read between requests means the end of the connection.
    if (!kept->quiet()) continue;
    Exchange exchange =
        std::make_unique<ClientStream::Impl>(std::move(*kept), limits_, server_.str(), to_head);
    const Status done = co_await exchange->exchange(head, request.body);
    if (done) co_return std::move(exchange);
    const bool dead = done.error().code == Code::kUnavailable && !exchange->answered;
    if (!dead || !repeatable) co_return std::unexpected(done.error());
  }
  MUSTER_CO_ASSIGN(auto stream,
                   co_await connect_tls(loop_, server_, tls_, limits_.connect_time_max));
  Exchange exchange =
      std::make_unique<ClientStream::Impl>(std::move(stream), limits_, server_.str(), to_head);
  MUSTER_CO_TRY(co_await exchange->exchange(head, std::move(request.body), request.body_stream,
                                            request.content_length));
  co_return std::move(exchange);
}

Task<Result<ClientResponse>> HttpClient::request(ClientRequest request) {
  MUSTER_CO_ASSIGN(auto exchange, co_await this->exchange(std::move(request)));
  const core::MonoTime deadline = core::mono_now() + limits_.response_time_max;
  while (!exchange->parser.done()) {
    auto part = co_await exchange->read(deadline - core::mono_now());
    if (!part) co_return std::unexpected(std::move(part.error()));
    exchange->response.body += *part;
    if (exchange->response.body.size() > limits_.body_bytes_max)
      co_return core::fail(Code::kLimit, server_.str() + ": the answer has more than " +
                                             std::to_string(limits_.body_bytes_max) + " bytes");
  }
  ClientResponse response = std::move(exchange->response);
  keep(ClientStream(std::move(exchange)));
  co_return response;
}

void HttpClient::keep(ClientStream stream) {
  ClientStream::Impl& exchange = *stream.impl_;
  if (exchange.parser.done() && exchange.parser.keep_alive() && exchange.input.empty())
    idle_ = std::make_unique<TlsStream>(std::move(exchange.stream));
}

Task<Result<ClientStream>> HttpClient::open(ClientRequest request) {
  MUSTER_CO_ASSIGN(auto exchange, co_await this->exchange(std::move(request)));
  co_return ClientStream(std::move(exchange));
}

namespace {

// The value of a string member of our own error bodies; none where it is not there. What
// is read here is only shown, so this needs no JSON parser.
std::optional<std::string> string_member(std::string_view json, std::string_view name) {
  const std::string quoted = '"' + std::string(name) + '"';
  std::size_t at = json.find(quoted);
  if (at == std::string_view::npos) return std::nullopt;
  at = json.find_first_not_of(" \t\r\n:", at + quoted.size());
  if (at == std::string_view::npos || json[at] != '"') return std::nullopt;
  std::string value;
  for (++at; at < json.size() && json[at] != '"'; ++at) {
    if (json[at] != '\\' || at + 1 == json.size()) {
      value += json[at];
      continue;
    }
    const char escaped = json[++at];
    value += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
  }
  return value;
}

}  // namespace

core::Error error_of(const ClientResponse& response) {
  if (const std::size_t at = response.body.find("\"error\""); at != std::string::npos) {
    const std::string_view json = std::string_view(response.body).substr(at + 7);
    const auto code = string_member(json, "code");
    auto message = string_member(json, "message");
    if (code && message) return {core::code_from_name(*code), std::move(*message)};
  }
  return {code_of_status(response.status),
          "the server answered with status " + std::to_string(response.status)};
}

}  // namespace muster::net
