// SPDX-License-Identifier: Apache-2.0
//
// Reading requests and finding who answers them; http_response.cc sends the answers.
#include "net/detail/http_connection.h"

#include <array>
#include <boost/system/system_error.hpp>

#include "core/log.h"

namespace muster::net::detail {

using core::Code;
using runtime::Task;

namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr core::Duration kFinishTimeMax = std::chrono::seconds(2);

bool is_cancellation(const std::exception& thrown) {
  const auto* system = dynamic_cast<const boost::system::system_error*>(&thrown);
  return system != nullptr && system->code() == boost::asio::error::operation_aborted;
}

// One read, appended to `input`. 0 at the end of the stream.
Task<core::Result<std::size_t>> read_into(TlsStream& stream, std::string& input,
                                          core::Duration at_most) {
  const std::size_t had = input.size();
  input.resize(had + kReadBytes);
  const auto got = co_await stream.read_some(std::span(input).subspan(had), at_most);
  input.resize(had + (got ? *got : 0));
  co_return got;
}

PeerPace fresh_pace(const HttpLimits& limits) {
  return {limits.body_grace, limits.body_bytes_per_second_min};
}

}  // namespace

HttpConnection::HttpConnection(TlsStream stream, HttpService& service)
    : stream_(std::move(stream)),
      service_(service),
      request_pace_(fresh_pace(service.options.limits)),
      response_pace_(request_pace_) {}

Task<void> HttpConnection::run() {
  while (!service_.stopping) {
    parser_ = std::make_unique<RequestParser>(service_.options.limits);
    request_ = {};
    route_ = nullptr;
    continued_ = false;
    body_bytes_sent_ = 0;
    request_pace_ = response_pace_ = fresh_pace(service_.options.limits);
    const auto header = co_await read_header();
    After after = After::kClose;
    if (!header)
      after = co_await fault(header.error());
    else if (*header)
      after = co_await serve();
    if (after == After::kHandedOver) co_return;
    if (after == After::kFinish) co_return co_await stream_.finish(kFinishTimeMax);
    if (after == After::kClose) break;
  }
  stream_.close();
}

void HttpConnection::stop() {
  if (idle_) stream_.cancel();
  set_gone();
}

// False where the connection ended between requests, or takes too long to ask.
Task<std::expected<bool, HttpFault>> HttpConnection::read_header() {
  const HttpLimits& limits = service_.options.limits;
  core::MonoTime deadline{};
  for (;;) {
    if (!input_.empty() && deadline == core::MonoTime{})
      deadline = core::mono_now() + limits.header_time_max;
    const auto complete = parser_->header(input_);
    if (!complete || *complete) co_return complete;
    const bool begun = deadline != core::MonoTime{};
    if (!begun) std::string().swap(input_);  // nothing is kept while it is idle
    idle_ = !begun;
    const auto got = co_await read_into(stream_, input_,
                                        begun ? deadline - core::mono_now() : limits.idle_time_max);
    idle_ = false;
    if (got && *got > 0) continue;
    if (!got && begun && got.error().code == Code::kTimeout) {
      ++service_.stats.slow_headers_cut;
      co_return std::unexpected(
          HttpFault{408, {Code::kTimeout, "the request's headers took too long"}});
    }
    co_return false;
  }
}

Task<HttpConnection::After> HttpConnection::serve() {
  auto request = parser_->request(service_.router.has_fallback());
  if (!request) co_return co_await fault(std::move(request.error()));
  request_ = std::move(*request);
  request_.received = core::mono_now();
  request_.remote_address = stream_.remote_address();
  request_.peer_certificate = stream_.peer_certificate();
  request_.alpn = stream_.alpn();
  auto refused = find_route();
  if (service_.options.before) {
    if (auto early = co_await before_handler()) refused = std::move(early);
  }
  if (refused) co_return co_await respond(std::move(*refused));
  if (route_->acceptor) co_return co_await upgrade();
  if (route_->options.stream_body) {
    request_.body_stream = this;
  } else if (auto body = co_await read_body(); !body) {
    co_return co_await fault(std::move(body.error()));
  }
  co_return co_await respond(co_await call_handler());
}

// The one rule about who gets where: links reach WebSockets, others reach handlers.
std::optional<Response> HttpConnection::find_route() {
  const bool link = request_.alpn == kAlpnLink && !request_.peer_certificate.empty();
  auto match = service_.router.match(request_.method, parser_->path_segments());
  route_ = match.route;
  if (route_ != nullptr && (route_->acceptor != nullptr) != link) {
    route_ = nullptr;
    return Response::error(
        link ? core::Error{Code::kDenied,
                           "connections with the protocol muster-link/1 carry links "
                           "only: use http/1.1"}
             : core::Error{Code::kDenied,
                           "this address is for links: connect with the protocol "
                           "muster-link/1 and a certificate of this region"});
  }
  if (route_ != nullptr) {
    request_.params = std::move(match.params);
    request_.route = route_->pattern;
    request_.options = &route_->options;
    return std::nullopt;
  }
  if (match.allow.empty())
    return Response::error({Code::kNotFound, "there is nothing at " + request_.path});
  Response response = Response::error({Code::kInvalid, request_.method + " is not possible at " +
                                                           request_.path + ", but " + match.allow});
  response.status = 405;
  response.headers.emplace_back("Allow", match.allow);
  return response;
}

Task<std::optional<Response>> HttpConnection::before_handler() {
  std::string what;
  try {
    co_return co_await service_.options.before(request_);
  } catch (const std::exception& thrown) {
    if (is_cancellation(thrown)) throw;
    what = thrown.what();
  }
  core::log(core::Level::kError, "net", "a hook threw",
            {{"route", request_.route}, {"what", what}});
  co_return Response::error({Code::kInternal, "the server made a mistake; see its log"});
}

Task<Response> HttpConnection::call_handler() {
  std::string what;
  try {
    co_return co_await route_->handler(request_);
  } catch (const std::exception& thrown) {
    if (is_cancellation(thrown)) throw;
    what = thrown.what();
  }
  core::log(core::Level::kError, "net", "a handler threw",
            {{"route", request_.route}, {"what", what}});
  co_return Response::error({Code::kInternal, "the server made a mistake; see its log"});
}

Task<std::expected<void, HttpFault>> HttpConnection::read_body() {
  const core::MonoTime deadline = core::mono_now() + route_->options.body_time_max;
  do {
    const auto more = co_await read_more_body(request_.body, deadline - core::mono_now());
    if (!more) co_return more;
  } while (!parser_->done());
  co_return std::expected<void, HttpFault>{};
}

Task<std::expected<void, HttpFault>> HttpConnection::read_more_body(std::string& into,
                                                                    core::Duration at_most) {
  const std::size_t had = into.size();
  const std::size_t bytes_max = route_->options.body_bytes_max;
  auto parsed = parser_->body(input_, into, bytes_max);
  if (!parsed || parser_->done() || into.size() > had) co_return parsed;
  if (!continued_ && parser_->expects_continue()) {
    continued_ = true;
    const auto sent = co_await stream_.write("HTTP/1.1 100 Continue\r\n\r\n",
                                             service_.options.limits.write_time_max);
    if (!sent) co_return std::unexpected(HttpFault{0, sent.error()});
  }
  const core::MonoTime begun = core::mono_now();
  const auto got = co_await read_into(stream_, input_, std::min(at_most, request_pace_.left()));
  request_pace_.moved(core::mono_now() - begun, got.value_or(0));
  if ((!got && got.error().code == Code::kTimeout) || request_pace_.exhausted()) {
    ++service_.stats.slow_requests_cut;
    co_return std::unexpected(HttpFault{408, {Code::kTimeout, "the body took too long"}});
  }
  if (!got) co_return std::unexpected(HttpFault{0, got.error()});
  if (*got == 0)
    co_return std::unexpected(
        HttpFault{0, {Code::kUnavailable, "the client went away while it sent its body"}});
  co_return parser_->body(input_, into, bytes_max);
}

Task<core::Result<std::string>> HttpConnection::read() {
  std::string bytes;
  while (bytes.empty() && !parser_->done()) {
    auto more = co_await read_more_body(bytes, route_->options.body_time_max);
    if (!more) co_return std::unexpected(std::move(more.error().error));
  }
  co_return bytes;
}

}  // namespace muster::net::detail
