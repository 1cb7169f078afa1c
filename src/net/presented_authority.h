// SPDX-License-Identifier: Apache-2.0
//
// What a person must see before a region is trusted for the first time.
#pragma once

#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "net/http_client.h"

namespace muster::net {

/// SHA-256 (32 raw bytes) of the DER of the self-signed certificate at the end of the
/// chain that `server` presents. NOTHING is verified and nothing is sent: the value
/// is for a person to compare, then for TlsClientOptions::ca_fingerprint.
/// Blocks, each step at most `at_most`: for programs without a loop of their own.
core::Result<std::string> presented_authority(const ServerAddress& server, core::Duration at_most);

}  // namespace muster::net
