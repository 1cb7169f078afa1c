// SPDX-License-Identifier: Apache-2.0
//
// Any line of a local user: refused, or a question that is the same when it is written again
// and whose name can be no path.
#include <cstdint>

#include "agent/user_request.h"
#include "core/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  const auto read = agent::read_user_request({reinterpret_cast<const char*>(data), size});
  if (!read) {
    MUSTER_ASSERT(!read.error().message.empty());
    return 0;
  }
  MUSTER_ASSERT(read->name.find_first_of("/.\n\0 ") == std::string::npos);
  const auto again = agent::read_user_request(agent::encode(*read));
  MUSTER_ASSERT(again && again->call == read->call && again->name == read->name &&
                again->version == read->version);
  return 0;
}
