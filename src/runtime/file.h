// SPDX-License-Identifier: Apache-2.0
//
// Small files read whole and replaced atomically. Blocking: not on a busy loop.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::runtime {

/// The whole file; kLimit beyond `bytes_max`, kNotFound where there is none.
core::Result<std::string> read_file(const std::filesystem::path& path,
                                    std::size_t bytes_max = 16 * 1024 * 1024);

/// Replaces `path` by `bytes`: after a crash there is the old file or the new one,
/// whole. Synced to the disk before it returns. New files get `mode`.
core::Status write_file(const std::filesystem::path& path, std::string_view bytes,
                        mode_t mode = 0600);

/// Makes the folder and its parents where missing, with mode 0700 for the last.
core::Status make_private_folder(const std::filesystem::path& path);

}  // namespace muster::runtime
