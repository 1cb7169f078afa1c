// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as requests, in pieces: refused or parsed within the limits, with their
// body, through the parser that the server uses.
#include <cstdint>
#include <string>

#include "core/assert.h"
#include "net/detail/request_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster::net;
  HttpLimits limits;
  limits.header_bytes_max = 2048;
  limits.header_count_max = 8;
  constexpr std::size_t kBodyMax = 500;
  if (size == 0) return 0;
  const std::size_t step = 1 + data[0];
  std::string input, rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  detail::RequestParser parser(limits);
  const auto feed = [&] {
    input += rest.substr(0, step);
    rest.erase(0, std::min(step, rest.size()));
  };
  for (;;) {
    const auto complete = parser.header(input);
    if (!complete) return 0;
    if (*complete) break;
    if (rest.empty()) return 0;
    feed();
  }
  const auto request = parser.request();
  if (!request) return 0;
  MUSTER_ASSERT(request->headers.size() <= limits.header_count_max);
  MUSTER_ASSERT(request->path.starts_with('/'));
  MUSTER_ASSERT(request->path.find('\0') == std::string::npos);
  std::string body;
  while (!parser.done()) {
    if (!parser.body(input, body, kBodyMax)) return 0;
    MUSTER_ASSERT(body.size() <= kBodyMax);
    if (parser.done() || rest.empty()) break;
    feed();
  }
  (void)parser.websocket_key();
  return 0;
}
