// SPDX-License-Identifier: Apache-2.0
//
// The files of a state folder, in and out of a backup.
#pragma once

#include <filesystem>

#include "server/state_transfer.h"

namespace muster::server {

/// Keys, certificates, the red button, published methods and large results; not the database, and
/// nothing that can be fetched again.
core::Status put_files(const std::filesystem::path& state, store::Database& backup,
                       Transferred& done);
/// kCorrupt where a file is not what was written, or would lie outside of `folder`.
core::Status get_files(store::Connection& backup, const std::filesystem::path& folder,
                       Transferred& done);

}  // namespace muster::server
