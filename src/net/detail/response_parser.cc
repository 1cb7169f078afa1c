// SPDX-License-Identifier: Apache-2.0
#include "net/detail/response_parser.h"

#include <array>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace muster::net::detail {

namespace http = boost::beast::http;
using core::Code;
using core::Result;
using core::Status;

struct ResponseParser::Beast {
  http::response_parser<http::buffer_body> parser;

  Beast(std::size_t header_bytes_max, bool to_head) {
    parser.header_limit(static_cast<std::uint32_t>(header_bytes_max));
    parser.body_limit(boost::none);  // whoever reads the body counts it
    parser.eager(false);
    parser.skip(to_head);
  }
};

ResponseParser::ResponseParser(std::size_t header_bytes_max, bool to_head)
    : header_bytes_max_(header_bytes_max),
      to_head_(to_head),
      beast_(std::make_unique<Beast>(header_bytes_max, to_head)) {}

ResponseParser::~ResponseParser() = default;

Result<bool> ResponseParser::header(std::string& input) {
  while (!input.empty()) {
    boost::system::error_code failed;
    const std::size_t used = beast_->parser.put(boost::asio::buffer(input), failed);
    input.erase(0, used);
    if (failed && failed != http::error::need_more)
      return core::fail(Code::kInvalid, "the server's answer is no HTTP: " + failed.message());
    if (!beast_->parser.is_header_done()) {
      if (input.size() > header_bytes_max_)
        return core::fail(Code::kLimit, "the headers of the server's answer are too long");
      return false;
    }
    const unsigned status = beast_->parser.get().result_int();
    if (status >= 200 || status == 101) return true;
    beast_ = std::make_unique<Beast>(header_bytes_max_, to_head_);
  }
  return false;
}

ClientResponse ResponseParser::response() {
  ClientResponse response;
  const auto& message = beast_->parser.get();
  response.status = static_cast<int>(message.result_int());
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    response.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  return response;
}

Status ResponseParser::body(std::string& input, std::string& body) {
  auto& parser = beast_->parser;
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
    if (failed == http::error::need_more) {
      if (input.size() > header_bytes_max_)
        return core::fail(Code::kInvalid, "the header of a chunk is too long");
      return {};
    }
    if (failed && failed != http::error::need_buffer)
      return core::fail(Code::kInvalid, "the body is malformed: " + failed.message());
    if (used == 0 && got == 0) return {};
  }
  return {};
}

Status ResponseParser::end_of_stream() {
  boost::system::error_code failed;
  beast_->parser.put_eof(failed);
  if (failed || !beast_->parser.is_done())
    return core::fail(Code::kUnavailable, "the server cut the connection in its answer");
  return {};
}

bool ResponseParser::done() const {
  return beast_->parser.is_done();
}

bool ResponseParser::keep_alive() const {
  return beast_->parser.keep_alive() && !beast_->parser.need_eof();
}

}  // namespace muster::net::detail
