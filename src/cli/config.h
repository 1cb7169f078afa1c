// SPDX-License-Identifier: Apache-2.0
//
// Which region `muster` talks to, and as whom.
//
// Sources, first wins: MUSTER_SERVER (several: with commas) with MUSTER_TOKEN and MUSTER_CA, a
// file, or MUSTER_CA_FINGERPRINT;
// ~/.config/muster/client.json, written by `muster login`; client.json in the
// state folder, written by `muster up` on the same machine; without MUSTER_STATE also the one of
// this machine's service.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace muster::cli {

/// A variable of the environment; empty ones count as not set.
using Environment = std::function<std::optional<std::string>(const char* name)>;

/// The environment of this process.
std::optional<std::string> process_environment(const char* name);

/// Where the packages' services keep their state.
inline constexpr const char* kSystemState = "/var/lib/muster";

struct Region {
  std::string server;          ///< "https://host:7443", no slash at the end.
  std::string ca_pem;          ///< The region's certificate authority; the only one trusted.
  std::string ca_fingerprint;  ///< Or its fingerprint, base 32, where only that is known.
  std::string token;           ///< "mat1.<id>.<secret>"; empty before login.
  std::string token_id;        ///< The id that `muster logout` voids; empty where not ours to void.
  std::string source;          ///< Where this was found, for messages.
  std::vector<std::string> others = {};  ///< Further servers of it, for when that is away.
};

/// $XDG_CONFIG_HOME/muster/client.json, else ~/.config/muster/client.json.
std::filesystem::path login_file(const Environment& environment);
/// $MUSTER_STATE/client.json, else ~/.local/share/muster/client.json.
std::filesystem::path state_file(const Environment& environment);

/// The region by the precedence above. kUnauthorized where there is none: the
/// message says what to do. kCorrupt for a file that cannot be read as JSON.
core::Result<Region> find_region(const Environment& environment);

/// The fingerprint of a certificate as people write it: groups with hyphens, any case.
/// kInvalid names `what` it was given as.
core::Result<std::string> read_fingerprint(std::string text, std::string_view what);

/// A file that the caller named by `what` ("--ca"). That it is missing is a mistake in the
/// command line (kInvalid), not a host or run that was not found.
core::Result<std::string> read_given_file(const std::string& path, std::size_t bytes_max,
                                          std::string_view what);

/// Reads and writes one such file; written with mode 0600, replaced atomically.
core::Result<Region> load_region(const std::filesystem::path& file);
core::Status save_region(const std::filesystem::path& file, const Region& region);

/// "box", "box:7443", "https://box:7443/" → "https://box:7443"; kInvalid for what
/// is no address, and for http:// (the port speaks TLS only).
core::Result<std::string> normal_server(std::string_view text);
/// The same of several, with commas between them: the first is `server`, the rest `others`.
core::Status set_servers(Region& region, std::string_view text);

}  // namespace muster::cli
