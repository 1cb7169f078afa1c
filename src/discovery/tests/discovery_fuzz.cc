// SPDX-License-Identifier: Apache-2.0
//
// Feeds datagrams to both sides. Input: one byte says whether the tag is made right (so that what
// lies behind it is reached), the rest is the datagram.
#include <cstdint>

#include "core/assert.h"
#include "discovery/responder.h"
#include "discovery/seeker.h"

namespace {

using namespace muster;
using namespace muster::discovery;

constexpr std::size_t kTagAt = 26, kTextAt = 58;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const RegionKey key(std::string(32, 'k'));
  const std::string nonce(kNonceBytes, 'n');
  std::string datagram(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 1 && datagram.size() >= kTextAt) {
    const std::string covered = datagram.substr(0, kTagAt) + datagram.substr(kTextAt);
    datagram.replace(kTagAt, kTextAt - kTagAt, key.tag(datagram[8], covered));
  }
  Responder responder(key, kServers | kGateways | kEndpoints);
  responder.set_answer({.places = {{kServers, "host", 1}}});
  const auto answer = responder.hear(datagram, "10.0.0.1", {});
  MUSTER_ASSERT(!answer || answer->size() <= datagram.size());
  if (const auto read = read_answer(key, nonce, datagram))
    for (const Place& place : read->places)
      MUSTER_ASSERT(place.port != 0 && place.host.size() <= kHostBytesMax);
  Seeker seeker(key, kServers | kGateways, nonce, {});
  seeker.hear(datagram, "10.0.0.1", {});
  MUSTER_ASSERT(seeker.found().size() <= kPlacesMax);
  return 0;
}
