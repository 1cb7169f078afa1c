// SPDX-License-Identifier: Apache-2.0
//
// Looks whether anything listens at an address and port, and what it says first.
#pragma once

#include <cstdint>
#include <string>

#include "core/clock.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace muster::net {

struct PortProbe {
  bool open = false;     ///< a connection was made
  bool refused = false;  ///< none, but the machine answered: it is there
  std::string said;      ///< the first line, as it came: foreign bytes
};

/// Bytes of what a service says first that are looked at.
inline constexpr std::size_t kProbeBytesMax = 255;

/// Connects to `host`, an IP address. `listens`: and waits for a first line. Whatever happens is
/// over within `at_most`.
runtime::Task<PortProbe> probe_port(runtime::Loop& loop, std::string host, std::uint16_t port,
                                    bool listens, core::Duration at_most);

}  // namespace muster::net
