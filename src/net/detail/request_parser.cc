// SPDX-License-Identifier: Apache-2.0
#include "net/detail/request_parser.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <limits>

#include "core/bytes.h"
#include "net/router.h"

namespace muster::net::detail {
namespace {

namespace http = boost::beast::http;
using core::Code;

std::unexpected<HttpFault> fault(int status, Code code, std::string message) {
  return std::unexpected(HttpFault{status, {code, std::move(message)}});
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

}  // namespace

struct RequestParser::Beast {
  http::request_parser<http::buffer_body> parser;
};

RequestParser::RequestParser(const HttpLimits& limits)
    : limits_(limits), beast_(std::make_unique<Beast>()) {
  beast_->parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
  beast_->parser.body_limit(boost::none);  // counted here: it is known after the headers
  beast_->parser.eager(false);
}

RequestParser::~RequestParser() = default;

std::expected<bool, HttpFault> RequestParser::header(std::string& input) {
  if (input.empty()) return false;
  boost::system::error_code failed;
  const std::size_t used = beast_->parser.put(boost::asio::buffer(input), failed);
  first_line_seen_ = first_line_seen_ || input.find('\n') < limits_.header_bytes_max;
  const bool too_long = input.size() > limits_.header_bytes_max;
  input.erase(0, used);
  if (beast_->parser.is_header_done() && !failed) return true;
  if (!failed || failed == http::error::need_more) {
    if (!too_long) return false;
    failed = http::error::header_limit;
  }
  if (failed == http::error::header_limit) {
    if (!first_line_seen_) return fault(414, Code::kLimit, "the address is too long");
    return fault(431, Code::kLimit, "the request's headers are too long");
  }
  return fault(400, Code::kInvalid, "this is no HTTP request: " + failed.message());
}

// Where a body ends must be one thing to everybody who reads this request after us.
std::expected<void, HttpFault> RequestParser::check_framing() const {
  std::size_t lengths = 0, encodings = 0;
  for (const auto& field : beast_->parser.get()) {
    if (field.name() == http::field::content_length) {
      ++lengths;
      // A list of equal numbers is what some take for one, others for the first or for none.
      if (!std::ranges::all_of(field.value(), [](char c) { return c >= '0' && c <= '9'; }))
        return fault(400, Code::kInvalid, "Content-Length is one whole number");
    }
    if (field.name() != http::field::transfer_encoding) continue;
    ++encodings;
    if (!boost::beast::iequals(field.value(), "chunked"))
      return fault(501, Code::kInvalid, "of transfer encodings only 'chunked' is understood");
  }
  if (lengths + encodings > 1)
    return fault(400, Code::kInvalid, "a request says exactly once how long its body is");
  if (encodings > 0 && http_1_0())
    return fault(400, Code::kInvalid, "HTTP/1.0 has no transfer encodings");
  return {};
}

std::expected<Request, HttpFault> RequestParser::request(bool any_target) {
  const auto& message = beast_->parser.get();
  Request request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  if (request.target.size() > limits_.target_bytes_max)
    return fault(414, Code::kLimit, "the address is too long");
  std::size_t hosts = 0;
  for (const auto& field : message) {
    if (request.headers.size() == limits_.header_count_max)
      return fault(431, Code::kLimit, "the request has too many headers");
    request.headers.emplace_back(lower(field.name_string()), std::string(field.value()));
    hosts += field.name() == http::field::host ? 1 : 0;
  }
  if (hosts > 1 || (hosts == 0 && !http_1_0()))
    return fault(400, Code::kInvalid, "a request names its Host exactly once");
  if (auto framed = check_framing(); !framed) return std::unexpected(std::move(framed.error()));
  if (auto read = read_target(request); !read) {
    if (!any_target) return std::unexpected(std::move(read.error()));
    segments_.clear();
    request.path = request.target.substr(0, request.target.find('?'));
    request.query.clear();
  }
  return request;
}

std::expected<void, HttpFault> RequestParser::read_target(Request& request) {
  std::string_view target = request.target;
  target = target.substr(0, target.find('#'));
  const std::size_t mark = std::min(target.find('?'), target.size());
  auto segments = split_path(target.substr(0, mark));
  if (!segments) return fault(400, segments.error().code, std::move(segments.error().message));
  segments_ = std::move(*segments);
  for (const auto& segment : segments_) request.path += '/' + segment;
  auto query = parse_query(target.substr(std::min(mark + 1, target.size())));
  if (!query) return fault(400, query.error().code, std::move(query.error().message));
  request.query = std::move(*query);
  return {};
}

std::expected<void, HttpFault> RequestParser::body(std::string& input, std::string& body,
                                                   std::size_t bytes_max) {
  auto& parser = beast_->parser;
  if (const auto length = content_length(); length && *length > bytes_max)
    return fault(413, Code::kLimit,
                 "the body has more than " + std::to_string(bytes_max) + " bytes");
  std::array<char, 16 * 1024> block;
  while (!parser.is_done() && !input.empty()) {
    parser.get().body().data = block.data();
    parser.get().body().size = block.size();
    parser.get().body().more = true;
    boost::system::error_code failed;
    const std::size_t used = parser.put(boost::asio::buffer(input), failed);
    input.erase(0, used);
    const std::size_t got = block.size() - parser.get().body().size;
    body.append(block.data(), got);
    body_bytes_ += got;
    if (body_bytes_ > bytes_max)
      return fault(413, Code::kLimit,
                   "the body has more than " + std::to_string(bytes_max) + " bytes");
    if (failed == http::error::need_more) {
      // What is kept unparsed is at most a chunk's header line.
      if (input.size() > limits_.header_bytes_max)
        return fault(400, Code::kInvalid, "the header of a chunk is too long");
      return {};
    }
    if (failed && failed != http::error::need_buffer)
      return fault(400, Code::kInvalid, "the body is malformed: " + failed.message());
    if (used == 0 && got == 0) return {};
  }
  return {};
}

bool RequestParser::done() const {
  return beast_->parser.is_done();
}

std::optional<std::uint64_t> RequestParser::content_length() const {
  const auto length = beast_->parser.content_length();
  return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
}

bool RequestParser::keep_alive() const {
  return beast_->parser.keep_alive();
}

bool RequestParser::http_1_0() const {
  return beast_->parser.get().version() < 11;
}

bool RequestParser::expects_continue() const {
  return boost::beast::iequals(beast_->parser.get()[http::field::expect], "100-continue");
}

std::optional<std::string> RequestParser::websocket_key() const {
  const auto& message = beast_->parser.get();
  const auto key = message[http::field::sec_websocket_key];
  if (http_1_0() || message.method() != http::verb::get) return std::nullopt;
  if (!http::token_list(message[http::field::connection]).exists("upgrade")) return std::nullopt;
  if (!http::token_list(message[http::field::upgrade]).exists("websocket")) return std::nullopt;
  if (message[http::field::sec_websocket_version] != "13") return std::nullopt;
  const auto decoded = core::from_base64(std::string_view(key.data(), key.size()));
  if (!decoded || decoded->size() != 16) return std::nullopt;
  return std::string(key);
}

}  // namespace muster::net::detail
