// SPDX-License-Identifier: Apache-2.0
#include "net/probe.h"

#include <array>

namespace muster::net {

using boost::asio::ip::tcp;

runtime::Task<PortProbe> probe_port(runtime::Loop& loop, std::string host, std::uint16_t port,
                                    bool listens, core::Duration at_most) {
  PortProbe probe;
  boost::system::error_code wrong;
  const auto address = boost::asio::ip::make_address(host, wrong);
  if (wrong) co_return probe;
  tcp::socket socket(loop.context());
  runtime::Timer timer(loop);
  timer.start(at_most, [&] {
    boost::system::error_code ignored;
    socket.close(ignored);
  });
  const auto [failed] = co_await socket.async_connect({address, port}, runtime::kAwait);
  probe.open = !failed;
  probe.refused = failed == boost::asio::error::connection_refused;
  std::array<char, kProbeBytesMax> buffer;
  while (probe.open && listens && probe.said.size() < kProbeBytesMax &&
         !probe.said.contains('\n')) {
    const auto [ended, bytes] = co_await socket.async_read_some(
        boost::asio::buffer(buffer.data(), kProbeBytesMax - probe.said.size()), runtime::kAwait);
    probe.said.append(buffer.data(), bytes);
    if (ended) break;
  }
  probe.said.resize(std::min(probe.said.find_first_of("\r\n"), probe.said.size()));
  co_return probe;
}

}  // namespace muster::net
