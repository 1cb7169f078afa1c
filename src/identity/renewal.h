// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"

namespace muster::identity {

/// When a certificate is renewed: when a third of its life is left, later by up to a
/// twelfth of its life so that machines enrolled together do not renew together. The
/// rest of its life is for trying again.
core::WallTime renewal_due(core::WallTime not_before, core::WallTime not_after,
                           core::Random& random);

}  // namespace muster::identity
