// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as target, headers and paths of a call: refused or within the limits, and what is
// passed on reads as the same call.
#include <cstdint>
#include <string>
#include <string_view>

#include "core/assert.h"
#include "manage/access.h"
#include "manage/call.h"
#include "manage/files.h"
#include "manage/operation.h"
#include "manage/proxy.h"

namespace {

using namespace muster;

void try_call(const net::Request& request) {
  const auto call = manage::parse_call(request);
  if (!call) return;
  MUSTER_ASSERT(call->arguments.size() <= manage::kArgumentsMax);
  MUSTER_ASSERT(call->via.size() <= manage::kViaMax && call->trail.size() <= manage::kDepthMax);
  MUSTER_ASSERT(call->time_left <= manage::kTimeMax);
  if (const auto operation = manage::find_operation(call->operation))
    (void)manage::check_arguments(**operation, *call);
  const auto next = manage::onward(*call, call->via, "self", call->time_left);
  net::Request again;
  again.method = "POST";
  again.target = next.target;
  again.headers = {{std::string(manage::kSign), "1"}};
  const auto same = manage::parse_call(again);
  MUSTER_ASSERT(same && same->arguments == call->arguments && same->via == call->via);
}

void try_place(std::string_view text) {
  const auto place = manage::Place::parse(text);
  if (!place) return;
  const std::string whole = "/" + place->below + "/";
  MUSTER_ASSERT(!whole.contains("/../") && !whole.contains("/./") && !whole.contains('\0'));
  MUSTER_ASSERT(place->below.empty() || !whole.contains("//"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto line = [&] {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto taken = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return taken;
  };
  net::Request request;
  request.method = "POST";
  request.target = line();
  try_place(request.target);
  (void)manage::Rule::parse(request.target);
  (void)manage::parse_application(request.target);
  if (const auto range = manage::parse_range(request.target, 1000); range && *range)
    MUSTER_ASSERT((*range)->count > 0 && (*range)->first + (*range)->count <= 1000);
  while (!rest.empty()) {
    const auto header = line();
    const auto colon = std::min(header.find(':'), header.size());
    request.headers.emplace_back(std::string(header.substr(0, colon)),
                                 std::string(header.substr(std::min(colon + 1, header.size()))));
  }
  if (const auto onward = manage::headers_onward(request, "self"))
    for (const auto& [name, value] : *onward)
      MUSTER_ASSERT(name != "connection" && name != "transfer-encoding" &&
                    name != "content-length" && !name.starts_with("muster-"));
  (void)manage::headers_back(request.headers);
  if (manage::has_sign(request.headers)) try_call(request);
  return 0;
}
