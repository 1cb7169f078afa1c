// SPDX-License-Identifier: Apache-2.0
//
// How others may call this machine: names for a server's or gateway's certificate.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace muster::member {

/// The host's name where it makes a name for a certificate, else "localhost".
std::string host_name();

/// Addresses that clients may connect to, sorted; those of the loopback are among them.
std::vector<std::string> addresses();

/// Listening there is listening on every address of this machine.
inline bool is_any_address(const std::string& text) {
  return text == "0.0.0.0" || text == "::";
}

/// An IP address, as opposed to a DNS name.
bool is_address(const std::string& text);

}  // namespace muster::member
