// SPDX-License-Identifier: Apache-2.0
//
// From a folder with a pack.toml to the index of a pack and the containers of its chunks.
// Command line only. Reads the disk, blocking; memory grows with the number of chunks and
// the size of one container, not with the pack.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "packs/description.h"
#include "packs/index.h"
#include "packs/tables.h"

namespace muster::packs {

/// Where bytes of a container lie on this disk.
struct Piece {
  std::filesystem::path file;
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
};

struct BuiltPack {
  Index index;
  std::string encoded;  ///< the index
  Tables tables;        ///< those that no older version has
  /// Of each container of the index: its pieces; none of those that an older version has.
  std::vector<std::vector<Piece>> pieces;
  std::uint64_t fresh_bytes = 0;  ///< in containers that no older version has
};

/// Reads `folder`/pack.toml.
core::Result<Description> describe_folder(const std::filesystem::path& folder);

/// `before`: an older version whose containers may be used, or null. A file that changes
/// while it is read is kConflict; what is no file, folder or link kInvalid.
core::Result<BuiltPack> build_pack(const std::filesystem::path& folder,
                                   const Description& description, const Index* before);

/// The bytes of one container, which is not an older version's; they are what the index
/// says, else kConflict.
core::Result<std::string> container_bytes(const BuiltPack& pack, std::size_t container);

}  // namespace muster::packs
