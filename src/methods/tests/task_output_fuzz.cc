// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as what a method said; the first byte is its exit status.
#include <boost/json/serialize.hpp>
#include <cstdint>

#include "core/assert.h"
#include "core/bytes.h"
#include "methods/task_result.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  if (size == 0) return 0;
  methods::TaskOutput output;
  output.exit_code = data[0] & 1;
  output.stdout_cut = (data[0] & 2) != 0;
  output.stdout_bytes = {reinterpret_cast<const char*>(data) + 1, size - 1};
  if ((data[0] & 4) != 0) std::swap(output.stdout_bytes, output.stderr_bytes);
  const auto result = methods::parse_task_output(output);
  MUSTER_ASSERT(result.succeeded == !result.value.contains("_error"));
  MUSTER_ASSERT(!result.succeeded || output.exit_code == 0);
  if (!result.succeeded) MUSTER_ASSERT(!result.error_message().empty() || result.structured);
  MUSTER_ASSERT(core::is_utf8(boost::json::serialize(result.value)));
  return 0;
}
