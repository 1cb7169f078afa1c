// SPDX-License-Identifier: Apache-2.0
//
// Methods on this machine's disk, and the key that signs them. The key stays here: the
// server gets its public half and what it has signed.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/config.h"
#include "methods/package_builder.h"

namespace muster::cli {

/// What `muster method publish` and `sign` are told about a folder.
struct MethodChoice {
  std::string folder;
  std::vector<std::string> tasks;  ///< empty: all but helpers
  std::string module;
  std::string version;
};

/// The packages of a folder's tasks. kInvalid with every mistake, a line each.
core::Result<std::vector<methods::BuiltPackage>> build_methods(const MethodChoice& choice);

/// The file of the publishing key: `given`, else $MUSTER_PUBLISHING_KEY, else
/// publishing-key.pem beside the login file.
std::filesystem::path publishing_key_file(const Environment& environment,
                                          const std::optional<std::string>& given);

/// kNotFound says how to make one.
core::Result<identity::PrivateKey> load_publishing_key(const std::filesystem::path& file);

/// A signed manifest as a file, for machines that are never online.
std::string signed_file_name(const methods::Package& package);
core::Status write_signed(const std::filesystem::path& folder, const methods::Package& package,
                          const methods::SignedManifest& manifest);
/// kConflict where the file there was signed for another content than the package's.
core::Result<methods::SignedManifest> read_signed(const std::filesystem::path& folder,
                                                  const methods::BuiltPackage& built);

}  // namespace muster::cli
