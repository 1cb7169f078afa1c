// SPDX-License-Identifier: Apache-2.0
//
// The half of HttpConnection that answers.
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <ctime>

#include "core/bytes.h"
#include "core/log.h"
#include "net/detail/http_connection.h"
#include "net/detail/websocket_key.h"

namespace muster::net::detail {

using core::Code;
using core::Status;
using runtime::Task;

namespace {

constexpr std::size_t kOnePieceBytesMax = 64 * 1024;  // headers and body in one write

// A value that came from elsewhere must not begin a new header.
std::string header_value(std::string_view text) {
  std::string value(text);
  for (char& c : value)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return value;
}

std::string date() {
  const std::time_t now = core::unix_ms(core::wall_now()) / 1000;
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc)};
}

// One chunk of RFC 9112, 7.1.
std::string chunk(std::string_view bytes) {
  char size[16];
  std::string framed(size, std::to_chars(size, size + sizeof size, bytes.size(), 16).ptr);
  framed.reserve(framed.size() + bytes.size() + 4);
  return framed.append("\r\n").append(bytes).append("\r\n");
}

bool has_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

std::string head_of(const Response& response, bool keep) {
  const auto reason = boost::beast::http::obsolete_reason(
      boost::beast::http::int_to_status(static_cast<unsigned>(response.status)));
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason) +
                     "\r\nDate: " + date() + "\r\n";
  for (const auto& [name, value] : response.headers)
    head += name + ": " + header_value(value) + "\r\n";
  if (!keep) head += "Connection: close\r\n";
  return head;
}

}  // namespace

Task<HttpConnection::After> HttpConnection::fault(HttpFault fault) {
  if (fault.status == 0) {  // there is nobody to answer
    report(0);
    co_return After::kClose;
  }
  Response response = Response::error(fault.error);
  response.status = fault.status;
  co_await send_response(response, false);
  report(fault.status);
  co_return After::kFinish;
}

Task<HttpConnection::After> HttpConnection::respond(Response response) {
  // A body that nobody read would be taken for the next request.
  const bool keep = parser_->keep_alive() && body_was_read() && !service_.stopping &&
                    !(response.producer && !response.content_length && parser_->http_1_0());
  if (response.takeover && response.status != 101) response.takeover = nullptr;
  const Status sent = co_await send_response(response, keep || response.takeover);
  report(response.status);
  if (sent && response.takeover) {
    co_await response.takeover(std::move(stream_), std::move(input_));
    co_return After::kHandedOver;
  }
  if (!sent) co_return After::kClose;
  co_return keep ? After::kNextRequest : After::kFinish;
}

Task<Status> HttpConnection::send_response(Response& response, bool keep) {
  const bool streamed = static_cast<bool>(response.producer);
  const bool body = has_body(response.status);
  const auto length =
      streamed ? response.content_length : std::optional<std::uint64_t>(response.body.size());
  std::string head = head_of(response, keep);
  chunked_ = body && !length && !parser_->http_1_0();
  if (chunked_) head += "Transfer-Encoding: chunked\r\n";
  if (body && length) head += "Content-Length: " + std::to_string(*length) + "\r\n";
  head += "\r\n";
  const bool only_head = !body || request_.method == "HEAD";
  const bool one_piece = !only_head && !streamed && response.body.size() <= kOnePieceBytesMax;
  if (one_piece) head += response.body;
  const core::Duration at_most = service_.options.limits.write_time_max;
  if (auto sent = co_await stream_.write(head, at_most); !sent) co_return sent;
  if (only_head) co_return Status{};
  if (streamed) co_return co_await send_stream(response);
  body_bytes_sent_ = response.body.size();
  if (one_piece) co_return Status{};
  co_return co_await send_paced(response.body);
}

// In parts, so that the time limit asks for progress and not for a fast line.
Task<Status> HttpConnection::send_paced(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kOnePieceBytesMax);
    const core::MonoTime begun = core::mono_now();
    const auto sent = co_await stream_.write(
        part, std::min(service_.options.limits.write_time_max, response_pace_.left()));
    response_pace_.moved(core::mono_now() - begun, sent ? part.size() : 0);
    if ((!sent && sent.error().code == Code::kTimeout) || response_pace_.exhausted()) {
      ++service_.stats.slow_responses_cut;
      co_return core::fail(Code::kTimeout, "the client takes the answer too slowly");
    }
    if (!sent) co_return sent;
    bytes.remove_prefix(part.size());
  }
  co_return Status{};
}

Task<Status> HttpConnection::send_stream(Response& response) {
  gone_ = service_.stopping;
  stream_.watch([this] { set_gone(); });
  Status produced = co_await response.producer(*this);
  on_gone_ = nullptr;
  stream_.unwatch();
  if (!produced) {
    core::log(core::Level::kDebug, "net", "a response was cut",
              {{"route", request_.route}, {"why", produced.error().message}});
    co_return produced;
  }
  if (response.content_length && body_bytes_sent_ != *response.content_length)
    co_return core::fail(Code::kInternal, "the body has not the announced length");
  if (!chunked_) co_return Status{};
  co_return co_await stream_.write("0\r\n\r\n", service_.options.limits.write_time_max);
}

Task<Status> HttpConnection::write(std::string bytes) {
  if (gone_ && !service_.stopping) co_return core::fail(Code::kUnavailable, "the client went away");
  if (bytes.empty()) co_return Status{};
  body_bytes_sent_ += bytes.size();
  const std::string framed = chunked_ ? chunk(bytes) : std::move(bytes);
  auto sent = co_await send_paced(framed);
  if (!sent) set_gone();
  co_return sent;
}

void HttpConnection::on_gone(std::function<void()> action) {
  if (gone_) return action();
  on_gone_ = std::move(action);
}

void HttpConnection::set_gone() {
  gone_ = true;
  if (const auto action = std::exchange(on_gone_, nullptr)) action();
}

Task<HttpConnection::After> HttpConnection::upgrade() {
  const auto key = parser_->websocket_key();
  if (!key || !body_was_read()) {
    Response response = Response::error({Code::kInvalid, "this address is for WebSocket upgrades"});
    response.status = 426;
    response.headers.emplace_back("Upgrade", "websocket");
    response.headers.emplace_back("Sec-WebSocket-Version", "13");
    co_return co_await respond(std::move(response));
  }
  const auto sent = co_await stream_.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
          websocket_accept(*key) + "\r\n\r\n",
      service_.options.limits.write_time_max);
  report(sent ? 101 : 0);
  if (!sent) co_return After::kClose;
  auto socket = std::make_unique<WebSocket>(std::move(stream_), WebSocket::Role::kServer,
                                            route_->websocket_limits, std::move(input_));
  route_->acceptor(request_, std::move(socket));
  co_return After::kHandedOver;
}

void HttpConnection::report(int status) {
  if (service_.options.after && !request_.method.empty())
    service_.options.after(request_, status, body_bytes_sent_,
                           core::mono_now() - request_.received);
}

}  // namespace muster::net::detail
