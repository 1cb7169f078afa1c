// SPDX-License-Identifier: Apache-2.0
//
// A method's package: a manifest that names every file by its hash, and a signature over
// the manifest by the region's publishing key (docs/formats/method-package.md).
//
// The files themselves are content objects, fetched by hash one by one: an endpoint gets
// the manifest, chooses its implementation, and fetches only what that needs. The
// package's digest is the SHA-256 of its manifest's bytes, and so names all of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "identity/signature.h"
#include "methods/metadata.h"
#include "methods/task_name.h"

namespace muster::methods {

inline constexpr std::size_t kManifestBytesMax = 512 * 1024;
inline constexpr std::size_t kPackageFilesMax = 2048;
inline constexpr std::uint64_t kPackageFileBytesMax = 512ULL << 20;
/// A file pack of 64 GiB, and its index.
inline constexpr std::uint64_t kPackageBytesMax = 66ULL << 30;

struct PackageFile {
  std::string path;         ///< below the install folder: `module/tasks/name.sh`
  bool executable = false;  ///< 0755, else 0644
  std::uint64_t size = 0;
  std::string sha256;  ///< 32 raw bytes
  auto operator<=>(const PackageFile&) const = default;
};

struct Package {
  TaskName name;
  std::string version;
  std::string metadata_text;       ///< `NAME.json` as it was written; empty: there was none
  std::vector<PackageFile> files;  ///< sorted by path
  Metadata metadata;               ///< read from metadata_text

  const PackageFile* file(std::string_view path) const;
  /// The executable of `implementation` (null: of a method without a list of them).
  const PackageFile& executable(const Implementation* implementation) const;
  /// True where the method's process gets `_installdir`: it or the implementation lists files.
  bool has_files(const Implementation* implementation) const;
  /// All that must lie on the endpoint to run it, the executable first, each once.
  std::vector<const PackageFile*> needed(const Implementation* implementation) const;
};

/// The manifest's bytes: the same for the same package, always.
std::string manifest_of(const Package& package);

/// Reads foreign bytes and checks everything that running it relies on: names, paths,
/// sizes, metadata without errors, every executable and listed file there. kInvalid or
/// kLimit with the reason.
core::Result<Package> read_manifest(std::string_view manifest);

/// SHA-256 of the manifest, 32 raw bytes: how runs name what they start.
std::string package_digest(std::string_view manifest);

/// A manifest on its way, with the signature that vouches for it.
struct SignedManifest {
  std::string manifest;
  std::string signature;
  std::string key_id;  ///< which publishing key: its PublicKey::id()
};

/// Signs a manifest; the only thing that needs the private key.
SignedManifest sign_manifest(std::string manifest, const identity::PrivateKey& key);

/// The package, where one of `keys` has signed it and read_manifest() accepts it; kDenied
/// where no such key did. Nothing is parsed before the signature holds.
core::Result<Package> verify_package(const SignedManifest& package,
                                     std::span<const identity::PublicKey> keys);

}  // namespace muster::methods
