// SPDX-License-Identifier: Apache-2.0
#include "net/service_lookup.h"

#include <arpa/nameser.h>
#include <resolv.h>

#include <algorithm>
#include <array>

#include "core/bytes.h"

namespace muster::net {
namespace {

using core::Code;
using core::fail;

/// Of an answer by TCP, which a long list needs.
constexpr std::size_t kAnswerBytesMax = 16 * 1024;
constexpr std::size_t kFixedBytes = 6;  // priority, weight, port

std::unexpected<core::Error> malformed() {
  return fail(Code::kUnavailable, "the name server's answer is malformed");
}

}  // namespace

core::Result<std::vector<ServiceRecord>> read_service_answer(std::string_view message) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  ns_msg parsed;
  if (::ns_initparse(bytes, static_cast<int>(message.size()), &parsed) != 0) return malformed();
  std::vector<ServiceRecord> records;
  const int count = std::min<int>(ns_msg_count(parsed, ns_s_an), kServiceRecordsMax);
  for (int i = 0; i < count; ++i) {
    ns_rr record;
    if (::ns_parserr(&parsed, ns_s_an, i, &record) != 0) return malformed();
    if (ns_rr_type(record) != ns_t_srv) continue;
    if (ns_rr_rdlen(record) <= kFixedBytes) return malformed();
    const unsigned char* data = ns_rr_rdata(record);
    std::array<char, NS_MAXDNAME> target{};
    if (::dn_expand(bytes, bytes + message.size(), data + kFixedBytes, target.data(),
                    target.size()) < 0)
      return malformed();
    ServiceRecord found{static_cast<std::uint16_t>(ns_get16(data)),
                        static_cast<std::uint16_t>(ns_get16(data + 2)),
                        static_cast<std::uint16_t>(ns_get16(data + 4)), target.data()};
    // A single dot says that there is no such service.
    const auto address = ServerAddress::parse(found.target);
    if (found.port != 0 && address && address->host == found.target && !is_service(found.target))
      records.push_back(std::move(found));
  }
  return records;
}

core::Result<std::vector<ServiceRecord>> ask_service(const std::string& name) {
  struct __res_state state = {};
  const auto unknown = [&](std::string_view why) {
    return fail(Code::kUnavailable, "the service '" + core::printable(name, 200) +
                                        "' is not known (" + std::string(why) +
                                        "): check its spelling and its SRV records");
  };
  if (::res_ninit(&state) != 0) return unknown("no name server is configured");
  state.retrans = 2;
  state.retry = 2;
  std::string answer(kAnswerBytesMax, '\0');
  const int size = ::res_nquery(&state, name.c_str(), ns_c_in, ns_t_srv,
                                reinterpret_cast<unsigned char*>(answer.data()),
                                static_cast<int>(answer.size()));
  const int why = state.res_h_errno;
  ::res_nclose(&state);
  if (size < 0) return unknown(::hstrerror(why));
  answer.resize(std::min<std::size_t>(static_cast<std::size_t>(size), answer.size()));
  MUSTER_ASSIGN(auto records, read_service_answer(answer));
  if (records.empty()) return unknown("there are no usable SRV records");
  return records;
}

std::vector<ServerAddress> in_order(std::vector<ServiceRecord> records, core::Random& random) {
  // Those without weight first, so that they have a small chance.
  std::ranges::sort(records, [](const ServiceRecord& a, const ServiceRecord& b) {
    return a.priority != b.priority ? a.priority < b.priority : a.weight == 0 && b.weight != 0;
  });
  std::vector<ServerAddress> order;
  while (!records.empty()) {
    const auto end = std::ranges::find_if(records, [&](const ServiceRecord& record) {
      return record.priority != records.front().priority;
    });
    std::uint64_t sum = 0;
    for (auto at = records.begin(); at != end; ++at) sum += at->weight;
    const std::uint64_t drawn = random.below(sum + 1);
    auto chosen = records.begin();
    for (std::uint64_t reached = chosen->weight; reached < drawn; reached += chosen->weight)
      ++chosen;
    order.push_back({chosen->target, chosen->port});
    records.erase(chosen);
  }
  return order;
}

}  // namespace muster::net
