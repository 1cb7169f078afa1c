// SPDX-License-Identifier: Apache-2.0
#include "net/http_message.h"

#include <array>

#include "core/bytes.h"

namespace muster::net {
namespace {

using core::Code;
using core::Result;

constexpr std::size_t kQueryPairsMax = 100;

struct CodeStatus {
  Code code;
  int status;
};
// The first entry of a status is what that status means to a client.
constexpr CodeStatus kStatuses[] = {
    {Code::kInvalid, 400},     {Code::kUnauthorized, 401}, {Code::kDenied, 403},
    {Code::kNotFound, 404},    {Code::kTimeout, 408},      {Code::kConflict, 409},
    {Code::kExists, 409},      {Code::kLimit, 429},        {Code::kLimit, 413},
    {Code::kLimit, 414},       {Code::kLimit, 431},        {Code::kInternal, 500},
    {Code::kCorrupt, 500},     {Code::kIo, 500},           {Code::kUnavailable, 503},
    {Code::kUnavailable, 502}, {Code::kTimeout, 504},      {Code::kCancelled, 503},
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) c = ' ';
    if (text[i] == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return core::fail(Code::kInvalid, "a '%' in the address is not followed by two hex digits");
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return core::fail(Code::kInvalid, "the address holds a NUL character");
    decoded.push_back(c);
  }
  return decoded;
}

// The string as JSON holds it; malformed UTF-8 becomes \xNN before.
std::string json_string(std::string_view text) {
  const std::string clean = core::is_utf8(text) ? std::string(text) : core::printable(text);
  std::string json = "\"";
  for (const char c : clean) {
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (c == '\n') {
      json += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      json += "\\u00" + core::to_hex(std::string_view(&c, 1));
    } else {
      json += c;
    }
  }
  return json + '"';
}

}  // namespace

std::optional<std::string_view> find(const Pairs& pairs, std::string_view key) {
  for (const auto& [name, value] : pairs)
    if (name == key) return value;
  return std::nullopt;
}

int http_status(Code code) {
  for (const auto& entry : kStatuses)
    if (entry.code == code) return entry.status;
  return 500;
}

Code code_of_status(int status) {
  for (const auto& entry : kStatuses)
    if (entry.status == status) return entry.code;
  return status >= 500 ? Code::kUnavailable : Code::kInvalid;
}

Result<std::string> percent_decode(std::string_view text) {
  return decode(text, false);
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~') {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

Result<Pairs> parse_query(std::string_view query) {
  Pairs pairs;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    if (pairs.size() == kQueryPairsMax)
      return core::fail(Code::kLimit, "the address has more than 100 query parameters");
    const std::size_t equals = std::min(pair.find('='), pair.size());
    MUSTER_ASSIGN(auto name, decode(pair.substr(0, equals), true));
    MUSTER_ASSIGN(auto value, decode(pair.substr(std::min(equals + 1, pair.size())), true));
    pairs.emplace_back(std::move(name), std::move(value));
  }
  return pairs;
}

Response Response::text(int status, std::string body) {
  Response response = bytes(std::move(body), "text/plain; charset=utf-8");
  response.status = status;
  return response;
}

Response Response::json(std::string body, int status) {
  Response response = bytes(std::move(body), "application/json");
  response.status = status;
  return response;
}

Response Response::bytes(std::string body, std::string content_type) {
  Response response;
  response.headers.emplace_back("Content-Type", std::move(content_type));
  response.body = std::move(body);
  return response;
}

Response Response::error(const core::Error& error) {
  auto response = json("{\"error\":{\"code\":" + json_string(core::name(error.code)) +
                           ",\"message\":" + json_string(error.message) + "}}",
                       http_status(error.code));
  if (error.code == core::Code::kUnavailable) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response Response::stream(std::string content_type,
                          std::function<runtime::Task<core::Status>(BodyWriter&)> producer) {
  Response response;
  response.headers.emplace_back("Content-Type", std::move(content_type));
  response.headers.emplace_back("Cache-Control", "no-store");
  response.producer = std::move(producer);
  return response;
}

Response Response::no_content() {
  Response response;
  response.status = 204;
  return response;
}

}  // namespace muster::net
