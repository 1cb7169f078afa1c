// SPDX-License-Identifier: Apache-2.0
//
// A folder as a signed file pack: the package of a private method `pack::NAME` that holds the
// index, the containers, and the program that installs them (docs/formats/file-pack.md).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "methods/package.h"
#include "packs/builder.h"

namespace muster::cli {

/// The program that installs packs, for one type of machine.
struct PackProgram {
  std::string machine;  ///< x86_64, aarch64
  std::filesystem::path file;
};

/// Those that lie beside this program, or in `folder` where it is not empty; one for each type.
/// kNotFound where there is none.
core::Result<std::vector<PackProgram>> find_pack_programs(const std::filesystem::path& folder);

struct PackPackage {
  methods::Package package;
  std::string manifest;
  std::vector<std::string> programs;  ///< their bytes, as the package's executables
};

/// kLimit where the pack does not fit into a package.
core::Result<PackPackage> package_of(const packs::BuiltPack& pack,
                                     const std::vector<PackProgram>& programs);

}  // namespace muster::cli
