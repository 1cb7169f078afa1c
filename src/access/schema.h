// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/migration.h"

namespace muster::access {

/// The tables of this module; give it to store::Options::migrations.
store::MigrationSet migrations();

}  // namespace muster::access
