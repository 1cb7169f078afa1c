// SPDX-License-Identifier: Apache-2.0
#include "agent/version.h"

namespace muster::agent {
namespace {

constexpr std::size_t kMarkBytes = 22;  // of the words
[[gnu::used]] constexpr char kVersion[64] = "muster-agent version: " MUSTER_VERSION;

}  // namespace

std::string_view version() {
  const char* mark = kVersion;
  asm("" : "+r"(mark));  // read from where it stands, not from what the compiler knows of it
  return mark + kMarkBytes;
}

}  // namespace muster::agent
